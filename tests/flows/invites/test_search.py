"""Looking through the ledger: by state, batch, address and name, page by page."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.errors import InvalidInput
from accounts.core.models.invites import SentInvite
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.search import INVITE_STATES, InviteSearchForm, search_invites
from accounts.flows.invites.send import InviteForm
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import batch_of, sent
from tests.flows.steps import use_link
from tests.people import PASSWORD, Service


def invited(service: Service, email: str, name: str = "") -> SentInvite:
    return send_invites.send_invite(
        service.uow(), InviteForm.model_validate({"email": email, "name": name, "days": 2})
    )


def found(service: Service, **data: object) -> list[str]:
    with service.uow() as uow:
        return [row.email for row in search_invites(uow, InviteSearchForm.model_validate(data)).rows]


@on_both_databases
def test_a_state_is_looked_for_as_it_is_shown(service: Service) -> None:
    with time_machine.travel(now() - timedelta(days=5)):
        invited(service, "expired@example.org")
    for state in ("pending", "accepted", "revoked"):
        invited(service, f"{state}@example.org")
    use_link(service, INVITE, service.link_token("accepted@example.org", "invite"), {"password": PASSWORD})
    with service.uow() as uow:
        (row,) = search_invites(uow, InviteSearchForm(q="revoked@")).rows
    manage_invites.revoke_invite(service.uow(), row.id)
    for state in INVITE_STATES:
        assert found(service, state=state) == [f"{state}@example.org"]
    with service.uow() as uow:
        assert {row.email.partition("@")[0]: row.state for row in search_invites(uow, InviteSearchForm()).rows} == {
            state: state for state in INVITE_STATES
        }


@on_both_databases
def test_addresses_and_names_are_found_by_a_part_of_them_whatever_their_case(service: Service) -> None:
    invited(service, "Ann.B@example.org", "Änne Öztürk")
    invited(service, "a_n@example.org", "100 % Bob")
    assert (
        found(service, q="änNE") == found(service, q="ann.b") == found(service, q="ÖZT ann") == ["Ann.B@example.org"]
    )
    assert found(service, q="a_n") == found(service, q="%") == ["a_n@example.org"]
    assert found(service, q="nobody") == []


@on_both_databases
def test_pages_go_on_where_the_last_one_ended_while_others_invite(service: Service) -> None:
    batch = batch_of(service.uow(), "\n".join(f"p{number}@example.org" for number in range(25)))
    sent(service.uow(), batch.id)
    seen: list[str] = []
    after: str | None = ""
    pages = 0
    while after is not None:
        with service.uow() as uow:
            page = search_invites(uow, InviteSearchForm(batch=batch.id, limit=10, after=after))
        seen += [row.email for row in page.rows]
        pages, after = pages + 1, page.next
        invited(service, f"between{pages}@example.org")
    assert (pages, len(seen), len(set(seen))) == (3, 25, 25)
    assert len(found(service)) == 28
    for cursor in ("x", "1.2.3", f"{9 * 10**15}", "a.b", "."):
        with pytest.raises(InvalidInput):
            found(service, after=cursor)
