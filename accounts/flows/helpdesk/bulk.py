"""Manage bulk acts: the accounts are frozen and judged (nothing is done), looked at, then done or discarded.

What is done is done by :mod:`accounts.flows.helpdesk.bulk_run`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select

from accounts.core.clock import now
from accounts.core.database.page import Keyset, Page
from accounts.core.database.sweep import sweep_rows
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.bulk import BulkAct, BulkActAccount
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.bulk_form import GROUP_ACTIONS, BulkActForm, BulkPageForm, BulkRowsForm
from accounts.flows.helpdesk.bulk_freeze import build_freeze
from accounts.flows.helpdesk.bulk_judge import judge_accounts, lock_bulk_act

NEWEST_FIRST = Keyset((BulkAct.created_at, BulkAct.id), descending=True)
SET_ORDER = Keyset((BulkActAccount.number,))
BULK_ACT_RETENTION = timedelta(days=7)
"""How long an act is kept that nobody goes on with, and what became of one that is done."""
BULK_JUDGING_TIMEOUT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class NewBulkAct:
    """An act that was just made.

    :ivar unknown: who was named and has no account.
    """

    act: BulkAct
    unknown: Sequence[str]


@dataclass(frozen=True, slots=True)
class BulkCounts:
    """How an act stands: accounts that are due, done, and skipped by reason."""

    due: int
    done: int
    skipped: dict[str, int]

    @property
    def total(self) -> int:
        """How many accounts the act is about."""
        return self.due + self.done + sum(self.skipped.values())


@dataclass(frozen=True, slots=True)
class BulkRow:
    """One account of an act, by id and as it is called now; without either once it is deleted."""

    number: int
    account: str | None
    email: str
    name: str
    verdict: str
    reason: str


def create_bulk_act(uow: UnitOfWork, form: BulkActForm) -> NewBulkAct:
    """Freeze the accounts of an act and judge each. Nothing is done about any of them.

    :raises InvalidInput: nobody is named or matches, too many do, or the groups cannot be.
    :raises TooManyRequests: too many acts by this admin.
    """
    form.check()
    made_by = uow.request_info.account_id or ""
    if made_by:
        uow.site.throttle.reserve(throttle.BULK_ACTS.by(made_by))
    freeze, unknown = build_freeze(uow, form)
    uow.release()

    def work() -> str:
        groups = form.groups if form.act in GROUP_ACTIONS else []
        kept = sorted(form.kept) if form.act == "enable" else []
        act = BulkAct(act=form.act, groups=groups, kept=kept, made_by=made_by)
        uow.session.add(act)
        uow.session.flush()
        freeze(act.id)
        return act.id

    act_id = uow.attempt(work)
    try:
        judge_accounts(uow, act_id)
    except BaseException:
        with uow:
            uow.session.execute(delete(BulkAct).where(BulkAct.id == act_id))
        raise
    with uow:
        act = uow.session.get_one(BulkAct, act_id)
        act.ready_at = now()
        counts = count_bulk_act(uow, act_id)
        facts = {"bulk": act_id, "act": act.act, "groups": act.groups, "accounts": counts.total, "due": counts.due}
        uow.record_event("bulk.made", facts=facts)
    return NewBulkAct(act, unknown)


def find_bulk_act(uow: UnitOfWork, act_id: str) -> BulkAct:
    """Return an act.

    :raises NotFound: there is none, or its accounts were not judged to the end.
    """
    act = uow.session.get(BulkAct, act_id)
    if act is None or act.ready_at is None:
        raise NotFound("no such act")
    return act


def list_bulk_acts(uow: UnitOfWork, form: BulkPageForm | None = None) -> Page[BulkAct]:
    """Return one page of the acts, newest first.

    :param form: which page; None for the first.
    """
    form = form or BulkPageForm()
    return NEWEST_FIRST.fetch_page(
        uow.session.scalars,
        select(BulkAct).where(BulkAct.ready_at.is_not(None)),
        limit=form.limit,
        after=NEWEST_FIRST.parse_cursor(form.after),
    )


def count_bulk_act(uow: UnitOfWork, act_id: str) -> BulkCounts:
    """Return how an act stands at this moment."""
    return count_bulk_acts(uow, [act_id])[act_id]


def count_bulk_acts(uow: UnitOfWork, act_ids: Sequence[str]) -> dict[str, BulkCounts]:
    """Return how acts stand at this moment, in one SQL statement for all of them."""
    columns = (BulkActAccount.act_id, BulkActAccount.verdict, BulkActAccount.reason)
    statement = select(*columns, func.count()).where(BulkActAccount.act_id.in_(act_ids)).group_by(*columns)
    counts: dict[str, dict[str, dict[str, int]]] = {act_id: defaultdict(dict) for act_id in act_ids}
    for act_id, verdict, reason, count in uow.session.execute(statement):
        counts[act_id][verdict][reason] = count
    return {
        act_id: BulkCounts(by_verdict["due"].get("", 0), by_verdict["done"].get("", 0), by_verdict["skipped"])
        for act_id, by_verdict in counts.items()
    }


def list_bulk_rows(uow: UnitOfWork, act_id: str, form: BulkRowsForm | None = None) -> Page[BulkRow]:
    """Return one page of the accounts of an act, in the order of the set.

    :param form: which accounts, and which page of them; None for the first of all.
    """
    form = form or BulkRowsForm()
    row = BulkActAccount
    email, name = func.coalesce(Account.email, ""), func.coalesce(Account.name, "")
    columns: list[Any] = [row.number, row.account_id, email, name, row.verdict, row.reason]
    statement = select(*columns).outerjoin(Account, Account.id == row.account_id).where(row.act_id == act_id)
    if form.verdict:
        statement = statement.where(row.verdict == form.verdict)
    return SET_ORDER.fetch_page(
        lambda page: [BulkRow(*values) for values in uow.session.execute(page)],
        statement,
        limit=form.limit,
        after=SET_ORDER.parse_cursor(form.after),
    )


def discard_bulk_act(uow: UnitOfWork, act_id: str) -> BulkCounts:
    """Forget an act: what is still due is not done. What was done stays done.

    :returns: how it stood.
    :raises NotFound: there is none.
    """

    def work() -> BulkCounts:
        act = lock_bulk_act(uow, act_id)
        counts = count_bulk_act(uow, act_id)
        uow.session.execute(delete(BulkActAccount).where(BulkActAccount.act_id == act_id))
        uow.session.execute(delete(BulkAct).where(BulkAct.id == act_id))
        uow.record_event("bulk.discarded", facts={"bulk": act_id, "act": act.act, "left": counts.due})
        return counts

    return uow.attempt(work)


def delete_stale_bulk_acts(site: Site) -> None:
    """Forget acts that nobody goes on with or looks at any more, and those whose judging was broken off."""
    uow = UnitOfWork(site)
    abandoned = BulkAct.touched_at < now() - BULK_ACT_RETENTION
    unfinished = BulkAct.ready_at.is_(None) & (BulkAct.touched_at < now() - BULK_JUDGING_TIMEOUT)
    for (act_id,) in uow.fetch_all(select(BulkAct.id).where(or_(abandoned, unfinished))):
        is_of_act = BulkActAccount.act_id == act_id
        # Those that are due last: what became of the others is nobody's business by now, and this is counted.
        is_settled = is_of_act & (BulkActAccount.verdict != "due")
        sweep_rows(site.store.engine, delete(BulkActAccount).where(is_settled), BulkActAccount.number, is_settled)
        with suppress(NotFound):  # another worker, or an admin, was faster
            discard_bulk_act(uow, act_id)
