"""Mark addresses from which mail came back for good. A mark is for the eyes of admins: it holds back no email.

Only what an account or an open invitation has anyway is marked, and the mark goes with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, bindparam, delete, exists, or_, select

from accounts.core.clock import now
from accounts.core.database.sql import CompiledStatement
from accounts.core.database.sweep import sweep_rows
from accounts.core.models.account import Account
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork

REACHABLE_EVENT = "mail.reachable"
MARK_RETENTION = timedelta(days=180)
"""How long an address stays marked that nobody uses and to which nothing is mailed."""


@dataclass(frozen=True, slots=True)
class UnreachableMark:
    """Why an address counts as unreachable.

    :ivar since: when the first email came back.
    :ivar mail: that email, as the mail trace names it.
    :ivar status: an enhanced status code (RFC 3463).
    :ivar said: what the other server said.
    """

    since: datetime
    mail: str
    purpose: str
    status: str
    said: str


_INSERT_MARK = CompiledStatement(lambda insert: insert(UnreachableAddress).on_conflict_do_nothing())
_DELETE_MARK = CompiledStatement(
    delete(UnreachableAddress)
    .where(UnreachableAddress.email_key == bindparam("email_key"))
    .returning(UnreachableAddress.email_key)
)


def mark_address(uow: UnitOfWork, email_key: str, mark: UnreachableMark) -> None:
    """Mark an address; of one that is marked already the first reason stays."""
    values = {"purpose": mark.purpose, "status": mark.status, "said": mark.said}
    uow.execute(_INSERT_MARK, {"email_key": email_key, "since": mark.since, "mail": mark.mail, **values})


def clear_mark(uow: UnitOfWork, email_key: str, account_id: str | None) -> bool:
    """Count an address as reachable again, and return whether it was marked.

    :param account_id: the account of the address, for the audit log.
    """
    if not uow.execute(_DELETE_MARK, {"email_key": email_key}):
        return False
    uow.record_event(REACHABLE_EVENT, account_id=account_id, email_key=email_key)
    return True


def find_marks(uow: UnitOfWork, email_keys: Collection[str]) -> Mapping[str, UnreachableMark]:
    """Return the marks of some addresses, by the address; one statement however many there are."""
    if not email_keys:
        return {}
    rows = uow.session.scalars(select(UnreachableAddress).where(UnreachableAddress.email_key.in_(email_keys)))
    return {row.email_key: read_mark(row) for row in rows}


def read_mark(row: UnreachableAddress) -> UnreachableMark:
    """Return the mark that a row of the table is."""
    return UnreachableMark(row.since, row.mail_id, row.purpose, row.status, row.said)


def delete_stale_marks(engine: Engine) -> int:
    """Delete marks that are old, and those of addresses that neither an account nor an open invitation has."""
    key = UnreachableAddress.email_key
    is_held = or_(
        exists().where(or_(Account.email_key == key, Account.anchor_key == key)),
        exists().where(SentInvite.email_key == key, SentInvite.undecided),
    )
    is_stale = or_(UnreachableAddress.since < now() - MARK_RETENTION, ~is_held)
    return sweep_rows(engine, delete(UnreachableAddress), key, is_stale)
