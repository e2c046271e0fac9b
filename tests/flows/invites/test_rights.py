"""Who may accept an invitation, whose word still counts, and the first admin."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine

from accounts.core.errors import Conflict, NotSignedIn, WrongAccount
from accounts.core.link_errors import LinkUsed
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import export
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites.link import INVITE
from accounts.flows.shared import accounts
from accounts.flows.shared.credentials import RecoveryForm
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import batch_of, ledger, sent
from tests.flows.invites.test_link import send
from tests.flows.steps import Member, count_rows, create_first_admin, link_state, open_token, sign_up_member, use_link
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import PASSWORD, Service, make_email, token_of_url


def second_admin(service: Service) -> Member:
    made = sign_up_member(service, "second")
    accounts.set_groups(service.uow(), made.id, [ADMIN_GROUP])
    return made


def _is_disabled(inviter: Member) -> None:
    accounts.disable_account(inviter.service.uow(), inviter.id)


def _administers_no_more(inviter: Member) -> None:
    accounts.set_groups(inviter.service.uow(), inviter.id, ["editors"])


def _is_gone(inviter: Member) -> None:
    uow = inviter.service.uow()
    with uow:
        uow.session.delete(accounts.find_account(uow, inviter.id))


@pytest.mark.parametrize("change", [_is_disabled, _administers_no_more, _is_gone])
def test_an_invitation_is_dead_when_its_inviter(service: Service, change: Callable[[Member], None]) -> None:
    create_first_admin(service)
    inviter, early, late = second_admin(service), make_email(), make_email()
    send(inviter, early)
    token = service.link_token(early, "invite")
    send(inviter, late)
    change(inviter)
    assert link_state(service, INVITE, token) == "link_revoked"
    assert service.mails_to(late) == [], "the letter that was still due is not written"


def test_an_invitation_lives_again_with_the_right_of_its_inviter(service: Service) -> None:
    create_first_admin(service)
    inviter, email = second_admin(service), make_email()
    send(inviter, email)
    token = service.link_token(email, "invite")
    _is_disabled(inviter)
    accounts.enable_account(service.uow(), inviter.id, RecoveryForm(invites=False))
    assert link_state(service, INVITE, token) == "alive"


@on_both_databases
def test_an_account_that_exists_gets_the_groups_when_it_is_signed_in(service: Service) -> None:
    admin, made = create_first_admin(service), sign_up_member(service)
    accounts.set_groups(service.uow(), made.id, ["old"])
    session = made.sign_in()
    spelled = made.email.replace("member", "MEMBER")
    send(admin, spelled, groups=["editors", "old"])
    token = service.link_token(spelled, "invite")
    found = open_token(service, INVITE, token)
    assert found.form.model_fields == {}
    assert INVITE.context(service.uow(), found)["member"] is True
    with pytest.raises(NotSignedIn):
        use_link(service, INVITE, token, {})
    with pytest.raises(WrongAccount):
        use_link(service, INVITE, token, {}, account_id=admin.id)
    done = use_link(service, INVITE, token, {}, account_id=made.id)
    assert (done.account_id, done.created, done.sign_in_as) == (made.id, False, None)
    assert made.row.groups == ("editors", "old")
    assert made.load_current_account(session) is not None, "more groups end no session"
    with pytest.raises(LinkUsed):
        use_link(service, INVITE, token, {}, account_id=made.id)


def test_a_disabled_account_cannot_accept(service: Service) -> None:
    admin, made = create_first_admin(service), sign_up_member(service)
    send(admin, made.email, groups=["editors"])
    token = service.link_token(made.email, "invite")
    accounts.disable_account(service.uow(), made.id)
    assert link_state(service, INVITE, token) == "link_invalid"


def test_an_account_that_went_away_while_accepting_is_a_used_link(service: Service) -> None:
    admin, made = create_first_admin(service), sign_up_member(service)
    send(admin, made.email)
    token = service.link_token(made.email, "invite")
    _is_gone(made)
    uow = service.uow()
    with pytest.raises(LinkUsed, match="the account that held the address is gone"), uow:
        INVITE.act(uow, open_token(service, INVITE, token), None)
    assert link_state(service, INVITE, token) == "alive", "nothing was spent"


def test_removed_and_invited_again_the_old_invitation_stays_dead(service: Service) -> None:
    admin, email = create_first_admin(service), make_email()
    send(admin, email)
    old = service.link_token(email, "invite")
    made = Member(service, email, use_link(service, INVITE, old, {"password": PASSWORD}).account_id)
    _is_gone(made)
    assert link_state(service, INVITE, old) == "link_used"
    send(admin, email)
    assert link_state(service, INVITE, service.link_token(email, "invite")) == "alive"
    assert link_state(service, INVITE, old) == "link_used"


@on_both_databases
def test_the_first_admin_is_invited_once(service: Service) -> None:
    url = first_admin_url(service.uow())
    again = first_admin_url(service.uow())
    assert url is not None
    assert again is not None
    email = make_email()
    done = use_link(service, INVITE, token_of_url(url), {"email": email, "password": PASSWORD})
    admin = Member(service, email, done.account_id)
    assert admin.row.groups == ("admins",)
    assert first_admin_url(service.uow()) is None
    assert link_state(service, INVITE, token_of_url(again)) == "link_used"
    _is_gone(admin)
    assert count_rows(service).get("accounts", 0) == 0
    assert first_admin_url(service.uow()) is None, "not even when nobody is left"
    assert link_state(service, INVITE, token_of_url(url)) == "link_used"


@on_both_databases
def test_of_several_first_admins_at_once_there_is_one(service: Service) -> None:
    url = first_admin_url(service.uow())
    assert url is not None
    results = [{"email": make_email(), "password": PASSWORD} for _ in range(4)]
    found = run_concurrently(
        4,
        lambda number: outcome_of(
            service.uow(), lambda uow: use_link(service, INVITE, token_of_url(url), results[number])
        ),
    )
    assert sorted(found) == ["LinkUsed"] * 3 + ["done"]
    assert count_rows(service)["accounts"] == 1


def test_the_link_of_the_first_admin_dies_when_somebody_else_administers(service: Service) -> None:
    url = first_admin_url(service.uow())
    assert url is not None
    second_admin(service)
    assert link_state(service, INVITE, token_of_url(url)) == "link_used"
    assert first_admin_url(service.uow()) is None


def test_the_first_admin_says_which_address_is_theirs(service: Service) -> None:
    url = first_admin_url(service.uow())
    assert url is not None
    assert sorted(open_token(service, INVITE, token_of_url(url)).form.model_fields) == [
        "email",
        "name",
        "password",
        "terms",
        "zone",
    ]


def test_an_address_that_has_an_account_cannot_become_the_first_admin_this_way(service: Service) -> None:
    made = sign_up_member(service)
    url = first_admin_url(service.uow())
    assert url is not None
    with pytest.raises(Conflict):
        use_link(service, INVITE, token_of_url(url), {"email": made.email, "password": PASSWORD})
    assert made.row.groups == ()
    assert link_state(service, INVITE, token_of_url(url)) == "alive"


def test_the_first_admins_link_ends_like_any_invitation(make_service: Callable[..., Service]) -> None:
    for service, lives in (
        (make_service(), timedelta(days=7)),
        (make_service(lifetime_invite="60"), timedelta(minutes=1)),
    ):
        url = first_admin_url(service.uow())
        assert url is not None
        with time_machine.travel(open_token(service, INVITE, token_of_url(url)).expires_at, tick=False) as time:
            assert link_state(service, INVITE, token_of_url(url)) == "alive"
            time.shift(1)
            assert link_state(service, INVITE, token_of_url(url)) == "link_expired"
        assert service.site.link_signer.lifetime(INVITE) == lives


@pytest.mark.parametrize("change", [_is_disabled, _administers_no_more, _is_gone])
def test_whoever_sends_a_dead_invitation_again_vouches_for_it(
    service: Service, change: Callable[[Member], None]
) -> None:
    admin, inviter, email = create_first_admin(service), second_admin(service), make_email()
    send(inviter, email)
    dead = service.link_token(email, "invite")
    change(inviter)
    (row,) = ledger(service.uow())
    manage_invites.resend_invite(admin.uow(), row.id)
    assert link_state(service, INVITE, service.link_token(email, "invite")) == "alive"
    assert link_state(service, INVITE, dead) == "link_revoked", "its inviter has not come back"


@on_both_databases
def test_whoever_has_only_a_dead_invitation_is_invited_by_the_next_list(service: Service) -> None:
    admin, inviter, email = create_first_admin(service), second_admin(service), make_email()
    send(inviter, email)
    _administers_no_more(inviter)
    batch = batch_of(admin.uow(), email)
    assert sent(admin.uow(), batch.id)[-1].done == 1
    assert link_state(service, INVITE, service.link_token(email, "invite")) == "alive"


def test_links_to_hand_out_are_vouched_for_by_whoever_takes_them_along(service: Service) -> None:
    admin, inviter, email = create_first_admin(service), second_admin(service), make_email()
    batch = batch_of(inviter.uow(), email)
    sent(inviter.uow(), batch.id)
    _is_disabled(inviter)
    (found,) = export.iter_exported_invites(
        service.site, admin.uow().request_info, batch.id, export.ExportInvitesForm()
    )
    assert link_state(service, INVITE, token_of_url(found.url)) == "alive"
