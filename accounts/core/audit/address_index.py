"""Index the audit log by email address, for whoever has the address in hand and for nobody else.

The log itself holds no address. A line may have a tag, a keyed digest: whoever enters an address finds its lines,
whoever reads the table learns none. A tag is an index entry, no part of the line: it is cleared with the account of
its address, and each of them after a while.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, Engine, and_, bindparam, delete, or_, select, true, update
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.sweep import select_portion, sweep_rows
from accounts.core.models.audit import AddressIndexRow, AuditRow
from accounts.core.signing.keys import Key
from accounts.core.site import Site

INDEX_RETENTION = timedelta(days=30)
"""How long admins can find what became of the email to an address."""


def make_tag(site: Site, email_key: str) -> str:
    """Return the tag of an address under the key that signs now, for a new line.

    :param email_key: the unique form of the address, :attr:`EmailAddress.key`.
    """
    return _compute_tag(site, site.ring.signing, email_key)


def is_tag_of(site: Site, tag: str | None, email_key: str) -> bool:
    """Return whether a tag is one of this address, under any key of the ring."""
    return tag is not None and tag in _compute_tags(site, email_key)


def list_conditions(site: Site, email_key: str, account_id: str) -> list[ColumnElement[bool]]:
    """Return SQL conditions for lines about an address, one for each tag that it may have.

    :param account_id: an account whose lines they leave out.
    """
    is_other = AuditRow.account_id.is_distinct_from(account_id)
    return [and_(AuditRow.address_tag == tag, is_other) for tag in _compute_tags(site, email_key)]


def clear_tags(session: Session, site: Site, email_key: str, account_id: str) -> None:
    """Clear the tags of an address, and those of every line about an account: both are being deleted."""
    tags, is_about_account = _compute_tags(site, email_key), AuditRow.account_id == account_id
    old_rows = delete(AddressIndexRow).where(
        or_(AddressIndexRow.mark.in_(tags), AddressIndexRow.audit_id.in_(select(AuditRow.id).where(is_about_account)))
    )
    tagged = or_(AuditRow.address_tag.in_(tags), and_(is_about_account, AuditRow.address_tag.is_not(None)))
    for statement in (old_rows, update(AuditRow).where(tagged).values(address_tag=None)):
        session.execute(statement.execution_options(synchronize_session=False))


def clear_old_tags(engine: Engine) -> None:
    """Clear tags that are older than :data:`INDEX_RETENTION`."""
    while _take_over_old_rows(engine):
        pass
    is_old = and_(AuditRow.address_tag.is_not(None), AuditRow.at < now() - INDEX_RETENTION)
    sweep_rows(engine, update(AuditRow).values(address_tag=None), AuditRow.id, is_old)


def _take_over_old_rows(engine: Engine) -> bool:
    """Turn rows of the version before into tags, and return whether there were any: it may run beside this one."""
    portion = select_portion(AddressIndexRow.audit_id, true())
    # Deleted first: an account that is deleted meanwhile waits for these, and then finds the tags.
    taken = delete(AddressIndexRow).where(AddressIndexRow.audit_id.in_(portion))
    with engine.begin() as connection:
        rows = connection.execute(taken.returning(AddressIndexRow.audit_id.label("id"), AddressIndexRow.mark)).all()
        if rows:
            by_id = update(AuditRow).where(AuditRow.id == bindparam("line"))
            values = [{"line": row.id, "tag": row.mark} for row in rows]
            connection.execute(by_id.values(address_tag=bindparam("tag")), values)
    return bool(rows)


def _compute_tags(site: Site, email_key: str) -> list[str]:
    """Return every tag that an address may have: one for each key of the ring, newest first."""
    return [_compute_tag(site, key, email_key) for key in site.ring.newest_first()]


def _compute_tag(site: Site, key: Key, email_key: str) -> str:
    return site.signer.tag(key, ["trace", email_key], 16).hex()
