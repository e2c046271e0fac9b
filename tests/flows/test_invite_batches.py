"""Inviting by a list: what is told of every row before anything is sent, and that nobody is invited twice."""

from __future__ import annotations

import itertools
import threading
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, update

from accounts.core.clock import now
from accounts.core.errors import Forbidden, InvalidInput, NotFound, TooManyRequests
from accounts.core.models import Account, AuditRow, OutboxRow, RateLimit, SentInvite
from accounts.core.models_invites import BatchRow, InviteBatch
from accounts.core.throttle import INVITE_LETTERS
from accounts.flows import accounts, close_account, invitations, invite_batches, invite_sending, open_invitations
from accounts.flows.invitations import Invite
from accounts.flows.invite import INVITE
from accounts.flows.invite_lists import NewBatch
from tests.conftest import on_both_databases
from tests.flows.lists import batch_of, sent, verdicts
from tests.flows.walks import first_admin, member, use
from tests.people import PASSWORD, Service, new_address
from tests.web.doors import at_once


def people(count: int, at: str = "crowd") -> str:
    return "\n".join(f"{at}{number:05}@example.org" for number in range(count))


def tally(service: Service, *kinds: str) -> dict[str, int]:
    """How many events of each kind there are."""
    query = select(AuditRow.kind, func.count()).where(AuditRow.kind.in_(kinds)).group_by(AuditRow.kind)
    return {row[0]: row[1] for row in service.uow().read(query)}


@on_both_databases
def test_a_dry_run_says_of_every_row_what_would_happen_and_sends_nothing(service: Service) -> None:
    admin, known, inside = first_admin(service), member(service, "known"), member(service, "inside")
    off, out = member(service, "off"), new_address("out")
    with service.uow() as uow:
        accounts.grant(uow, uow.session.get_one(Account, inside.id), ["editors"])
    accounts.disable(service.uow(), off.id)
    invitations.send(admin.uow(), Invite.model_validate({"email": out}))
    list_of = "\n".join([
        "E-Mail;Name;Gruppen;Tage;Sprache", "Ann@example.org;Ann;editors;9;Deutsch", f"{known.email};;editors",
        f"{inside.email};;editors", f"{out};;editors", "ann@EXAMPLE.org;;", "who@;;", ";Nobody;",
        "boss@example.org;;editors, admins", f"{off.email};;editors", "x@example.org;;two words!",
    ])  # fmt: skip
    batch = batch_of(admin.uow(), list_of)
    with service.uow() as uow:
        assert verdicts(uow, batch.id) == [
            ("Ann@example.org", "new", ""),
            (known.email, "adds", ""),
            (inside.email, "member", ""),
            (out, "open", ""),
            ("ann@example.org", "duplicate", "twice"),
            ("who@", "malformed", "email"),
            ("", "malformed", "missing"),
            ("boss@example.org", "refused", "admins"),
            (off.email, "member", "disabled"),
            ("x@example.org", "malformed", "groups"),
        ]
        ann, joins = invite_batches.rows(uow, batch.id, limit=2)
        assert (ann.name, ann.groups, ann.days, ann.locale, ann.line) == ("Ann", ["editors"], 9, "de", 2)
        assert joins.adds == ["editors"]
        counted = invite_batches.counts(uow, batch.id)
        assert counted.left == 2
        assert counted.invites == {}
        assert [row.email for row in invitations.listing(uow)] == [out]
    assert service.mails("Ann@example.org") == []


@on_both_databases
def test_sending_invites_who_is_new_and_who_joins_groups_and_nobody_else(service: Service) -> None:
    admin, known, ann = first_admin(service), member(service, "known"), new_address("Ann")
    batch = batch_of(
        admin.uow(), f"email,name,groups\n{ann},Ann,editors\n{known.email},,authors\nbad@@x,,", locale="de", days=3
    )
    steps = sent(admin.uow(), batch.id)
    assert [(step.sent, step.skipped, step.left) for step in steps] == [(0, 1, 2), (2, 1, 0), (2, 1, 0)]
    assert [step.finished for step in steps] == [False, False, True]
    with service.uow() as uow:
        rows = {row.email: row for row in invitations.listing(uow)}
        assert set(rows) == {ann, known.email}
        assert (rows[ann].batch_id, rows[ann].name, rows[ann].inviter_id) == (batch.id, "Ann", admin.id)
        assert rows[ann].locale == "de"
        assert rows[ann].expires_at - rows[ann].created_at <= timedelta(days=3, seconds=1)
        counted = invite_batches.counts(uow, batch.id)
        assert (counted.rows, counted.invites) == ({"sent": 2, "malformed": 1}, {"pending": 2})
        assert uow.session.get_one(InviteBatch, batch.id).sent_at is not None
    done = use(service, INVITE, service.token(ann, "invite"), {"password": PASSWORD})
    assert done.created
    use(service, INVITE, service.token(known.email, "invite"), {}, by=known.id)
    assert known.row.groups == ("authors",)
    assert tally(service, "batch.made", "batch.sent", "invite.sent") == {
        "batch.made": 1, "batch.sent": 1, "invite.sent": 2,
    }  # fmt: skip
    sent(admin.uow(), batch.id)
    assert tally(service, "batch.sent") == {"batch.sent": 1}


