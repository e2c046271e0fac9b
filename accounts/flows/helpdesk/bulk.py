"""Manage bulk acts: the accounts are frozen and judged (nothing is done), looked at, then done or discarded.

What is done is done by :mod:`accounts.flows.helpdesk.bulk_run`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Select, delete, func, select

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.database.page import Page
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.bulk import BulkAct, BulkActAccount
from accounts.core.models.outbox import OutboxRow
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.bulk_form import BULK_ACTS, GROUP_ACTIONS, BulkActForm, BulkRowsForm
from accounts.flows.helpdesk.bulk_freeze import build_freeze
from accounts.flows.helpdesk.bulk_judge import judge_accounts


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


@dataclass(frozen=True, slots=True)
class DiscardedAct:
    """What was left of an act that is forgotten.

    :ivar left: accounts about which nothing was done.
    :ivar letters: letters of it that were still to go out, and do not any more.
    """

    left: int
    letters: int


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
    with BULK_ACTS.delete_if_broken_off(uow, act_id):
        judge_accounts(uow, act_id)
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


def count_bulk_act(uow: UnitOfWork, act_id: str) -> BulkCounts:
    """Return how an act stands at this moment."""
    return count_bulk_acts(uow, [act_id])[act_id]


def count_bulk_acts(uow: UnitOfWork, act_ids: Sequence[str]) -> dict[str, BulkCounts]:
    """Return how acts stand at this moment, in one SQL statement for all of them."""
    row = BulkActAccount
    counts: dict[str, dict[str, dict[str, int]]] = {act_id: defaultdict(dict) for act_id in act_ids}
    for act_id, verdict, reason, count in BULK_ACTS.count_rows(uow, act_ids, row.verdict, row.reason):
        counts[act_id][verdict][reason] = count
    return {
        act_id: BulkCounts(by_verdict["due"].get("", 0), by_verdict["done"].get("", 0), by_verdict["skipped"])
        for act_id, by_verdict in counts.items()
    }


def list_bulk_rows(uow: UnitOfWork, act_id: str, form: BulkRowsForm | None = None) -> Page[BulkRow]:
    """Return one page of the accounts of an act, in the order of the set.

    :param form: which accounts, and which page of them; None for the first of all.
    """
    row = BulkActAccount
    email, name = func.coalesce(Account.email, ""), func.coalesce(Account.name, "")
    columns: list[Any] = [row.number, row.account_id, email, name, row.verdict, row.reason]
    statement = select(*columns).outerjoin(Account, Account.id == row.account_id).where(row.act_id == act_id)

    def fetch(page: Select[Any]) -> list[BulkRow]:
        return [BulkRow(*values) for values in uow.session.execute(page)]

    return BULK_ACTS.fetch_rows(fetch, statement, form or BulkRowsForm())


def count_waiting_letters(uow: UnitOfWork, act_id: str) -> int:
    """Return how many letters of an act have not gone out: discarding it cancels these."""
    return uow.session.scalar(select(func.count()).where(OutboxRow.batch == act_id)) or 0


def discard_bulk_act(uow: UnitOfWork, act_id: str) -> DiscardedAct:
    """Forget an act: what is still due is not done, and its letters that still wait are not sent.

    What was done stays done.

    :raises NotFound: there is none.
    """
    # Whoever does it at this moment is between two portions: their letters are in the outbox, or will not be.
    return uow.attempt(partial(_forget_act, uow, act_id, cancels_letters=True))


def delete_stale_bulk_acts(site: Site) -> None:
    """Forget acts that nobody goes on with or looks at any more, and those whose judging was broken off.

    Their letters, if any still wait, go by the rules of all letters.
    """
    uow = UnitOfWork(site)
    # Those that are due last: what became of the others is nobody's business by now, and these are counted.
    for act_id, _ in BULK_ACTS.sweep_stale(uow, BulkActAccount.verdict != "due"):
        with suppress(NotFound):  # another worker, or an admin, was faster
            uow.attempt(partial(_forget_act, uow, act_id, cancels_letters=False))


def _forget_act(uow: UnitOfWork, act_id: str, *, cancels_letters: bool) -> DiscardedAct:
    act = BULK_ACTS.lock(uow, act_id)
    left = count_bulk_act(uow, act_id).due
    uow.session.execute(delete(BulkActAccount).where(BulkActAccount.act_id == act_id))
    uow.session.execute(delete(BulkAct).where(BulkAct.id == act_id))
    letters = outbox.cancel_batch(uow.executor, act_id) if cancels_letters else 0
    facts = {"bulk": act_id, "act": act.act, "left": left, "letters": letters}
    uow.record_event("bulk.discarded", facts=facts)
    return DiscardedAct(left, letters)
