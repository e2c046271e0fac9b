"""Index the audit log by email address, for whoever has the address in hand and for nobody else.

The log itself holds no address. The index holds keyed digests: whoever enters an address finds its lines, whoever
reads the table learns none. Entries are deleted with the account of their address, and all of them after a while.
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
"""How long admins can find what became of the email to an address."""


def index_address(session: Session, site: Site, email_key: str, audit_id: str) -> None:
    """Record that an audit line is about an address.

    :param email_key: the unique form of the address, :attr:`EmailAddress.key`.
    :param audit_id: the id of the line.
    """
    session.add(AddressIndexRow(mark=_index_key(site, site.ring.signing, email_key), audit_id=audit_id))


def index_keys(site: Site, email_key: str) -> list[str]:
    """Return every digest that an address may have in the index: one for each key of the ring, newest first."""
    return [_index_key(site, key, email_key) for key in site.ring.newest_first()]


def delete_entries(session: Session, site: Site, email_key: str, account_id: str) -> None:
    """Delete the entries of an address, and those of every line about an account: both are being deleted."""
    events_of_account = select(AuditRow.id).where(AuditRow.account_id == account_id)
    condition = or_(
        AddressIndexRow.mark.in_(index_keys(site, email_key)), AddressIndexRow.audit_id.in_(events_of_account)
    )
    session.execute(delete(AddressIndexRow).where(condition).execution_options(synchronize_session=False))


def delete_old_entries(engine: Engine) -> None:
    """Delete entries that are older than :data:`INDEX_RETENTION`."""
    with engine.begin() as connection:
        connection.execute(delete(AddressIndexRow).where(AddressIndexRow.at < now() - INDEX_RETENTION))


def _index_key(site: Site, key: Key, email_key: str) -> str:
    return site.signer.tag(key, ["trace", email_key], 16).hex()
