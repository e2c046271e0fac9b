"""Do a bulk act: some accounts at a time, each time committed before the next."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from functools import partial

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from accounts.core.audit.log import RequestInfo
from accounts.core.errors import Forbidden
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.bulk import BulkAct
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import bulk
from accounts.flows.helpdesk.bulk_form import BULK_ACTS
from accounts.flows.helpdesk.bulk_judge import AccountState, make_judge
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from accounts.flows.shared.frozen_lists import ListProgress

ACCOUNTS_PER_TRANSACTION = 50
"""Accounts in one transaction: few enough that nobody waits long for the database."""


def run_bulk_act(
    site: Site, request_info: RequestInfo, act_id: str, asker_epoch: int | None = None
) -> Generator[ListProgress, None, None]:
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
        do_portion = partial(_do_next_accounts, uow, act_id, asker_epoch)
        yield from BULK_ACTS.run(uow, act_id, do_portion, partial(_record_done, uow))


def _do_next_accounts(uow: UnitOfWork, act_id: str, asker_epoch: int | None) -> None:
    act = BULK_ACTS.lock(uow, act_id)
    # Who administers is locked before any account, as everywhere, and the asker's right is judged behind that lock:
    # of two admins who disable each other, one is refused.
    accounts.lock_admins(uow)
    _check_asker(uow, asker_epoch)
    rows = BULK_ACTS.get_due_rows(uow, act_id, ACCOUNTS_PER_TRANSACTION)
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


def _record_done(uow: UnitOfWork, act: BulkAct) -> None:
    counts = bulk.count_bulk_act(uow, act.id)
    facts = {"act": act.act, "groups": act.groups, "done": counts.done, "skipped": counts.skipped}
    uow.record_event("bulk.done", facts=facts)
