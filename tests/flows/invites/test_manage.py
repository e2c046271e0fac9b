"""Invitations that are out: sending again and extending kill no link, taking back kills every one."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from pydantic import ValidationError
from sqlalchemy import func, select

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.errors import NotFound, Problem, TooManyRequests
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.security.throttle import INVITE_LETTERS
from accounts.flows.invites import batches
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE, make_invite_url
from accounts.flows.invites.manage import ChangeInvitesForm, ExtendInviteForm, InviteAction
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import batch_of, people, sent
from tests.flows.steps import create_first_admin, link_state, sign_up_member, use_link
from tests.kit.concurrency import run_concurrently
from tests.people import PASSWORD, Service, make_email, token_of_url


def invited(service: Service, email: str = "", **more: object) -> SentInvite:
    form = InviteForm.model_validate({"email": email or make_email(), "days": 2, **more})
    return send_invites.send_invite(service.uow(), form, send_letter=False)


def token(service: Service, row: SentInvite) -> str:
    with service.uow() as uow:
        return token_of_url(make_invite_url(uow, uow.session.get_one(SentInvite, row.id)))


@on_both_databases
def test_extending_sends_a_link_that_ends_later_and_leaves_the_others_their_own_end(service: Service) -> None:
    row = invited(service)
    old = token(service, row)
    extended = manage_invites.extend_invite(service.uow(), row.id, ExtendInviteForm(days=9))
    assert timedelta(days=8, hours=23) < extended.expires_at - now() <= timedelta(days=9)
    new = service.link_token(row.email, "invite")
    assert (link_state(service, INVITE, old), link_state(service, INVITE, new)) == ("alive", "alive")
    with time_machine.travel(now() + timedelta(days=3)):
        assert (link_state(service, INVITE, old), link_state(service, INVITE, new)) == ("link_expired", "alive")


def test_an_invitation_that_is_over_can_be_extended_but_not_sent_again(service: Service) -> None:
    row = invited(service)
    with time_machine.travel(now() + timedelta(days=3)):
        with pytest.raises(NotFound):
            manage_invites.resend_invite(service.uow(), row.id)
        assert manage_invites.extend_invite(service.uow(), row.id, ExtendInviteForm(days=1)).state == "pending"
        assert link_state(service, INVITE, service.link_token(row.email, "invite")) == "alive"


def test_nothing_is_made_shorter_and_what_is_decided_stays(service: Service) -> None:
    row, gone, done = invited(service), invited(service), invited(service)
    manage_invites.revoke_invite(service.uow(), gone.id)
    use_link(service, INVITE, token(service, done), {"password": PASSWORD})
    for each, days in ((row, 1), (gone, 20), (done, 20)):
        with pytest.raises(NotFound):
            manage_invites.extend_invite(service.uow(), each.id, ExtendInviteForm(days=days))
    with pytest.raises(ValidationError):
        ExtendInviteForm(days=91)


@on_both_databases
def test_taking_back_an_extended_invitation_kills_its_longest_link_for_as_long_as_it_could_live(
    service: Service,
) -> None:
    row = invited(service)
    manage_invites.extend_invite(service.uow(), row.id, ExtendInviteForm(days=60))
    new = service.link_token(row.email, "invite")
    manage_invites.revoke_invite(service.uow(), row.id)
    with time_machine.travel(now() + timedelta(days=59)):
        spent.delete_expired(service.site.store.engine)
        assert link_state(service, INVITE, new) == "link_revoked"


@on_both_databases
def test_an_elder_link_that_was_used_keeps_the_extended_one_dead_after_the_sweep(service: Service) -> None:
    who = sign_up_member(service)
    row = invited(service, who.email, groups=["editors"])
    old = token(service, row)
    manage_invites.extend_invite(service.uow(), row.id, ExtendInviteForm(days=60))
    new = service.link_token(who.email, "invite")
    use_link(service, INVITE, old, {}, account_id=who.id)
    accounts.set_groups(service.uow(), who.id, [])
    with time_machine.travel(now() + timedelta(days=30)):
        spent.delete_expired(service.site.store.engine)
        assert link_state(service, INVITE, new) == "link_used"


@on_both_databases
def test_of_accepting_extending_and_revoking_at_once_nobody_is_let_down(service: Service) -> None:
    """Whichever comes first: no link is alive afterwards, however long it was to live."""
    for _ in range(6):
        row = invited(service)
        link = token(service, row)

        def act(number: int, row: SentInvite = row, link: str = link) -> str:
            try:
                if number % 3 == 0:
                    use_link(service, INVITE, link, {"password": PASSWORD})
                    return "accepted"
                if number % 3 == 1:
                    manage_invites.extend_invite(service.uow(), row.id, ExtendInviteForm(days=30 + number))
                    return "extended"
                manage_invites.revoke_invite(service.uow(), row.id)
            except Problem as told:
                return told.code
            return "revoked"

        outcomes = run_concurrently(6, act)
        assert len([each for each in outcomes if each in ("accepted", "revoked")]) == 1, outcomes
        latest = token(service, row)
        with time_machine.travel(now() + timedelta(days=29)):
            spent.delete_expired(service.site.store.engine)
            assert link_state(service, INVITE, latest) in ("link_used", "link_revoked", "link_expired"), outcomes


@on_both_databases
def test_a_batch_is_sent_again_extended_and_taken_back_as_one(service: Service) -> None:
    admin = create_first_admin(service)
    who = [make_email() for _ in range(5)]
    batch = batch_of(admin.uow(), "\n".join(who), days=2)
    other = invited(service)
    sent(admin.uow(), batch.id)
    done = service.link_token(who[0], "invite")
    use_link(service, INVITE, done, {"password": PASSWORD})
    assert manage_invites.change_batch_invites(admin.uow(), batch.id, "resend") == 4
    assert len(service.mails_to(who[1])) == 2
    assert manage_invites.change_batch_invites(admin.uow(), batch.id, "extend", 20) == 4
    links = [service.link_token(each, "invite") for each in who[1:]]
    assert manage_invites.change_batch_invites(admin.uow(), batch.id, "revoke") == 4
    assert {link_state(service, INVITE, link) for link in links} == {"link_revoked"}
    assert manage_invites.change_batch_invites(admin.uow(), batch.id, "revoke") == 0
    assert link_state(service, INVITE, token(service, other)) == "alive"
    with service.uow() as uow:
        assert batches.count_batch(uow, batch.id).invites == {"accepted": 1, "revoked": 4}
        result = select(AuditRow.kind, AuditRow.actor, AuditRow.facts).where(AuditRow.kind.startswith("invites."))
        assert sorted((kind, actor, facts["count"]) for kind, actor, facts in uow.session.execute(result)) == [
            ("invites.extended", admin.id, 4), ("invites.resent", admin.id, 4),
            ("invites.revoked", admin.id, 0), ("invites.revoked", admin.id, 4),
        ]  # fmt: skip
        each = select(func.count()).where(AuditRow.kind == "invite.revoked", AuditRow.actor == admin.id)
        assert uow.session.scalar(each) == 4
    with pytest.raises(NotFound):
        manage_invites.change_batch_invites(admin.uow(), "nothing", "revoke")


def test_some_are_picked_out_and_what_is_not_open_is_left_alone(service: Service) -> None:
    rows = [invited(service) for _ in range(3)]
    manage_invites.revoke_invite(service.uow(), rows[0].id)
    ids = [row.id for row in rows[:2]] + ["nothing", rows[1].id]
    assert manage_invites.change_invites(service.uow(), ChangeInvitesForm(ids=ids, act="revoke")) == 1
    assert link_state(service, INVITE, token(service, rows[2])) == "alive"
    assert manage_invites.change_invites(service.uow(), ChangeInvitesForm(ids=[rows[2].id], act="resend")) == 1
    with pytest.raises(ValidationError):
        ChangeInvitesForm(ids=[], act="revoke")


def test_letters_sent_again_are_counted_as_well(service: Service) -> None:
    admin = create_first_admin(service)
    row = send_invites.send_invite(admin.uow(), InviteForm.model_validate({"email": make_email()}))
    service.site.throttle.reserve(INVITE_LETTERS.by(admin.id, cost=20_000))
    with pytest.raises(TooManyRequests):
        manage_invites.resend_invite(admin.uow(), row.id)
    with pytest.raises(TooManyRequests):
        manage_invites.extend_invite(admin.uow(), row.id, ExtendInviteForm(days=30))
    assert manage_invites.revoke_invite(admin.uow(), row.id).state == "revoked"


@pytest.mark.parametrize("act", ["resend", "extend"])
def test_what_a_limit_holds_up_is_held_up_whole(service: Service, act: InviteAction) -> None:
    """Half of a batch would get the letter now, and once more when somebody goes on with it."""
    admin = create_first_admin(service)
    batch = batch_of(admin.uow(), people(250), days=3)
    sent(admin.uow(), batch.id)
    service.site.throttle.reserve(INVITE_LETTERS.by(admin.id, cost=20_000 - 250 - 249))
    letters = select(func.count()).select_from(OutboxRow)
    before = service.uow().fetch_all(letters)
    with pytest.raises(TooManyRequests):
        manage_invites.change_batch_invites(admin.uow(), batch.id, act, 9)
    ids = [row.id for row in service.uow().fetch_all(select(SentInvite.id))]
    with pytest.raises(TooManyRequests):
        manage_invites.change_invites(admin.uow(), ChangeInvitesForm(ids=ids, act=act, days=9))
    assert service.uow().fetch_all(letters) == before
    assert manage_invites.change_batch_invites(admin.uow(), batch.id, "revoke") == 250, "that needs no letters"
