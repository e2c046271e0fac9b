"""Which address a line of the audit log is about, told to nobody who does not have the address in hand.

The log itself holds no address. A mark beside it is a keyed digest: who types an address finds its lines, who reads
the table learns none. Marks go when the account of their address is deleted, and all of them after a while.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, delete, or_, select
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.models.audit import AuditMark, AuditRow
from accounts.core.signing.keys import Key
from accounts.core.site import House

KEPT = timedelta(days=30)
"""How long somebody can be told what became of their mail."""


def put(session: Session, house: House, email_key: str, audit_id: str) -> None:
    """Note that a line is about an address, by its unique form."""
    session.add(AuditMark(mark=_mark(house, house.ring.signing, email_key), audit_id=audit_id))


def of(house: House, email_key: str) -> list[str]:
    """All marks that an address may have: it was marked with the key that signed then."""
    return [_mark(house, key, email_key) for key in house.ring.newest_first()]


def forget(session: Session, house: House, email_key: str, account_id: str) -> None:
    """Take the marks of an address away, and those of every line about an account: both are being deleted."""
    about_it = select(AuditRow.id).where(AuditRow.account_id == account_id)
    gone = or_(AuditMark.mark.in_(of(house, email_key)), AuditMark.audit_id.in_(about_it))
    session.execute(delete(AuditMark).where(gone).execution_options(synchronize_session=False))


def sweep(engine: Engine) -> None:
    """Forget marks that have served."""
    with engine.begin() as connection:
        connection.execute(delete(AuditMark).where(AuditMark.at < now() - KEPT))


def _mark(house: House, key: Key, email_key: str) -> str:
    return house.envelope.tag(key, ["trace", email_key], 16).hex()
