"""Sending a list: whoever is due is invited, nobody twice, however often it is broken off or begun at once."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest
from sqlalchemy import update

from accounts.core.errors import Forbidden, TooManyRequests
from accounts.core.models.counters import RateLimit
from accounts.core.models.invites import InviteBatch
from accounts.core.security.throttle import INVITE_LETTERS
from accounts.flows.invites import batches, sending
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import batch_of, ledger, once_each, people, sent, tally, verdicts
from tests.flows.steps import create_first_admin, sign_up_member, use_link
from tests.kit.concurrency import run_concurrently
from tests.people import PASSWORD, Service, make_email


@on_both_databases
@pytest.mark.usefixtures("stopped_clock")
def test_sending_invites_who_is_new_and_who_joins_groups_and_nobody_else(service: Service) -> None:
    admin, known, ann = create_first_admin(service), sign_up_member(service, "known"), make_email("Ann")
    batch = batch_of(
        admin.uow(), f"email,name,groups\n{ann},Ann,editors\n{known.email},,authors\nbad@@x,,", locale="de", days=3
    )
    steps = sent(admin.uow(), batch.id)
    assert [(step.done, step.skipped, step.left) for step in steps] == [(0, 1, 2), (2, 1, 0), (2, 1, 0)]
    assert [step.finished for step in steps] == [False, False, True]
    with service.uow() as uow:
        rows = {row.email: row for row in ledger(uow)}
        assert set(rows) == {ann, known.email}
        assert (rows[ann].batch_id, rows[ann].name, rows[ann].inviter_id) == (batch.id, "Ann", admin.id)
        assert rows[ann].locale == "de"
        assert rows[ann].expires_at - rows[ann].created_at == timedelta(days=3)
        counted = batches.count_batch(uow, batch.id)
        assert (counted.rows, counted.invites) == ({"sent": 2, "malformed": 1}, {"pending": 2})
        assert uow.session.get_one(InviteBatch, batch.id).sent_at is not None
    done = use_link(service, INVITE, service.link_token(ann, "invite"), {"password": PASSWORD})
    assert done.created
    use_link(service, INVITE, service.link_token(known.email, "invite"), {}, account_id=known.id)
    assert known.row.groups == ("authors",)
    assert tally(service, "batch.made", "batch.sent", "invite.sent") == {
        "batch.made": 1, "batch.sent": 1, "invite.sent": 2,
    }  # fmt: skip
    sent(admin.uow(), batch.id)
    assert tally(service, "batch.sent") == {"batch.sent": 1}


@on_both_databases
def test_whoever_is_killed_goes_on_and_invites_nobody_twice(service: Service) -> None:
    batch = batch_of(service.uow(), people(250))
    begun = sending.send_batch(service.site, service.uow().request_info, batch.id)
    assert [step.done for step in itertools.islice(begun, 2)] == [0, 100]
    begun.close()
    assert [step.done for step in sent(service.uow(), batch.id)] == [100, 200, 250, 250]
    assert once_each(service) == 250


@on_both_databases
def test_four_who_send_one_batch_at_once_invite_nobody_twice(service: Service) -> None:
    admin = create_first_admin(service)
    batch = batch_of(admin.uow(), people(350))
    ends = run_concurrently(4, lambda number: sent(admin.uow(), batch.id)[-1])
    assert {(step.done, step.left) for step in ends} == {(350, 0)}
    assert once_each(service) == 350
    assert tally(service, "batch.sent", "invite.sent") == {"batch.sent": 1, "invite.sent": 350}


@on_both_databases
def test_a_batch_that_is_taken_back_while_it_is_sent_sends_nothing_more_and_its_links_are_dead(
    service: Service,
) -> None:
    batch = batch_of(service.uow(), people(300))
    begun = sending.send_batch(service.site, service.uow().request_info, batch.id)
    assert [step.done for step in itertools.islice(begun, 2)] == [0, 100]
    assert manage_invites.change_batch_invites(service.uow(), batch.id, "revoke") == 100
    assert list(begun)[-1].left == 0
    with service.uow() as uow:
        assert batches.count_batch(uow, batch.id).invites == {"revoked": 100}
        assert batches.count_batch(uow, batch.id).left == 0


def test_what_changed_since_the_dry_run_is_seen_when_it_is_sent(service: Service) -> None:
    admin, late = create_first_admin(service), sign_up_member(service, "late")
    again, boss = make_email("again"), sign_up_member(service, "boss")
    batch = batch_of(admin.uow(), f"email,groups\n{again},\n{late.email},editors")
    send_invites.send_invite(admin.uow(), InviteForm.model_validate({"email": again}))
    accounts.set_groups(service.uow(), late.id, ["editors"])
    assert [(step.done, step.left) for step in sent(admin.uow(), batch.id)] == [(0, 2), (0, 0), (0, 0)]
    with service.uow() as uow:
        assert [verdict for _, verdict, _ in verdicts(uow, batch.id)] == ["open", "member"]
    accounts.set_groups(service.uow(), boss.id, ["admins"])
    more = batch_of(boss.uow(), people(1), name="More")
    accounts.set_groups(service.uow(), boss.id, [])
    with pytest.raises(Forbidden):
        sent(boss.uow(), more.id)


def test_an_admin_may_write_to_so_many_a_day_and_go_on_tomorrow(service: Service) -> None:
    admin = create_first_admin(service)
    batch = batch_of(admin.uow(), people(150))
    service.site.throttle.reserve(INVITE_LETTERS.by(admin.id, cost=20_000 - 120))
    begun = sending.send_batch(service.site, admin.uow().request_info, batch.id)
    assert [step.done for step in itertools.islice(begun, 2)] == [0, 100]
    with pytest.raises(TooManyRequests):
        next(begun)
    with service.uow() as uow:
        uow.session.execute(update(RateLimit).values(window_ends=0))
    assert sent(admin.uow(), batch.id)[-1].done == 150


def test_the_limit_of_single_invitations_does_not_hold_up_a_list(service: Service) -> None:
    admin = create_first_admin(service)
    assert sent(admin.uow(), batch_of(admin.uow(), people(501)).id)[-1].done == 501
    for number in range(59):
        batch_of(admin.uow(), people(1), name=f"Batch {number}")
    with pytest.raises(TooManyRequests):
        batch_of(admin.uow(), people(1), name="One more")


def test_who_looks_on_is_not_held_up(service: Service) -> None:
    """Between two steps the database is free: nobody waits for somebody who sends slowly, or stopped reading."""
    batch = batch_of(service.uow(), people(150))
    begun = sending.send_batch(service.site, service.uow().request_info, batch.id)
    next(begun), next(begun)
    done = threading.Event()

    def write() -> None:
        send_invites.send_invite(service.uow(), InviteForm.model_validate({"email": make_email()}))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert done.wait(60)
    thread.join()
    begun.close()


@on_both_databases
def test_two_lists_with_the_same_people_sent_at_once_invite_nobody_twice(service: Service) -> None:
    made = [batch_of(service.uow(), people(250), name=name).id for name in ("Spring", "Summer")]
    run_concurrently(2, lambda number: sent(service.uow(), made[number]))
    assert once_each(service) == 250


def test_a_list_is_found_by_its_id_though_another_has_that_for_a_name(service: Service) -> None:
    right = batch_of(service.uow(), people(1), name="B")
    for number in range(5):
        batch_of(service.uow(), people(1), name=f"{number}")
    wrong = batch_of(service.uow(), people(1), name=right.id)
    with service.uow() as uow:
        assert batches.find_batch(uow, right.id).id == right.id
        assert batches.find_batch(uow, wrong.id).id == wrong.id
