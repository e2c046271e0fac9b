"""Sending an invitation: what is kept of it, what its letter says, and how many there may be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pydantic import ValidationError
from sqlalchemy import update

from accounts.core.clock import now
from accounts.core.errors import TooManyRequests
from accounts.core.models.counters import RateLimit
from accounts.core.models.invites import SentInvite
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.inviters import OPERATOR
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.send import InviteForm
from tests.flows.invites.batch_file import ledger, tally
from tests.flows.letters import read_letter_claims, write_letter
from tests.flows.steps import Member, create_first_admin, link_state
from tests.people import Service, make_email


def send(by: Member, email: str, **more: Any) -> SentInvite:
    return send_invites.send_invite(by.uow(), InviteForm.model_validate({"email": email, **more}))


def test_what_was_sent_is_kept_and_its_letter_goes_out_in_the_chosen_language(
    service: Service, stopped_clock: time_machine.Traveller
) -> None:
    admin, email = create_first_admin(service), make_email("New.One")
    sent = send(admin, email, groups="b, a", locale="de", next="/to")
    (row,) = ledger(service.uow())
    assert row.id == sent.id
    assert (row.email, row.email_key, row.groups, row.locale) == (email, email.lower(), ["a", "b"], "de")
    assert (row.inviter_id, row.next, row.expires_at, row.sent) == (admin.id, "/to", now() + INVITE.lifetime, 1)
    (mail,) = service.mails_to(email)
    assert mail.message["Content-Language"] == "de"
    token = service.link_token(email, "invite")
    manage_invites.resend_invite(admin.uow(), row.id)
    assert len(service.mails_to(email)) == 2
    manage_invites.revoke_invite(admin.uow(), row.id)
    assert ledger(service.uow())[0].revoked_at == now()
    assert link_state(service, INVITE, token) == "link_revoked"
    kinds = ("invite.sent", "invite.resent", "invite.revoked")
    assert tally(service, *kinds) == dict.fromkeys(kinds, 1)
    stopped_clock.move_to(row.expires_at)
    assert link_state(service, INVITE, token) == "link_revoked", "what was taken back is remembered to the end"


@pytest.mark.usefixtures("stopped_clock")
@pytest.mark.parametrize("by_admin", [True, False])
def test_the_letter_says_who_invites_into_what_until_when(service: Service, by_admin: bool) -> None:
    admin, email = create_first_admin(service), make_email()
    form = InviteForm.model_validate({"email": email, "groups": "editors", "locale": "de", "days": 2, "next": "/to"})
    row = send_invites.send_invite(admin.uow() if by_admin else service.uow(), form, send_letter=False)
    found = write_letter(service, invite_link.letter, row.id)
    assert found is not None
    assert (found.words, found.to, found.locale) == ("invite", email, "de")
    until, inviter = now() + timedelta(days=2), "Admin" if by_admin else None
    said = {"name": "", "app": "", "message": ""}
    data = {"asked": None, "email": email, **said, "inviter": inviter, "groups": ["editors"], "until": until}
    assert found.context == data
    carried = read_letter_claims(service, INVITE, found).carried
    assert carried.model_dump() == {
        "id": row.id, "expires": int(until.timestamp()), "groups": ["editors"],
        "inviter": admin.id if by_admin else "", "locale": "de", "next": "/to",
    }  # fmt: skip
    assert write_letter(service, invite_link.letter, "nothing") is None


def test_an_admin_may_send_500_an_hour_and_the_operator_as_many_as_wanted(service: Service) -> None:
    admin, uow = create_first_admin(service), service.uow()
    send(admin, make_email())
    with uow:
        uow.session.execute(update(RateLimit).where(RateLimit.key.startswith("invite:")).values(count=499))
    send(admin, make_email())
    with pytest.raises(TooManyRequests):
        send(admin, make_email())
    row = send_invites.send_invite(service.uow(), InviteForm.model_validate({"email": make_email()}))
    assert row.inviter_id == OPERATOR


@pytest.mark.parametrize(
    "said",
    [{}, {"email": "x"}, {"days": 7}] + [{"email": "a@example.org"} | more for more in (
        {"days": 0}, {"days": 91}, {"days": "soon"}, {"days": -1}, {"days": 1.5}, {"locale": "tlh"}, {"groups": 7},
        {"groups": ["x" * 65]}, {"groups": ["a b"]}, {"groups": ["-a"]}, {"groups": [""]}, {"groups": ["ä"]},
        {"groups": [7]}, {"groups": "a\x00"}, {"groups": [f"g{number}" for number in range(33)]}, {"inviter": "x"},
    )],
)  # fmt: skip
def test_what_cannot_be_an_invitation_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InviteForm.model_validate(said)


def test_groups_are_given_as_a_list_or_as_text_and_each_counts_once() -> None:
    for results in (["b", "a", "b"], "b, a b", "a,b", " a  b "):
        assert InviteForm.model_validate({"email": "a@example.org", "groups": results}).groups == ["a", "b"]
