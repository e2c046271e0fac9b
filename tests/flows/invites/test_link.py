"""Inviting: an admin vouches for an address, and the mailbox answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.errors import InvalidInput, NotFound, NotSignedIn, WrongAccount
from accounts.core.link_errors import DeadLink, LinkRevoked, LinkUsed
from accounts.core.links.opening import REVOKED_SUFFIX
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.models.invites import SentInvite
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.send import InviteForm
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import ledger
from tests.flows.letters import make_owner
from tests.flows.steps import (
    Member,
    count_rows,
    create_first_admin,
    link_state,
    list_event_kinds,
    open_token,
    use_link,
)
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import PASSWORD, Service, make_email, token_of_url


def send(by: Member, email: str, **more: Any) -> SentInvite:
    return send_invites.send_invite(by.uow(), InviteForm.model_validate({"email": email, **more}))


def invited(service: Service, email: str) -> tuple[str, str]:
    """An invitation by the operator into the group of editors: its id and a token."""
    form = InviteForm.model_validate({"email": email, "groups": ["editors"], "locale": "de", "days": 3})
    row = send_invites.send_invite(service.uow(), form, send_letter=False)
    with service.uow() as uow:
        return row.id, token_of_url(invite_link.make_invite_url(uow, row))


@on_both_databases
def test_an_invitation_makes_an_account_with_its_groups_in_its_language(service: Service) -> None:
    admin, email = create_first_admin(service), make_email("new")
    row = send(admin, email, groups="editors, authors", locale="de")
    token = service.link_token(email, "invite")
    found = open_token(service, INVITE, token)
    assert INVITE.context(service.uow(), found) == {
        "groups": ["authors", "editors"], "member": False, "name": "", "inviter": "Admin", "app": "", "message": "",
    }  # fmt: skip
    assert sorted(found.form.model_fields) == ["name", "password", "terms", "zone"]
    done = use_link(service, INVITE, token, {"password": PASSWORD, "name": "New"})
    made = Member(service, email, done.account_id)
    assert done.created
    assert done.sign_in_as is not None
    assert (made.row.groups, made.row.locale, made.row.email) == (("authors", "editors"), "de", email)
    assert made.sign_in().account_id == made.id
    assert list_event_kinds(service, made.id) == ["account.groups", "invite.accepted", "sign-in", "sign-in"]
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


@pytest.mark.parametrize(("suffix", "problem"), [("", LinkUsed), (REVOKED_SUFFIX, LinkRevoked)])
def test_an_invitation_decided_at_the_same_moment_is_used_or_revoked(
    service: Service, suffix: str, problem: type[DeadLink]
) -> None:
    id, token = invited(service, make_email())
    found = open_token(service, INVITE, token)
    form = found.form.model_validate({"password": PASSWORD})
    chosen = invite_link.prepare_invite_credentials(service.uow(), found, form)
    with service.uow() as uow:
        uow.spend(f"invite:{id}", FOR_EVER)
        uow.spend(f"invite:{id}{suffix}", FOR_EVER)
    with pytest.raises(problem), service.uow() as uow:
        INVITE.act(uow, found, chosen)


def test_an_invitation_of_a_member_who_is_gone_by_then_is_used(service: Service) -> None:
    _, token = invited(service, make_email())
    with pytest.raises(LinkUsed), service.uow() as uow:
        INVITE.act(uow, open_token(service, INVITE, token), None)


@pytest.mark.usefixtures("stopped_clock")
def test_the_first_admin_chooses_the_address_and_there_is_no_second_first_admin(service: Service) -> None:
    url, email = first_admin_url(service.uow()), make_email("Boss")
    assert url is not None
    token = token_of_url(url)
    found = open_token(service, INVITE, token)
    assert (found.carried.inviter, found.carried.locale, found.carried.groups) == ("", "en", [ADMIN_GROUP])
    assert found.expires_at == now() + INVITE.lifetime
    assert found.form is invite_link.FirstAdminForm
    answer = {"email": email, "password": PASSWORD, "name": "Boss"}
    made = Member(service, email, use_link(service, INVITE, token, answer).account_id)
    assert (made.row.email, made.row.name, made.row.groups) == (email, "Boss", (ADMIN_GROUP,))
    assert first_admin_url(service.uow()) is None


@pytest.mark.parametrize("password", ["Wolfeschlegelstein", "wolfeschlegelstein@example.org"])
def test_neither_name_nor_address_is_a_password(service: Service, password: str) -> None:
    _, token = invited(service, "wolfeschlegelstein@example.org")
    with pytest.raises(InvalidInput):
        use_link(service, INVITE, token, {"password": password, "name": "Wolfeschlegelstein"})
