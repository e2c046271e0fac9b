"""Keep frozen lists: rows that are fixed and judged at a dry run, looked at, then done in portions or discarded.

A batch of invitations is one, and so is an act on many accounts.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, delete, exists, func, or_, select, true, update

from accounts.core.clock import now
from accounts.core.database.page import Keyset, Page
from accounts.core.database.sweep import sweep_rows
from accounts.core.errors import NotFound
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import PageForm, PageLimit

Head = TypeVar("Head")
Row = TypeVar("Row")
Shown = TypeVar("Shown")
LIST_RETENTION = timedelta(days=7)
"""How long a list is kept that nobody goes on with, and what became of one that is done."""
FREEZE_TIMEOUT = timedelta(minutes=15)
"""How long it may take to read and judge the next rows of a list. It was broken off then."""


class ListPageForm(PageForm):
    """Which page of the lists."""

    limit: PageLimit = 100


class ListRowsForm(ListPageForm):
    """Which rows of a list to look at: of one verdict or of all, and which page of them."""

    verdict: str = ""


@dataclass(frozen=True, slots=True)
class ListProgress:
    """How far a list is: rows that are done, those about which nothing is done, and those still left."""

    done: int
    skipped: int
    left: int
    finished: bool = False


@dataclass(frozen=True)
class FrozenList(Generic[Head, Row]):
    """Declare where a kind of list is stored, and which of its rows are due.

    :ivar head: maps a list, with ``id``, ``created_at``, ``touched_at`` and ``ready_at``, which is None until every
        row was judged.
    :ivar row: maps a row, with ``number`` and ``verdict``.
    :ivar list_id: the column of a row that names its list.
    :ivar done_at: the column of a list that says when nothing of it was left to do; None before.
    :ivar due: verdicts of rows that are still to be done.
    :ivar done: the verdict of those that are done.
    :ivar outlives_rows: whether a list is still needed when its rows are gone.
    """

    head: type[Head]
    row: type[Row]
    list_id: Any
    done_at: Any
    due: tuple[str, ...]
    done: str
    outlives_rows: bool = False

    def fetch_page(self, uow: UnitOfWork, form: ListPageForm | None = None) -> Page[Head]:
        """Return one page of the lists, newest first.

        :param form: which page; None for the first.
        """
        form, head = form or ListPageForm(), self._head
        order = Keyset((head.created_at, head.id), descending=True)
        lists = select(head).where(head.ready_at.is_not(None))
        return order.fetch_page(uow.session.scalars, lists, limit=form.limit, after=order.parse_cursor(form.after))

    def fetch_rows(
        self, fetch: Callable[[Select[Any]], Iterable[Shown]], statement: Select[Any], form: ListRowsForm
    ) -> Page[Shown]:
        """Return one page of the rows that a statement selects, in the order of the list.

        :param fetch: runs the statement.
        """
        order = Keyset((self._row.number,))
        if form.verdict:
            statement = statement.where(self._row.verdict == form.verdict)
        return order.fetch_page(fetch, statement, limit=form.limit, after=order.parse_cursor(form.after))

    def count_rows(self, uow: UnitOfWork, list_ids: Sequence[str], *columns: Any) -> Iterable[Any]:
        """Count the rows of lists by some columns, in one SQL statement: the list, their values, the count."""
        keys = (self.list_id, *columns)
        return uow.session.execute(select(*keys, func.count()).where(self.list_id.in_(list_ids)).group_by(*keys))

    def is_broken_off(self) -> ColumnElement[bool]:
        """Return the condition that a list was never judged to its end, and will not be."""
        head = self._head
        condition: ColumnElement[bool] = head.ready_at.is_(None) & (head.touched_at < now() - FREEZE_TIMEOUT)
        return condition

    @contextmanager
    def delete_if_broken_off(self, uow: UnitOfWork, list_id: str) -> Iterator[None]:
        """Around what reads and judges the rows of a new list: where that fails, nothing of it stays."""
        try:
            yield
        except BaseException:
            with uow:
                uow.session.execute(delete(self.head).where(self._head.id == list_id))
            raise

    def lock(self, uow: UnitOfWork, list_id: str) -> Head:
        """Lock a list until the transaction ends. On SQLite this very statement takes the write lock.

        :raises NotFound: it is gone.
        """
        touch = update(self.head).where(self._head.id == list_id).values(touched_at=now()).returning(self.head)
        returning = touch.execution_options(synchronize_session=False, populate_existing=True)
        found = uow.session.scalars(returning).first()
        if found is None:
            raise NotFound("no such list, or it was discarded")
        return found

    def is_due(self, list_id: str) -> ColumnElement[bool]:
        """Return the condition that a row is one of a list, and still to be done."""
        condition: ColumnElement[bool] = (self.list_id == list_id) & self._row.verdict.in_(self.due)
        return condition

    def get_due_rows(self, uow: UnitOfWork, list_id: str, limit: int) -> Sequence[Row]:
        """Return the rows that are next."""
        rows = select(self.row).where(self.is_due(list_id)).order_by(self._row.number)
        return uow.session.scalars(rows.limit(limit)).all()

    def run(
        self,
        uow: UnitOfWork,
        list_id: str,
        do_portion: Callable[[], object],
        record_done: Callable[[Head], object],
    ) -> Generator[ListProgress, None, None]:
        """Do what is left of a list. Nothing happens before the first step is asked for; each step is committed.

        Whoever is interrupted can go on, and two who do it at once take turns: a row is marked as done in the
        transaction that does it, behind the lock of the list.

        :param do_portion: does some of the due rows, in a transaction under way.
        :param record_done: called in the transaction that notes, once, that nothing is left.
        """
        progress = self._measure(uow, list_id)
        yield progress
        while progress.left:
            uow.attempt(do_portion)
            progress = self._measure(uow, list_id)
            yield progress
        uow.attempt(lambda: self._finish(uow, list_id, record_done))
        yield replace(self._measure(uow, list_id), finished=True)

    def sweep_stale(self, uow: UnitOfWork, condition: ColumnElement[bool] | None = None) -> Iterator[tuple[str, int]]:
        """Delete rows of lists that nobody goes on with, or whose judging was broken off, some in a transaction.

        :param condition: which rows; None for all.
        :returns: each of these lists, and how many of its rows are gone; what is left of it is the caller's.
        """
        abandoned = self._head.touched_at < now() - LIST_RETENTION
        if self.outlives_rows:
            abandoned &= exists().where(self.list_id == self._head.id)
        for (list_id,) in uow.fetch_all(select(self._head.id).where(or_(abandoned, self.is_broken_off()))):
            stale = (self.list_id == list_id) & (true() if condition is None else condition)
            change = delete(self.row).where(stale)
            yield list_id, sweep_rows(uow.site.store.engine, change, self._row.number, stale)

    @property
    def _head(self) -> Any:
        return self.head

    @property
    def _row(self) -> Any:
        return self.row

    def _measure(self, uow: UnitOfWork, list_id: str) -> ListProgress:
        verdict = self._row.verdict
        by_verdict = select(verdict, func.count()).where(self.list_id == list_id).group_by(verdict)
        counts: dict[str, int] = {row[0]: row[1] for row in uow.fetch_all(by_verdict)}
        done, left = counts.get(self.done, 0), sum(counts.get(verdict, 0) for verdict in self.due)
        return ListProgress(done=done, skipped=sum(counts.values()) - done - left, left=left)

    def _finish(self, uow: UnitOfWork, list_id: str, record_done: Callable[[Head], object]) -> None:
        found = self.lock(uow, list_id)
        if getattr(found, self.done_at.key) is None and not self.get_due_rows(uow, list_id, 1):
            setattr(found, self.done_at.key, now())
            record_done(found)
