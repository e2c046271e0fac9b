"""Manage batches: a list is read and judged row by row (nothing is sent), looked at, then sent or discarded."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, exists, func, select
from sqlalchemy.exc import IntegrityError

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.database import sql
from accounts.core.database.page import Page
from accounts.core.errors import InvalidInput, NotFound
from accounts.core.ids import new_id
from accounts.core.messages import N_
from accounts.core.models.invites import BatchRow, InviteBatch, SentInvite
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.batch_entries import ListEntry
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batch_rows import PeopleList
from accounts.flows.invites.inviters import OPERATOR
from accounts.flows.invites.preview import SENDABLE_VERDICTS, VERDICTS, preview_rows
from accounts.flows.invites.send import choose_target
from accounts.flows.shared.frozen_lists import FrozenList, ListRowsForm

ENTRIES_PER_TRANSACTION = 500
BATCHES = FrozenList(
    head=InviteBatch,
    row=BatchRow,
    list_id=BatchRow.batch_id,
    done_at=InviteBatch.sent_at,
    due=SENDABLE_VERDICTS,
    done="sent",
    outlives_rows=True,  # what was sent from it stays in the ledger
)
NAME_TAKEN_MESSAGE = N_("An invitation list with this name already exists. Choose another name.")


class BatchRowsForm(ListRowsForm):
    """Which rows of a batch to look at."""

    verdict: Literal["", *VERDICTS] = ""  # type: ignore[valid-type] # spelled once, where they are judged


@dataclass(frozen=True, slots=True)
class BatchCounts:
    """How a batch stands: rows of its list by verdict, and invitations made from it by state."""

    rows: dict[str, int]
    invites: dict[str, int]

    @property
    def left(self) -> int:
        """How many are still to be sent."""
        return sum(self.rows.get(verdict, 0) for verdict in SENDABLE_VERDICTS)


def create_batch(uow: UnitOfWork, form: NewBatchForm) -> InviteBatch:
    """Read a list and judge every row. Nothing is sent; memory does not grow with the list.

    :raises InvalidInput: no list, not a table, too long, no such app or column, or the name is taken.
    :raises TooManyRequests: too many lists by this admin.
    """
    made_by = uow.request_info.account_id or OPERATOR
    if made_by:
        uow.site.throttle.reserve(throttle.INVITE_LISTS.by(made_by))
    people = PeopleList(form.stream(), form.group_columns, form.suspended)
    with uow:
        target = choose_target(uow, form.app, form.next)
    # Read once before anything is written: a list that cannot be taken leaves nothing behind.
    people.check()
    batch_id = _insert_batch(uow, form, made_by, target)
    number = 0
    with BATCHES.delete_if_broken_off(uow, batch_id):
        for entries in sql.iter_batches(people, ENTRIES_PER_TRANSACTION):
            number = _insert_rows(uow, batch_id, number, entries, form)
    with uow:
        batch = uow.session.get_one(InviteBatch, batch_id)
        batch.ready_at, batch.unused = now(), people.unknown_headings
        uow.record_event("batch.made", facts={"batch": batch_id, "rows": number})
    return batch


def find_batch(uow: UnitOfWork, id_or_name: str) -> InviteBatch:
    """Return a batch by id or name.

    :raises NotFound: there is none, or it was not read to its end.
    """
    matches = (InviteBatch.id == id_or_name) | (InviteBatch.name == id_or_name)
    ready = select(InviteBatch).where(matches, InviteBatch.ready_at.is_not(None))
    # Somebody may have given a batch the id of another for a name: it must not be sent in its place.
    batch = uow.session.scalars(ready.order_by(InviteBatch.id != id_or_name)).first()
    if batch is None:
        raise NotFound("no such batch")
    return batch


def count_batch(uow: UnitOfWork, batch_id: str) -> BatchCounts:
    """How a batch stands at this moment."""
    return count_batches(uow, [batch_id])[batch_id]


def count_batches(uow: UnitOfWork, batch_ids: Sequence[str]) -> dict[str, BatchCounts]:
    """Return the counters of batches at this moment: two SQL statements for all of them."""
    counts = {batch_id: BatchCounts({}, {}) for batch_id in batch_ids}
    for batch_id, verdict, count in BATCHES.count_rows(uow, batch_ids, BatchRow.verdict):
        counts[batch_id].rows[verdict] = count
    # Named in a subquery: PostgreSQL does not see that two expressions with parameters are the same.
    named_states = (
        select(SentInvite.batch_id, SentInvite.state.label("state"))
        .where(SentInvite.batch_id.in_(batch_ids))
        .subquery()
        .c
    )
    states = select(named_states.batch_id, named_states.state, func.count()).group_by(
        named_states.batch_id, named_states.state
    )
    for batch_id, invite_state, count in uow.session.execute(states):
        counts[batch_id].invites[invite_state] = count
    return counts


def list_batch_rows(uow: UnitOfWork, batch_id: str, form: BatchRowsForm | None = None) -> Page[BatchRow]:
    """Return one page of the rows of a list, in their order.

    :param form: which rows, and which page of them; None for the first of all.
    """
    rows = select(BatchRow).where(BatchRow.batch_id == batch_id)
    return BATCHES.fetch_rows(uow.session.scalars, rows, form or BatchRowsForm())


def discard_batch(uow: UnitOfWork, batch_id: str, *, rows_before: int = 0) -> int:
    """Forget a list: who was not invited from it yet will not be. What was sent stays; how many rows are gone.

    :param rows_before: how many of its rows are gone already.
    :raises NotFound: there is none.
    """

    def work() -> int:
        batch = BATCHES.lock(uow, batch_id)
        deleted_count = rows_before + _delete_rows(uow, batch)
        uow.record_event("batch.discarded", facts={"batch": batch_id, "rows": deleted_count})
        return deleted_count

    return uow.attempt(work)


def stop_batch(uow: UnitOfWork, batch_id: str) -> None:
    """Have nothing more sent from a batch, not even by somebody who is sending it at this moment.

    :raises NotFound: there is none.
    """

    def work() -> None:
        batch = BATCHES.lock(uow, batch_id)
        batch.revoked_at = batch.revoked_at or now()
        unsent = delete(BatchRow).where(BATCHES.is_due(batch_id))
        uow.session.execute(unsent.execution_options(synchronize_session=False))
        outbox.cancel_batch(uow.executor, batch_id)

    uow.attempt(work)


def delete_stale_batches(site: Site) -> None:
    """Forget lists that nobody goes on with, and those whose reading was broken off."""
    uow = UnitOfWork(site)
    for batch_id, rows in BATCHES.sweep_stale(uow):
        with suppress(NotFound):  # another worker, or an admin, was faster
            discard_batch(uow, batch_id, rows_before=rows)


def _insert_batch(uow: UnitOfWork, form: NewBatchForm, made_by: str, target: str) -> str:
    batch = InviteBatch(id=new_id(), name=form.name, made_by=made_by, next=target, message=form.message, unused=[])
    try:
        with uow:
            uow.session.execute(delete(InviteBatch).where(InviteBatch.name == form.name, BATCHES.is_broken_off()))
            uow.session.add(batch)
    except IntegrityError:
        raise InvalidInput.for_field("taken", "name", "taken", NAME_TAKEN_MESSAGE) from None
    return batch.id


def _insert_rows(
    uow: UnitOfWork, batch_id: str, number: int, entries: Sequence[ListEntry], form: NewBatchForm
) -> int:
    with uow:
        rows = preview_rows(uow, batch_id, entries, form)
        for row in rows:
            number += 1
            row.number = number
        uow.session.add_all(rows)
    return number


def _delete_rows(uow: UnitOfWork, batch: InviteBatch) -> int:
    deleted = uow.session.scalars(
        delete(BatchRow).where(BatchRow.batch_id == batch.id).returning(BatchRow.number)
    ).all()
    if not uow.session.scalar(select(exists().where(SentInvite.batch_id == batch.id))):
        uow.session.delete(batch)
    else:
        batch.sent_at = batch.sent_at or now()
    return len(deleted)