@on_both_databases
def test_whoever_is_killed_goes_on_and_invites_nobody_twice(service: Service) -> None:
    batch = batch_of(service.uow(), people(250))
    begun = invite_sending.send(service.house, service.uow().asker, batch.id)
    assert [step.sent for step in itertools.islice(begun, 2)] == [0, 100]
    begun.close()
    assert [step.sent for step in sent(service.uow(), batch.id)] == [100, 200, 250, 250]
    assert once_each(service) == 250


@on_both_databases
def test_four_who_send_one_batch_at_once_invite_nobody_twice(service: Service) -> None:
    admin = first_admin(service)
    batch = batch_of(admin.uow(), people(350))
    ends = at_once(4, lambda number: sent(admin.uow(), batch.id)[-1])
    assert {(step.sent, step.left) for step in ends} == {(350, 0)}
    assert once_each(service) == 350
    assert tally(service, "batch.sent", "invite.sent") == {"batch.sent": 1, "invite.sent": 350}


def once_each(service: Service) -> int:
    """How many were invited, each of them once, each with one letter due."""
    keys = [row[0] for row in service.uow().read(select(SentInvite.email_key))]
    letters = service.uow().read(select(func.count()).where(OutboxRow.purpose == "invite"))[0][0]
    assert len(keys) == len(set(keys)) == letters
    return len(keys)


@on_both_databases
def test_a_batch_that_is_taken_back_while_it_is_sent_sends_nothing_more_and_its_links_are_dead(
    service: Service,
) -> None:
    batch = batch_of(service.uow(), people(300))
    begun = invite_sending.send(service.house, service.uow().asker, batch.id)
    assert [step.sent for step in itertools.islice(begun, 2)] == [0, 100]
    assert open_invitations.of_batch(service.uow(), batch.id, "revoke") == 100
    assert list(begun)[-1].left == 0
    with service.uow() as uow:
        assert invite_batches.counts(uow, batch.id).invites == {"revoked": 100}
        assert invite_batches.counts(uow, batch.id).left == 0


def test_what_changed_since_the_dry_run_is_seen_when_it_is_sent(service: Service) -> None:
    admin, late = first_admin(service), member(service, "late")
    again, boss = new_address("again"), member(service, "boss")
    batch = batch_of(admin.uow(), f"email,groups\n{again},\n{late.email},editors")
    invitations.send(admin.uow(), Invite.model_validate({"email": again}))
    accounts.set_groups(service.uow(), late.id, ["editors"])
    assert [(step.sent, step.left) for step in sent(admin.uow(), batch.id)] == [(0, 2), (0, 0), (0, 0)]
    with service.uow() as uow:
        assert [verdict for _, verdict, _ in verdicts(uow, batch.id)] == ["open", "member"]
    accounts.set_groups(service.uow(), boss.id, ["admins"])
    more = batch_of(boss.uow(), people(1), name="More")
    accounts.set_groups(service.uow(), boss.id, [])
    with pytest.raises(Forbidden):
        sent(boss.uow(), more.id)


def test_a_list_goes_when_it_is_discarded_and_what_was_sent_stays(service: Service) -> None:
    unsent = batch_of(service.uow(), people(3, "never"))
    assert invite_batches.discard(service.uow(), unsent.id) == 3
    half = batch_of(service.uow(), people(120, "half"))
    begun = invite_sending.send(service.house, service.uow().asker, half.id)
    assert [step.sent for step in itertools.islice(begun, 2)] == [0, 100]
    assert invite_batches.discard(service.uow(), half.id) == 120
    assert [step.left for step in begun] == [0]
    assert [row[0] for row in service.uow().read(select(InviteBatch.id))] == [half.id]
    assert service.uow().read(select(BatchRow.email)) == []
    assert once_each(service) == 100
    with pytest.raises(NotFound):
        invite_batches.discard(service.uow(), unsent.id)
    with pytest.raises(NotFound):
        sent(service.uow(), unsent.id)


def test_a_list_that_nobody_goes_on_with_is_forgotten_after_a_week(service: Service) -> None:
    old = batch_of(service.uow(), people(2, "old"), name="Old")
    with time_machine.travel(now() + timedelta(days=6)):
        new = batch_of(service.uow(), people(2, "new"), name="New")
    with time_machine.travel(now() + timedelta(days=8)):
        service.state.worker().sweep()
    assert {row[0] for row in service.uow().read(select(BatchRow.batch_id))} == {new.id}
    with service.uow() as uow, pytest.raises(NotFound):
        invite_batches.find(uow, old.id)


