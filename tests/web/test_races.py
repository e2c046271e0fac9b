"""Fifty at once: one success, the others are told cleanly, and what the one did is what holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from accounts.core.links.link import get_link
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.flows import LINKS
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.kit.tables import dump_tables
from tests.people import OTHER_PASSWORD, Person, Service, make_email, token_of_url
from tests.web.endpoints import problem_code
from tests.web.live_links import CREATING_PURPOSES, FORM_DATA, PASSWORD_PURPOSES, browser_for_link, make_link_url

pytestmark = on_both_databases
CROWD = 50


def word(number: int) -> str:
    return f"{OTHER_PASSWORD} {number:03}"


def outcomes(answers: list[TestResponse]) -> Counter[tuple[int, str]]:
    return Counter((answer.status_code, problem_code(answer)) for answer in answers)


def crowd_at_link(service: Service, purpose: str, url: str) -> tuple[Counter[tuple[int, str]], list[int]]:
    """Fifty act on one link, each with a password of their own if it asks for one; outcomes, and who succeeded.

    They are strangers, but where the account itself must act: there it is one session in fifty hands.
    """
    if get_link(service.site, purpose).needs_session:
        headers, people = same_browser(service, browser_for_link(service, purpose, url))
    else:
        headers, people = {"X-CSRF-Token": ""}, [service.person() for _ in range(CROWD)]
        for person in people:
            person.get("/api/csrf")

    def act(number: int) -> TestResponse:
        data = {**FORM_DATA[purpose], "token": token_of_url(url)}
        data |= {"password": word(number)} if purpose in PASSWORD_PURPOSES else {}
        return people[number].post(f"/api/l/{purpose}", data, headers=headers)

    answers = run_concurrently(CROWD, act)
    return outcomes(answers), [number for number, answer in enumerate(answers) if answer.status_code < 300]


def right_passwords(service: Service, email: str, winners: list[int]) -> list[int]:
    """Which passwords of the crowd sign in: those of the winners and of every seventh are tried."""
    numbers = sorted({*winners, *range(0, CROWD, 7)})
    return [n for n in numbers if service.person(email=email, password=word(n)).sign_in().status_code == 200]


@pytest.mark.parametrize("purpose", [link.purpose for link in LINKS])
def test_a_link_is_accepted_once_and_exactly_that_password_signs_in(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    email = service.sink.messages[-1].recipients[0]
    outcome, winners = crowd_at_link(service, purpose, url)
    created = 201 if purpose in CREATING_PURPOSES else 200
    assert outcome == {(created, ""): 1, (410, "link_used"): CROWD - 1}
    assert acts_of(service, purpose, url) == 1
    if purpose in PASSWORD_PURPOSES:
        assert right_passwords(service, email, winners) == winners


def acts_of(service: Service, purpose: str, url: str) -> int:
    """How many events say that they were done by a link."""
    link_id = service.site.link_signer.verify(service.site.links[purpose], token_of_url(url)).link_id
    by_it = select(func.count()).select_from(AuditRow).where(AuditRow.link_id == link_id)
    return int(service.uow().fetch_all(by_it)[0][0])


def test_an_invitation_of_an_existing_account_is_accepted_once(service: Service) -> None:
    admin, member = service.admin(), service.member()
    admin.post("/api/admin/invites", {"email": member.email, "groups": ["editors"]})
    token = service.link_token(member.email, "invite")
    data, again = same_browser(service, member)
    answers = run_concurrently(
        CROWD, lambda number: again[number].post("/api/l/invite", {"token": token}, headers=data)
    )
    assert outcomes(answers) == {(200, ""): 1, (410, "link_used"): CROWD - 1}
    assert member.get("/api/account").get_json()["groups"] == ["editors"]


def same_browser(service: Service, person: Person) -> tuple[dict[str, str], list[Person]]:
    """The session of one person in the hands of fifty threads, and its CSRF header."""
    cookie = person.client.get_cookie("session")
    assert cookie is not None
    copies = [service.person(email=person.email) for _ in range(CROWD)]
    for copy in copies:
        copy.client.set_cookie("session", cookie.value)
    return {"X-CSRF-Token": person.get("/api/account").get_json()["csrf_token"]}, copies


SPELLINGS: list[Callable[[str], str]] = [
    str.upper,
    str.lower,
    str.title,
    lambda email: email,
    lambda email: email.replace("example", "EXAMPLE"),
    lambda email: email.replace("crowd", "Crowd"),
    lambda email: email.replace("@example.org", "@Example.ORG"),
    lambda email: email.replace("crowd", "CROWD"),
]


def test_fifty_sign_ups_of_one_address_in_eight_spellings_make_one_account(service: Service) -> None:
    email = make_email("crowd")
    people = [service.person(network="192.0.2.9") for _ in range(CROWD)]
    for person in people:
        person.get("/api/csrf")
    spelled = [spell(email) for spell in SPELLINGS]
    assert len(set(spelled)) == len(SPELLINGS) - 1, "one of them is the lower-case form itself"
    answers = run_concurrently(CROWD, lambda n: people[n].post("/api/sign-up", {"email": spelled[n % len(spelled)]}))
    assert outcomes(answers) == {(202, ""): 3, (429, "too_many_requests"): CROWD - 3}, "one bucket for all spellings"

    service.deliver()
    letters = [mail for mail in service.sink.messages if mail.recipients[0].lower() == email]
    tokens = [service.link_token(mail.recipients[0], "activate") for mail in letters]
    assert len(tokens) == 3
    people = [service.person(password=word(number)) for number in range(3)]
    results = [{"token": token, "password": word(number)} for number, token in enumerate(tokens)]
    answers = run_concurrently(3, lambda number: people[number].post("/api/l/activate", results[number]))
    assert outcomes(answers) == {(201, ""): 1, (410, "link_used"): 2}
    assert len(dump_tables(service)[Account.__tablename__]) == 1


def test_fifty_sign_outs_of_one_session_are_all_answered_and_end_it(service: Service) -> None:
    member = service.member()
    data, copies = same_browser(service, member)
    answers = run_concurrently(CROWD, lambda number: copies[number].post("/api/sign-out", headers=data))
    assert outcomes(answers) == {(204, ""): CROWD}
    assert not any(copy.signed_in for copy in (member, *copies))


def test_of_concurrent_changes_of_a_password_one_holds(service: Service) -> None:
    member = service.member()
    data, copies = same_browser(service, member)

    def change(number: int) -> TestResponse:
        passwords = {"current_password": member.password, "password": word(number)}
        return copies[number].post("/api/account/password", passwords, headers=data)

    answers = run_concurrently(CROWD, change)
    winners = [number for number, answer in enumerate(answers) if answer.status_code == 200]
    assert len(winners) == 1
    assert {problem_code(answer) for answer in answers} <= {
        "",
        "conflict",
        "not_signed_in",
        "too_many_requests",
        "invalid_input",
    }
    assert max(answer.status_code for answer in answers) < 500
    assert right_passwords(service, member.email, winners) == winners
    assert [copy.signed_in for copy in copies].count(True) == 1, "this browser goes on, all others are out"
