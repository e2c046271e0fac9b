"""Handing a list in: what is told of every row before anything is sent, and what becomes of the list."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.errors import InvalidInput, NotFound
from accounts.core.models.account import Account
from accounts.core.models.invites import BatchRow, InviteBatch
from accounts.delivery.sweeps import sweep
from accounts.flows.account import close_account
from accounts.flows.invites import batches, sending
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batches import BatchRowsForm
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import batch_of, ledger, once_each, people, sent, tally, verdicts
from tests.flows.steps import create_first_admin, sign_up_member
from tests.kit.concurrency import run_concurrently
from tests.people import Service, make_email


@on_both_databases
def test_a_dry_run_says_of_every_row_what_would_happen_and_sends_nothing(service: Service) -> None:
    admin, known, inside = (
        create_first_admin(service),
        sign_up_member(service, "known"),
        sign_up_member(service, "inside"),
    )
    off, out, fresh = sign_up_member(service, "off"), make_email("out"), make_email("Ann")
    with service.uow() as uow:
        accounts.add_groups(uow, uow.session.get_one(Account, inside.id), ["editors"])
    accounts.disable_account(service.uow(), off.id)
    send_invites.send_invite(admin.uow(), InviteForm.model_validate({"email": out}))
    list_of = "\n".join([
        "E-Mail;Name;Gruppen;Tage;Sprache;Gesperrt", f"{fresh};Ann;editors;9;Deutsch", f"{known.email};;editors",
        f"{inside.email};;editors", f"{out};;editors", f"{fresh.swapcase()};;", "who@;;", ";Nobody;",
        "boss@example.org;;editors, admins", f"{off.email};;editors", "x@example.org;;two words!",
        "gone@example.org;;;;;ja",
    ])  # fmt: skip
    batch = batch_of(admin.uow(), list_of)
    with service.uow() as uow:
        assert verdicts(uow, batch.id) == [
            (fresh, "new", ""),
            (known.email, "adds", ""),
            (inside.email, "member", ""),
            (out, "open", ""),
            (fresh.swapcase().partition("@")[0] + "@example.org", "duplicate", "twice"),
            ("who@", "malformed", "email"),
            ("", "malformed", "missing"),
            ("boss@example.org", "refused", "admins"),
            (off.email, "member", "disabled"),
            ("x@example.org", "malformed", "groups"),
            ("gone@example.org", "refused", "suspended"),
        ]
        ann, joins = batches.list_batch_rows(uow, batch.id, BatchRowsForm(limit=2)).rows
        assert (ann.name, ann.groups, ann.days, ann.locale, ann.line) == ("Ann", ["editors"], 9, "de", 2)
        assert joins.adds == ["editors"]
        counted = batches.count_batch(uow, batch.id)
        assert counted.left == 2
        assert counted.invites == {}
        assert [row.email for row in ledger(uow)] == [out]
    assert service.mails_to(fresh) == []


def test_a_list_goes_when_it_is_discarded_and_what_was_sent_stays(service: Service) -> None:
    unsent = batch_of(service.uow(), people(3, "never"))
    assert batches.discard_batch(service.uow(), unsent.id) == 3
    half = batch_of(service.uow(), people(120, "half"))
    begun = sending.send_batch(service.site, service.uow().request_info, half.id)
    assert [step.done for step in itertools.islice(begun, 2)] == [0, 100]
    assert batches.discard_batch(service.uow(), half.id) == 120
    assert {step.left for step in begun} == {0}
    assert [row[0] for row in service.uow().fetch_all(select(InviteBatch.id))] == [half.id]
    assert service.uow().fetch_all(select(BatchRow.email)) == []
    assert once_each(service) == 100
    with pytest.raises(NotFound):
        batches.discard_batch(service.uow(), unsent.id)
    with pytest.raises(NotFound):
        sent(service.uow(), unsent.id)


def test_a_list_that_nobody_goes_on_with_is_forgotten_after_a_week(service: Service) -> None:
    old = batch_of(service.uow(), people(2, "old"), name="Old")
    with time_machine.travel(now() + timedelta(days=6)):
        new = batch_of(service.uow(), people(2, "new"), name="New")
    with time_machine.travel(now() + timedelta(days=8)):
        sweep(service.site)
    assert {row[0] for row in service.uow().fetch_all(select(BatchRow.batch_id))} == {new.id}
    with service.uow() as uow, pytest.raises(NotFound):
        batches.find_batch(uow, old.id)


@on_both_databases
def test_workers_that_forget_old_lists_at_the_same_moment_all_go_on(service: Service) -> None:
    """A process has two threads that sweep when it starts. What one raises ends it, and with it the mail."""
    for number in range(20):
        batch_of(service.uow(), people(1, f"old{number}-"), name=f"Old {number}")
    with time_machine.travel(now() + timedelta(days=8)):
        run_concurrently(6, lambda number: sweep(service.site))
    assert service.uow().fetch_all(select(InviteBatch.id)) == []
    assert tally(service, "batch.discarded") == {"batch.discarded": 20}


def test_whoever_closes_their_account_is_in_no_list_any_more(service: Service) -> None:
    who = sign_up_member(service)
    batch_of(service.uow(), f"email,groups\n{who.email},editors")
    with service.uow() as uow:
        close_account.delete_account(uow, uow.session.get_one(Account, who.id))
    assert service.uow().fetch_all(select(BatchRow.email)) == []


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
    assert len(service.uow().fetch_all(select(InviteBatch.id))) == 1


def test_fifty_lists_of_one_name_are_one_batch(service: Service) -> None:
    def hand_in(number: int) -> str:
        try:
            return batch_of(service.uow(), people(3), name="Same").id
        except InvalidInput as taken:
            return taken.fields[0].code

    outcomes = run_concurrently(20, hand_in)
    assert outcomes.count("taken") == 19
    assert len(service.uow().fetch_all(select(BatchRow.number))) == 3


def test_reading_that_is_broken_off_blocks_the_name_for_minutes_only(service: Service) -> None:
    with service.uow() as uow:
        uow.session.add(InviteBatch(name="Spring", made_by=""))
    with pytest.raises(InvalidInput):
        batch_of(service.uow(), people(1))
    with time_machine.travel(now() + timedelta(minutes=16)):
        assert batch_of(service.uow(), people(1)).ready_at is not None


def test_reading_and_sending_a_long_list_takes_no_more_memory_than_a_short_one(service: Service) -> None:
    """A smaller run of what ``bench/streams.py`` measures with ten thousand rows."""
    import tracemalloc

    numbers = itertools.count()

    def peak(count: int) -> int:
        name = f"run{next(numbers)}-"
        form = NewBatchForm.model_validate({"name": name, "people": people(count, name)})
        tracemalloc.start()
        try:
            batch = batches.create_batch(service.uow(), form)
            for _ in sending.send_batch(service.site, service.uow().request_info, batch.id):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)
    short, long = peak(500), peak(2_000)
    assert long < 1.5 * short, (short, long)
