"""Accepting an invitation, seen closely: who joins as whom, what is spent, and what the log says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.errors import LinkRevoked, LinkUsed, NotSignedIn, WrongAccount
from accounts.core.links.opening import REVOKED_SUFFIX
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import accounts
from tests.flows.account.recorded_writes import claims_of_letter, make_owner, record_writes, write_letter
from tests.flows.invites.batch_file import ledger
from tests.flows.steps import Member, create_first_admin, link_state, open_token, use_link
from tests.people import PASSWORD, Service, make_email, token_of_url


@pytest.fixture(autouse=True)
def still() -> Iterator[time_machine.Traveller]:
    """The clock stands, on a full second, so that moments can be compared."""
    with time_machine.travel(now().replace(microsecond=0), tick=False) as clock:
        yield clock


def invited(service: Service, email: str, **more: Any) -> tuple[str, str]:
    """An invitation by the operator: its id and a token."""
    said = InviteForm.model_validate({"email": email, "groups": ["editors"], "locale": "de", "days": 3, **more})
    uow = service.uow()
    row = send_invites.send_invite(uow, said, send_letter=False)
    with uow:
        return row.id, token_of_url(invite_link.make_invite_url(uow, row))


def test_accepting_makes_the_account_spends_the_id_and_is_logged(service: Service) -> None:
    email = make_email("New.One")
    id, token = invited(service, email)
    link_id = open_token(service, INVITE, token).link_id
    answer = {"password": PASSWORD, "name": "Ann"}
    found = record_writes(service, lambda: _joined(use_link(service, INVITE, token, answer)))
    (row,) = ledger(service.uow())
    with service.uow() as uow:
        made = accounts.find_account(uow, email)
        assert (made.email, made.locale, made.name, made.groups) == (email, "de", "Ann", ("editors",))
    assert found.events == [
        ("account.groups", made.id, None, {"added": ["editors"]}),
        ("invite.accepted", made.id, link_id, {"invite": id}),
    ]
    assert found.spent == {f"invite:{id}": now() + timedelta(days=3, seconds=360)}
    assert (row.accepted_at, row.revoked_at, row.email) == (now(), None, email)


def _joined(done: Any) -> None:
    assert done.created is True
    assert done.sign_in_as.id == done.account_id


def test_accepting_one_invitation_leaves_others_open(service: Service) -> None:
    (one, token), (other, _) = invited(service, make_email()), invited(service, make_email())
    use_link(service, INVITE, token, {"password": PASSWORD})
    states = {row.id: row.state for row in ledger(service.uow())}
    assert states == {one: "accepted", other: "pending"}


def test_a_member_joins_the_groups_and_nothing_else_happens(service: Service) -> None:
    who, other = make_owner(service), make_owner(service)
    id, token = invited(service, who.email)
    with pytest.raises(NotSignedIn):
        use_link(service, INVITE, token, {})
    with pytest.raises(WrongAccount):
        use_link(service, INVITE, token, {}, account_id=other.id)
    done = use_link(service, INVITE, token, {}, account_id=who.id)
    assert (done.account_id, done.sign_in_as, done.created) == (who.id, None, False)
    assert (who.row.groups, other.row.groups) == (("editors",), ())
    assert link_state(service, INVITE, token) == "link_used"
    assert [row.id for row in ledger(service.uow()) if row.accepted_at] == [id]


@pytest.mark.parametrize(("mark", "problem"), [("", LinkUsed), (REVOKED_SUFFIX, LinkRevoked)])
def test_who_comes_too_late_by_a_moment_is_told_by_what(service: Service, mark: str, problem: Any) -> None:
    id, token = invited(service, make_email())
    found = open_token(service, INVITE, token)
    chosen = INVITE.prepare(service.uow(), found, found.form.model_validate({"password": PASSWORD}))
    with service.uow() as uow:
        uow.spend(f"invite:{id}", FOR_EVER)
        uow.spend(f"invite:{id}{mark}", FOR_EVER)
    with pytest.raises(problem), service.uow() as uow:
        INVITE.act(uow, found, chosen)


def test_a_member_who_is_gone_before_joining_is_told_so(service: Service) -> None:
    _, token = invited(service, make_email())
    with pytest.raises(LinkUsed, match="gone"), service.uow() as uow:
        INVITE.act(uow, open_token(service, INVITE, token), None)


def test_the_first_admin_says_the_address_and_the_door_stays_shut(service: Service) -> None:
    url, email = first_admin_url(service.uow()), make_email("Boss")
    assert url is not None
    token = token_of_url(url)
    found = open_token(service, INVITE, token)
    assert (found.carried.inviter, found.carried.locale, found.carried.groups) == ("", "en", [ADMIN_GROUP])
    assert found.expires_at == now() + INVITE.lifetime
    assert found.form is invite_link.FirstAdminForm
    answer = {"email": email, "password": PASSWORD, "name": "Boss"}
    done: list[Any] = []
    spent = record_writes(service, lambda: done.append(use_link(service, INVITE, token, answer))).spent
    assert spent == {"invite:first-admin": FOR_EVER}
    made = Member(service, email, done[0].account_id)
    assert (made.row.email, made.row.name, made.row.groups) == (email, "Boss", (ADMIN_GROUP,))
    assert first_admin_url(service.uow()) is None


@pytest.mark.parametrize("said", ["Wolfeschlegelstein", "wolfeschlegelstein@example.org"])
def test_neither_name_nor_address_is_a_password(service: Service, said: str) -> None:
    _, token = invited(service, "wolfeschlegelstein@example.org")
    with pytest.raises(Exception, match="password"):
        use_link(service, INVITE, token, {"password": said, "name": "Wolfeschlegelstein"})


def test_sending_writes_the_ledger_a_letter_and_the_log(service: Service) -> None:
    admin, email = create_first_admin(service), make_email("New.One")
    said = InviteForm.model_validate({"email": email, "groups": "b, a", "locale": "de", "next": "/to"})
    sent: list[Any] = []
    found = record_writes(service, lambda: sent.append(send_invites.send_invite(admin.uow(), said)))
    (row,) = ledger(service.uow())
    assert row.id == sent[0].id
    assert (row.email, row.email_key, row.groups, row.locale) == (email, email.lower(), ["a", "b"], "de")
    assert (row.inviter_id, row.next, row.expires_at, row.sent) == (admin.id, "/to", now() + INVITE.lifetime, 1)
    asked = {"network": "10.1.1.1", "agent": "Firefox"}
    assert found.mails == [("invite", row.id, {"asked": asked}, "de")]
    assert found.events == [("invite.sent", None, None, {"invite": row.id, "groups": ["a", "b"]})]
    again = record_writes(service, lambda: manage_invites.resend_invite(admin.uow(), row.id))
    assert again.mails == found.mails
    assert again.events == [("invite.resent", None, None, {"invite": row.id})]
    gone = record_writes(service, lambda: manage_invites.revoke_invite(admin.uow(), row.id))
    keep_until = row.expires_at + timedelta(seconds=360)
    assert gone.events == [("invite.revoked", None, None, {"invite": row.id})]
    assert gone.spent == {f"invite:{row.id}": keep_until, f"invite:{row.id}{REVOKED_SUFFIX}": keep_until}
    assert ledger(service.uow())[0].revoked_at == now()


@pytest.mark.parametrize("by_admin", [True, False])
def test_the_letter_says_who_invites_into_what_until_when(service: Service, by_admin: bool) -> None:
    admin, email = create_first_admin(service), make_email()
    said = InviteForm.model_validate({"email": email, "groups": "editors", "locale": "de", "days": 2, "next": "/to"})
    row = send_invites.send_invite(admin.uow() if by_admin else service.uow(), said, send_letter=False)
    found = write_letter(service, invite_link.letter, row.id)
    assert found is not None
    assert (found.words, found.to, found.locale) == ("invite", email, "de")
    until, inviter = now() + timedelta(days=2), "Admin" if by_admin else None
    told = {"asked": None, "email": email, "inviter": inviter, "groups": ["editors"], "until": until}
    assert found.context == told
    carried = claims_of_letter(service, INVITE, found).carried
    assert carried.model_dump() == {
        "id": row.id, "expires": int(until.timestamp()), "groups": ["editors"],
        "inviter": admin.id if by_admin else "", "locale": "de", "next": "/to",
    }  # fmt: skip
    assert write_letter(service, invite_link.letter, "nothing") is None
