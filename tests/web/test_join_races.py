"""Many at once for the last places of a link for several people."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import select, update

from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.shared_invites import SharedInvite
from accounts.flows.invites import shared
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.kit.shared_invites import SharedLink, ask_to_join, make_shared_link, uses_of
from tests.people import Person, Service, make_email
from tests.web.endpoints import problem_code

CROWD = 50
SCHOOL = "192.0.2.30"


def waiting_crowd(service: Service, link: SharedLink, **attributes: Any) -> list[tuple[Person, str]]:
    """People with a mailed link in hand, each from a network of their own unless it is said otherwise."""
    people = [service.person(email=make_email("crowd"), **attributes) for _ in range(CROWD)]
    assert {ask_to_join(each, link).status_code for each in people} == {202}
    service.deliver()
    return [(each, service.link_token(each.email, "join-shared")) for each in people]


def use_all(crowd: list[tuple[Person, str]]) -> Counter[tuple[int, str]]:
    def use(number: int) -> tuple[int, str]:
        person, token = crowd[number]
        answer = person.post("/api/l/join-shared", {"token": token, "password": person.password})
        return answer.status_code, problem_code(answer)

    return Counter(run_concurrently(len(crowd), use))


def joined(service: Service) -> int:
    statement = select(Account.email).where(Account.email.like("crowd%"))
    return len(service.uow().fetch_all(statement))


@on_both_databases
def test_of_fifty_at_once_one_gets_the_last_place_and_all_others_are_told(service: Service) -> None:
    link = make_shared_link(service, places=CROWD)
    # From networks of their own: the counter of one would let them in one by one, before the place is asked for.
    crowd = waiting_crowd(service, link)
    with service.uow() as uow:
        uow.session.execute(update(SharedInvite).values(uses=CROWD - 1))
    assert use_all(crowd) == {(201, ""): 1, (410, "invite_full"): CROWD - 1}
    assert (uses_of(service, link), joined(service)) == (CROWD, 1)
    kinds = [row[0] for row in service.uow().fetch_all(select(AuditRow.kind))]
    assert (kinds.count("shared-invite.used"), kinds.count("shared-invite.full")) == (1, 1)


@on_both_databases
def test_a_class_of_fifty_behind_one_network_gets_in_at_once(service: Service) -> None:
    link = make_shared_link(service, places=CROWD)
    assert use_all(waiting_crowd(service, link, network=SCHOOL)) == {(201, ""): CROWD}
    assert (uses_of(service, link), joined(service)) == (CROWD, CROWD)


@on_both_databases
def test_one_address_with_three_links_at_once_takes_one_place(service: Service) -> None:
    link, email = make_shared_link(service, places=CROWD), make_email("crowd")
    crowd = []
    for _ in range(3):
        person = service.person(network=SCHOOL, email=email)
        assert ask_to_join(person, link).status_code == 202
        crowd.append((person, service.link_token(email, "join-shared")))
    assert use_all(crowd) == {(201, ""): 1, (410, "link_used"): 2}
    assert uses_of(service, link) == 1


@on_both_databases
def test_taking_it_back_among_many_uses_lets_in_who_came_before_and_nobody_after(service: Service) -> None:
    link = make_shared_link(service, places=CROWD)
    crowd = waiting_crowd(service, link)[:20]
    outcomes: list[tuple[int, str]] = []

    def act(number: int) -> None:
        if number == len(crowd):
            shared.revoke_shared_invite(service.uow(), link.id)
            return
        person, token = crowd[number]
        answer = person.post("/api/l/join-shared", {"token": token, "password": person.password})
        outcomes.append((answer.status_code, problem_code(answer)))

    run_concurrently(len(crowd) + 1, act)
    told = Counter(outcomes)
    assert told.keys() <= {(201, ""), (410, "link_revoked")}
    assert told[(201, "")] == joined(service) == uses_of(service, link)
