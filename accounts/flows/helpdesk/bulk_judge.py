"""Judge what a bulk act does to one account, at the dry run and again when it is done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select, update

from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.bulk import BulkAct, BulkActAccount
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.bulk_form import BULK_ACTS

ACCOUNTS_PER_TRANSACTION = 500
ENDS_OWN_SESSION = frozenset({"remove-groups", "disable", "sign-out"})
"""What would end the session of whoever does it, with the act half done."""


@dataclass(frozen=True, slots=True)
class AccountState:
    """What an account is judged by."""

    id: str
    is_active: bool
    groups: frozenset[str]


class BulkJudge:
    """Says why an account is skipped, with what was judged before it done.

    :param asker_id: the account of whoever does the act; None for an operator.
    :param admin_ids: who administers, and is active.
    """

    def __init__(self, act: BulkAct, asker_id: str | None, admin_ids: Iterable[str]) -> None:
        self._act, self._groups, self._asker_id = act.act, frozenset(act.groups), asker_id
        self._admin_ids = set(admin_ids)

    def find_reason(self, state: AccountState | None) -> str:
        """Return why an account is skipped, "" if it is not.

        :param state: None where there is no such account any more.
        """
        if state is None:
            return "gone"
        reason = self._find_needlessness(state)
        if reason:
            return reason
        if self._act in ENDS_OWN_SESSION and state.id == self._asker_id:
            return "yourself"
        takes_right = self._act == "disable" or (self._act == "remove-groups" and ADMIN_GROUP in self._groups)
        if takes_right and state.id in self._admin_ids:
            if len(self._admin_ids) == 1:
                return "last-admin"
            self._admin_ids.discard(state.id)
        return ""

    def _find_needlessness(self, state: AccountState) -> str:
        if self._act == "add-groups":
            return "member" if self._groups <= state.groups else ""
        if self._act == "remove-groups":
            return "not-member" if self._groups.isdisjoint(state.groups) else ""
        if self._act == "enable":
            return "active" if state.is_active else ""
        return "" if state.is_active else "disabled"


def make_judge(uow: UnitOfWork, act: BulkAct) -> BulkJudge:
    """Return the judge of an act for whoever makes this request, by who administers now."""
    is_admin = (Membership.account_id == Account.id) & (Membership.group == ADMIN_GROUP)
    admin_ids = uow.session.scalars(select(Account.id).join(Membership, is_admin).where(Account.active))
    return BulkJudge(act, uow.request_info.account_id, admin_ids)


def judge_accounts(uow: UnitOfWork, act_id: str) -> None:
    """Judge all accounts of an act that was just frozen, some of them in a transaction: the dry run."""
    with uow:
        judge = make_judge(uow, uow.session.get_one(BulkAct, act_id))

    def judge_next() -> int | None:
        return _judge_portion(uow, act_id, judge, number)

    last: int | None = 0
    while last is not None:
        number = last
        last = uow.attempt(judge_next)


def _judge_portion(uow: UnitOfWork, act_id: str, judge: BulkJudge, after: int) -> int | None:
    """Judge some accounts, and return the number of the last; None where there are no more."""
    BULK_ACTS.lock(uow, act_id)
    row = BulkActAccount
    rows = uow.session.execute(
        select(row.number, Account.id, Account.status)
        .outerjoin(Account, Account.id == row.account_id)
        .where(row.act_id == act_id, row.number > after)
        .order_by(row.number)
        .limit(ACCOUNTS_PER_TRANSACTION)
    ).all()
    groups: dict[str, set[str]] = {account_id: set() for _, account_id, _ in rows if account_id}
    memberships = select(Membership.account_id, Membership.group).where(Membership.account_id.in_(groups))
    for account_id, group in uow.session.execute(memberships):
        groups[account_id].add(group)
    skipped: dict[str, list[int]] = defaultdict(list)
    for number, account_id, status in rows:
        state = AccountState(account_id, status == "active", frozenset(groups[account_id])) if account_id else None
        if reason := judge.find_reason(state):
            skipped[reason].append(number)
    for reason, numbers in skipped.items():
        skip = update(row).where(row.act_id == act_id, row.number.in_(numbers))
        skip = skip.values(verdict="skipped", reason=reason)
        uow.session.execute(skip.execution_options(synchronize_session=False))
    return rows[-1][0] if rows else None
