"""Which address a line of the audit log is about, told to nobody who does not have the address in hand.

The log itself holds no address. A mark beside it is a keyed digest: who types an address finds its lines, who reads
the table learns none. Marks go when the account of their address is deleted, and all of them after a while.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine, delete, or_, select
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.models.audit import AddressIndexRow, AuditRow
from accounts.core.signing.keys import Key
from accounts.core.site import Site

INDEX_RETENTION = timedelta(days=30)
"""How long somebody can be told what became of their mail."""


def index_address(session: Session, site: Site, email_key: str, audit_id: str) -> None:
    """Note that a line is about an address, by its unique form."""
    session.add(AddressIndexRow(mark=_index_key(site, site.ring.signing, email_key), audit_id=audit_id))


def index_keys(site: Site, email_key: str) -> list[str]:
    """All marks that an address may have: it was marked with the key that signed then."""
    return [_index_key(site, key, email_key) for key in site.ring.newest_first()]


def delete_entries(session: Session, site: Site, email_key: str, account_id: str) -> None:
    """Take the marks of an address away, and those of every line about an account: both are being deleted."""
    events_of_account = select(AuditRow.id).where(AuditRow.account_id == account_id)
    condition = or_(
        AddressIndexRow.mark.in_(index_keys(site, email_key)), AddressIndexRow.audit_id.in_(events_of_account)
    )
    session.execute(delete(AddressIndexRow).where(condition).execution_options(synchronize_session=False))


def delete_old_entries(engine: Engine) -> None:
    """Forget marks that have served."""
    with engine.begin() as connection:
        connection.execute(delete(AddressIndexRow).where(AddressIndexRow.at < now() - INDEX_RETENTION))


def _index_key(site: Site, key: Key, email_key: str) -> str:
    return site.signer.tag(key, ["trace", email_key], 16).hex()