def test_whoever_closes_their_account_is_in_no_list_any_more(service: Service) -> None:
    who = member(service)
    batch_of(service.uow(), f"email,groups\n{who.email},editors")
    with service.uow() as uow:
        close_account.remove(uow, uow.session.get_one(Account, who.id))
    assert service.uow().read(select(BatchRow.email)) == []


@pytest.mark.parametrize(
    ("said", "field", "code"),
    [
        ({"people": ""}, "people", "empty"),
        ({"people": "\n , ;\n"}, "people", "malformed"),
        ({"people": people(20_001)}, "people", "too_many_rows"),
        ({"people": f'a@example.org,"{"x" * 140_000}"'}, "people", "not_a_table"),
        ({"people": "a@example.org", "name": "Taken"}, "name", "taken"),
    ],
    ids=["nothing", "nobody", "long", "table", "taken"],
)
def test_a_list_that_cannot_be_taken_leaves_nothing_behind(
    service: Service, said: dict[str, str], field: str, code: str
) -> None:
    batch_of(service.uow(), "b@example.org", name="Taken")
    if code == "malformed":
        batch = batch_of(service.uow(), said["people"])
        with service.uow() as uow:
            assert {verdict for _, verdict, _ in verdicts(uow, batch.id)} == {"malformed"}
        return
    with pytest.raises(InvalidInput) as wrong:
        batch_of(service.uow(), **said)
    assert [(each.field, each.code) for each in wrong.value.fields] == [(field, code)]
    assert len(service.uow().read(select(InviteBatch.id))) == 1


def test_fifty_lists_of_one_name_are_one_batch(service: Service) -> None:
    def hand_in(number: int) -> str:
        try:
            return batch_of(service.uow(), people(3), name="Same").id
        except InvalidInput as taken:
            return taken.fields[0].code

    outcomes = at_once(20, hand_in)
    assert outcomes.count("taken") == 19
    assert len(service.uow().read(select(BatchRow.number))) == 3


def test_reading_that_is_broken_off_blocks_the_name_for_minutes_only(service: Service) -> None:
    with service.uow() as uow:
        uow.session.add(InviteBatch(name="Spring", made_by=""))
    with pytest.raises(InvalidInput):
        batch_of(service.uow(), people(1))
    with time_machine.travel(now() + timedelta(minutes=16)):
        assert batch_of(service.uow(), people(1)).ready_at is not None


def test_an_admin_may_write_to_so_many_a_day_and_go_on_tomorrow(service: Service) -> None:
    admin = first_admin(service)
    batch = batch_of(admin.uow(), people(150))
    service.house.throttle.hit(INVITE_LETTERS, admin.id, cost=20_000 - 120)
    begun = invite_sending.send(service.house, admin.uow().asker, batch.id)
    assert [step.sent for step in itertools.islice(begun, 2)] == [0, 100]
    with pytest.raises(TooManyRequests):
        next(begun)
    with service.uow() as uow:
        uow.session.execute(update(RateLimit).values(window_ends=0))
    assert sent(admin.uow(), batch.id)[-1].sent == 150


def test_the_limit_of_single_invitations_does_not_hold_up_a_list(service: Service) -> None:
    admin = first_admin(service)
    assert sent(admin.uow(), batch_of(admin.uow(), people(501)).id)[-1].sent == 501
    for number in range(59):
        batch_of(admin.uow(), people(1), name=f"Batch {number}")
    with pytest.raises(TooManyRequests):
        batch_of(admin.uow(), people(1), name="One more")


def test_reading_and_sending_a_long_list_takes_no_more_memory_than_a_short_one(service: Service) -> None:
    """A smaller run of what ``bench/streams.py`` measures with ten thousand rows."""
    import tracemalloc

    numbers = itertools.count()

    def peak(count: int) -> int:
        name = f"run{next(numbers)}-"
        said = NewBatch.model_validate({"name": name, "people": people(count, name)})
        tracemalloc.start()
        try:
            batch = invite_batches.create(service.uow(), said)
            for _ in invite_sending.send(service.house, service.uow().asker, batch.id):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)
    short, long = peak(500), peak(2_000)
    assert long < 1.5 * short, (short, long)


def test_who_looks_on_is_not_held_up(service: Service) -> None:
    """Between two steps the database is free: nobody waits for somebody who sends slowly, or stopped reading."""
    batch = batch_of(service.uow(), people(150))
    begun = invite_sending.send(service.house, service.uow().asker, batch.id)
    next(begun), next(begun)
    done = threading.Event()

    def write() -> None:
        invitations.send(service.uow(), Invite.model_validate({"email": new_address()}))
        done.set()

    thread = threading.Thread(target=write)
    thread.start()
    assert done.wait(5)
    thread.join()
    begun.close()
