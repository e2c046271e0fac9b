"""Inviting: an admin vouches for an address, and the mailbox answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pydantic import ValidationError
from sqlalchemy import update

from accounts.core.clock import now
from accounts.core.errors import InvalidInput, NotFound, TooManyRequests
from accounts.core.models.counters import RateLimit
from accounts.core.models.invites import SentInvite
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.send import InviteForm
from tests.conftest import on_both_databases
from tests.core.sites import outcome_of, run_concurrently
from tests.flows.invites.batch_file import ledger
from tests.flows.steps import (
    Member,
    count_rows,
    create_first_admin,
    link_state,
    list_event_kinds,
    open_token,
    use_link,
)
from tests.people import PASSWORD, Service, make_email, token_of_url


def send(by: Member, email: str, **more: Any) -> SentInvite:
    return send_invites.send_invite(by.uow(), InviteForm.model_validate({"email": email, **more}))


@on_both_databases
def test_an_invitation_makes_an_account_with_its_groups_in_its_language(service: Service) -> None:
    admin, email = create_first_admin(service), make_email("new")
    row = send(admin, email, groups="editors, authors", locale="de")
    token = service.link_token(email, "invite")
    found = open_token(service, INVITE, token)
    assert INVITE.context(found) == {"groups": ["authors", "editors"], "member": False}
    assert sorted(found.form.model_fields) == ["name", "password"]
    done = use_link(service, INVITE, token, {"password": PASSWORD, "name": "New"})
    made = Member(service, email, done.account_id)
    assert done.created
    assert done.sign_in_as is not None
    assert (made.row.groups, made.row.locale, made.row.email) == (("authors", "editors"), "de", email)
    assert made.sign_in().account_id == made.id
    assert list_event_kinds(service, made.id) == ["account.groups", "invite.accepted", "sign-in"]
    assert link_state(service, INVITE, token) == "link_used"
    assert [(each.id, each.state) for each in ledger(service.uow())] == [(row.id, "accepted")]


def test_the_letter_says_who_invites_into_what(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    send(admin, email, groups=["editors"])
    body = service.mails_to(email)[-1].message.get_body(("plain",))
    assert body is not None
    text = body.get_content()
    assert "Admin" in text
    assert "editors" in text


@on_both_databases
def test_a_revoked_invitation_is_dead_in_each_of_its_links(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    row = send(admin, email)
    with service.uow() as uow:
        tokens = [service.link_token(email, "invite"), token_of_url(invite_link.make_invite_url(uow, row))]
    manage_invites.revoke_invite(admin.uow(), row.id)
    assert [link_state(service, INVITE, token) for token in tokens] == ["link_revoked", "link_revoked"]
    assert ledger(service.uow())[0].state == "revoked"
    for again in (manage_invites.revoke_invite, manage_invites.resend_invite):
        with pytest.raises(NotFound):
            again(admin.uow(), row.id)


def test_an_invitation_revoked_before_its_letter_went_out_sends_none(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    manage_invites.revoke_invite(admin.uow(), send(admin, email).id)
    assert service.mails_to(email) == []


def test_sending_it_again_keeps_the_old_link_alive_until_one_is_used(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    row = send(admin, email)
    old = service.link_token(email, "invite")
    assert manage_invites.resend_invite(admin.uow(), row.id).sent == 2
    new = service.link_token(email, "invite")
    assert len(service.mails_to(email)) == 2
    assert [link_state(service, INVITE, token) for token in (old, new)] == ["alive", "alive"]
    use_link(service, INVITE, old, {"password": PASSWORD})
    assert [link_state(service, INVITE, token) for token in (old, new)] == ["link_used", "link_used"]
    with pytest.raises(NotFound):
        manage_invites.resend_invite(admin.uow(), row.id)


@pytest.mark.parametrize("id", ["", "nothing", "x" * 100, "first-admin"])
def test_what_was_never_sent_cannot_be_resent_or_revoked(service: Service, id: str) -> None:
    for act in (manage_invites.resend_invite, manage_invites.revoke_invite):
        with pytest.raises(NotFound):
            act(service.uow(), id)


@pytest.mark.parametrize("days", [1, 90])
def test_an_invitation_ends_after_its_days_whatever_the_lifetime_of_its_kind(service: Service, days: int) -> None:
    admin, email = create_first_admin(service), make_email()
    row = send(admin, email, days=days)
    token = service.link_token(email, "invite")
    assert timedelta(days=days) - timedelta(minutes=2) < row.expires_at - now() <= timedelta(days=days)
    with time_machine.travel(open_token(service, INVITE, token).expires_at, tick=False) as time:
        assert link_state(service, INVITE, token) == "alive"
        time.shift(1)
        assert link_state(service, INVITE, token) == "link_expired"
        assert row.state == "expired"
        with pytest.raises(NotFound):
            manage_invites.resend_invite(admin.uow(), row.id)


def test_whoever_does_not_say_how_long_leaves_it_to_the_installation(make_service: Callable[..., Service]) -> None:
    service = make_service(lifetime_invite="3")
    admin = create_first_admin(service)
    assert send(admin, make_email()).expires_at - now() <= timedelta(seconds=3)
    assert send(admin, make_email(), days=2).expires_at - now() > timedelta(days=1)


def test_a_link_printed_on_the_console_needs_no_letter(service: Service) -> None:
    create_first_admin(service)
    email = make_email()
    row = send_invites.send_invite(service.uow(), InviteForm.model_validate({"email": email}), send_letter=False)
    with service.uow() as uow:
        token = token_of_url(invite_link.make_invite_url(uow, row))
    assert service.mails_to(email) == []
    assert use_link(service, INVITE, token, {"password": PASSWORD}).created


def test_a_link_without_a_row_in_the_ledger_works(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    row = send(admin, email, groups=["editors"])
    token = service.link_token(email, "invite")
    uow = service.uow()
    with uow:
        uow.session.delete(uow.session.get_one(SentInvite, row.id))
    done = use_link(service, INVITE, token, {"password": PASSWORD})
    assert Member(service, email, done.account_id).row.groups == ("editors",)


@on_both_databases
def test_of_several_at_once_one_is_accepted(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    send(admin, email, groups=["editors"])
    token = service.link_token(email, "invite")
    found = run_concurrently(
        6,
        lambda number: outcome_of(
            service.uow(), lambda uow: use_link(service, INVITE, token, {"password": PASSWORD})
        ),
    )
    assert sorted(found) == ["LinkUsed"] * 5 + ["done"]
    assert count_rows(service)["accounts"] == 2
    assert count_rows(service)["memberships"] == 2


def test_a_weak_password_leaves_the_invitation_open(service: Service) -> None:
    email = make_email()
    send(create_first_admin(service), email)
    token = service.link_token(email, "invite")
    with pytest.raises(InvalidInput):
        use_link(service, INVITE, token, {"password": "short"})
    assert link_state(service, INVITE, token) == "alive"


def test_an_admin_may_send_500_an_hour_and_the_operator_as_many_as_wanted(service: Service) -> None:
    admin, uow = create_first_admin(service), service.uow()
    send(admin, make_email())
    with uow:
        uow.session.execute(update(RateLimit).where(RateLimit.key.startswith("LIMITER/invite/")).values(count=499))
    send(admin, make_email())
    with pytest.raises(TooManyRequests):
        send(admin, make_email())
    row = send_invites.send_invite(service.uow(), InviteForm.model_validate({"email": make_email()}))
    assert row.inviter_id == invite_link.OPERATOR


@pytest.mark.parametrize(
    "said",
    [{}, {"email": "x"}, {"days": 7}] + [{"email": "a@example.org"} | more for more in (
        {"days": 0}, {"days": 91}, {"days": "soon"}, {"days": -1}, {"days": 1.5}, {"locale": "fr"}, {"groups": 7},
        {"groups": ["x" * 65]}, {"groups": ["a b"]}, {"groups": ["-a"]}, {"groups": [""]}, {"groups": ["ä"]},
        {"groups": [7]}, {"groups": "a\x00"}, {"groups": [f"g{number}" for number in range(33)]}, {"inviter": "x"},
    )],
)  # fmt: skip
def test_what_cannot_be_an_invitation_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        InviteForm.model_validate(said)


def test_groups_are_said_as_a_list_or_as_text_and_each_counts_once() -> None:
    for said in (["b", "a", "b"], "b, a b", "a,b", " a  b "):
        assert InviteForm.model_validate({"email": "a@example.org", "groups": said}).groups == ["a", "b"]
