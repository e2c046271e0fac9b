"""Do a bulk act: some accounts at a time, each time committed before the next. Whoever is interrupted can go on.

Two who do one act at once take turns: an account is marked as done in the transaction that does it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.errors import Forbidden
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.bulk import BulkAct, BulkActAccount
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import bulk
from accounts.flows.helpdesk.bulk_judge import AccountState, lock_bulk_act, make_judge
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts

ACCOUNTS_PER_TRANSACTION = 50
"""Accounts in one transaction: few enough that nobody waits long for the database."""


@dataclass(frozen=True, slots=True)
class BulkProgress:
    """How far an act is: accounts that are done, those that were skipped, and those still left."""

    done: int
    skipped: int
    left: int
    finished: bool = False


def run_bulk_act(
    site: Site, request_info: RequestInfo, act_id: str, asker_epoch: int | None = None
) -> Generator[BulkProgress, None, None]:
    """Do what is left of an act. Nothing happens before the first step is asked for; each step is committed.

    It works in a unit of work of its own, since it lives on when the request that began it is answered.

    :param asker_epoch: the ``auth_epoch`` of the admin's session; None for an operator. When it ends, nothing more
        is done: somebody may have taken the account back.
    :raises NotFound: there is no such act (any more).
    :raises Forbidden: the asker may not administer (any more).
    :raises TooManyRequests: too many letters by this admin; the rest can be done later.
    """
    with closing(UnitOfWork(site, request_info)) as uow:
        bulk.find_bulk_act(uow, act_id)
        uow.release()
        uow.event_facts = {"bulk": act_id}
        progress = _measure_progress(uow, act_id)
        yield progress
        while progress.left:
            uow.attempt(lambda: _do_next_accounts(uow, act_id, asker_epoch))
            progress = _measure_progress(uow, act_id)
            yield progress
        uow.attempt(lambda: _finish_act(uow, act_id))
        yield replace(_measure_progress(uow, act_id), finished=True)


def _measure_progress(uow: UnitOfWork, act_id: str) -> BulkProgress:
    counts = bulk.count_bulk_act(uow, act_id)
    uow.release()
    return BulkProgress(done=counts.done, skipped=sum(counts.skipped.values()), left=counts.due)


def _do_next_accounts(uow: UnitOfWork, act_id: str, asker_epoch: int | None) -> None:
    act = lock_bulk_act(uow, act_id)
    # Who administers is locked before any account, as everywhere, and the asker's right is judged behind that lock:
    # of two admins who disable each other, one is refused.
    accounts.lock_admins(uow)
    _check_asker(uow, asker_epoch)
    rows = _get_next_rows(uow, act_id)
    found = _lock_accounts(uow, [row.account_id for row in rows if row.account_id])
    judge = make_judge(uow, act)
    due: list[Account] = []
    for row in rows:
        account = found.get(row.account_id or "")
        row.reason = judge.find_reason(_make_state(account) if account else None)
        row.verdict = "skipped" if row.reason else "done"
        if account is not None and not row.reason:
            due.append(account)
    _do(uow, act, due)


def _check_asker(uow: UnitOfWork, asker_epoch: int | None) -> None:
    asker_id = uow.request_info.account_id
    if asker_id is None:
        return
    is_admin = (Membership.account_id == Account.id) & (Membership.group == ADMIN_GROUP)
    statement = select(Account.id).join(Membership, is_admin).where(Account.id == asker_id, Account.active)
    if uow.session.scalar(statement.where(Account.auth_epoch == asker_epoch)) is None:
        raise Forbidden("may not administer any more, or was signed out")


def _get_next_rows(uow: UnitOfWork, act_id: str) -> Sequence[BulkActAccount]:
    statement = select(BulkActAccount).where(BulkActAccount.act_id == act_id, BulkActAccount.verdict == "due")
    return uow.session.scalars(statement.order_by(BulkActAccount.number).limit(ACCOUNTS_PER_TRANSACTION)).all()


def _lock_accounts(uow: UnitOfWork, account_ids: Sequence[str]) -> Mapping[str, Account]:
    # Locked, or whoever signs in meanwhile has all of them rolled back; in one order, so that no two wait crosswise.
    statement = select(Account).where(Account.id.in_(account_ids)).order_by(Account.id).with_for_update()
    options = {"populate_existing": True}
    found = uow.session.scalars(statement.options(selectinload(Account.memberships)), execution_options=options)
    return {account.id: account for account in found}


def _make_state(account: Account) -> AccountState:
    return AccountState(account.id, account.status == "active", frozenset(account.groups))


def _do(uow: UnitOfWork, act: BulkAct, due: Sequence[Account]) -> None:
    if act.act == "send-reset" and due and uow.request_info.account_id:
        uow.count_attempts(throttle.BULK_LETTERS.by(uow.request_info.account_id, cost=len(due)))
    do = _ACTS[act.act]
    for account in due:
        do(uow, act, account)


_ACTS: Mapping[str, Callable[[UnitOfWork, BulkAct, Account], object]] = {
    "add-groups": lambda uow, act, account: accounts.add_groups(uow, account, act.groups),
    "remove-groups": lambda uow, act, account: accounts.remove_groups(uow, account, act.groups),
    "disable": lambda uow, act, account: accounts.switch_off(uow, account),
    "enable": lambda uow, act, account: accounts.switch_on(uow, account, act.kept),
    "sign-out": lambda uow, act, account: sessions.end_all_sessions(uow, account.id),
    "send-reset": lambda uow, act, account: helpdesk_accounts.enqueue_reset(uow, account, batch_id=act.id),
}
"""The same as for one account, in a transaction under way."""


def _finish_act(uow: UnitOfWork, act_id: str) -> None:
    act = lock_bulk_act(uow, act_id)
    if act.done_at is not None or _get_next_rows(uow, act_id):
        return
    act.done_at = now()
    counts = bulk.count_bulk_act(uow, act_id)
    facts = {"act": act.act, "groups": act.groups, "done": counts.done, "skipped": counts.skipped}
    uow.record_event("bulk.done", facts=facts)
