"""Freeze the accounts of a bulk act: what is done later is done to these, whoever matches by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import cast

from sqlalchemy import ColumnElement, String, Table, func, insert, literal, or_, select

from accounts.core.database import sql, terms
from accounts.core.errors import InvalidInput
from accounts.core.models.account import Account
from accounts.core.models.bulk import BulkActAccount
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.account_filter import AccountFilter, build_match_conditions
from accounts.flows.helpdesk.bulk_form import (
    MAX_BULK_ACCOUNTS,
    NO_MATCH_MESSAGE,
    UNKNOWN_MESSAGE,
    BulkActForm,
    too_many_accounts,
)
from accounts.flows.shared import accounts

NAMES_PER_STATEMENT = 500
_TABLE = cast(Table, BulkActAccount.__table__)
_COLUMNS = (_TABLE.c.act, _TABLE.c.number, _TABLE.c.account, _TABLE.c.verdict, _TABLE.c.reason)


def build_freeze(uow: UnitOfWork, form: BulkActForm) -> tuple[Callable[[str], None], Sequence[str]]:
    """Return what writes the set of an act, in a transaction under way, and who was named and has no account.

    Looks up before that transaction what needs one of its own.

    :raises InvalidInput: none of those who are named has an account.
    """
    if form.scope == "matching":
        if form.q:
            # Of all accounts, not of as many as a search takes the time for: whoever matches is meant.
            terms.update_all_terms(uow.site.store.engine)
        conditions = build_match_conditions(uow, form)
        return (lambda act_id: _insert_matches(uow, act_id, conditions)), ()
    ids, unknown = _find_named_accounts(uow, list(dict.fromkeys(form.who)))
    if not ids:
        raise InvalidInput.for_field("nobody has an account", "who", "unknown", UNKNOWN_MESSAGE)
    return (lambda act_id: _insert_named(uow, act_id, ids)), unknown


def count_matches(uow: UnitOfWork, form: AccountFilter, limit: int) -> int:
    """Return how many accounts match a search, at most one more than ``limit``."""
    matches = select(Account.id).where(*build_match_conditions(uow, form)).limit(limit + 1)
    return uow.session.scalar(select(func.count()).select_from(matches.subquery())) or 0


def _insert_matches(uow: UnitOfWork, act_id: str, conditions: Sequence[ColumnElement[bool]]) -> None:
    place = func.row_number().over(order_by=Account.email_key)
    matches = select(literal(act_id, String), place, Account.id, literal("due", String), literal("", String)).where(
        *conditions
    )
    # One more than may be: so many are written, and rolled back, however many there are.
    uow.session.execute(insert(_TABLE).from_select(_COLUMNS, matches.limit(MAX_BULK_ACCOUNTS + 1)))
    count = uow.session.scalar(select(func.count()).where(_TABLE.c.act == act_id)) or 0
    if not count:
        raise InvalidInput.for_field("nobody matches", "scope", "nobody", NO_MATCH_MESSAGE)
    if count > MAX_BULK_ACCOUNTS:
        raise too_many_accounts()


def _insert_named(uow: UnitOfWork, act_id: str, ids: Sequence[str]) -> None:
    rows = [
        {"act": act_id, "number": number, "account": account_id, "verdict": "due", "reason": ""}
        for number, account_id in enumerate(ids, 1)
    ]
    sql.insert_rows(uow.session.connection(), _TABLE, rows)


def _find_named_accounts(uow: UnitOfWork, names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the ids of accounts, each once and in the order in which they are named, and names of nobody."""
    ids: dict[str, None] = {}
    unknown = []
    for name, account_id in _look_up(uow, names):
        if account_id is None:
            unknown.append(name)
        else:
            ids[account_id] = None
    return list(ids), unknown


def _look_up(uow: UnitOfWork, names: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    for portion in sql.iter_batches(names, NAMES_PER_STATEMENT):
        keys = {name: accounts.get_email_key(name) if "@" in name else "" for name in portion}
        named = or_(Account.id.in_(portion), Account.email_key.in_([key for key in keys.values() if key]))
        by_name: dict[str, str] = {}
        for account_id, email_key in uow.fetch_all(select(Account.id, Account.email_key).where(named)):
            by_name |= {account_id: account_id, email_key: account_id}
        yield from ((name, by_name.get(keys[name] or name)) for name in portion)
