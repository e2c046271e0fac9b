"""Chain the lines of the audit log, so that a line that is changed, removed or inserted afterwards is detected.

Lines are appended without it, so that no request waits for another. What has settled is chained a little later, in
order: each digest binds the line and the digest before. The last line of every closing also carries a proof: a digest
keyed by the ring, which nobody can compute who can only write to the database.

Account, actor and network are bound by a salted digest of their own. When they are pruned the salt goes: the line is
still proven to be there, with its kind and its time, and nobody can try whose it was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database.sql import fetch_in_batches
from accounts.core.models.audit import AuditChainRow, AuditRow
from accounts.core.signing.keys import Key
from accounts.core.site import Site

SETTLING_TIME = timedelta(minutes=5)
"""How old a line is when it is chained: longer than any transaction lasts and clocks are apart. A line that turns up
later, before one that is chained, counts as inserted."""
ROWS_PER_BATCH = 500
GENESIS_DIGEST = "accounts-audit"
PSEUDONYM_PREFIX = "~"
"""What begins the pseudonym of an account or a network; no id and no network does."""


def close_chain(site: Site) -> int:
    """Chain the lines that have settled, and return how many. Of several calls at once the later find none left."""
    total = 0
    while count := _close_batch(site):
        total += count
    return total


def _close_batch(site: Site) -> int:
    with Session(site.store.engine, expire_on_commit=False) as session:
        head = _find_head(session)
        if not session.scalars(_select_settled_rows(head).limit(1)).all():
            if head is not None and head.key != site.ring.signing.name:
                set_proof(site, head)
                session.commit()
            return 0
        # SQLite's write lock, and on PostgreSQL a lock on the lines: nobody prunes what is just being read.
        session.execute(update(AuditChainRow).where(AuditChainRow.number < 0).values(proof=None))
        head = _find_head(session)
        rows = session.scalars(
            _select_settled_rows(head).with_for_update(read=True).execution_options(populate_existing=True)
        ).all()
        if not rows:
            return 0
        number, digest = (head.number, head.digest) if head else (0, GENESIS_DIGEST)
        chain_rows: list[AuditChainRow] = []
        for place, row in enumerate(rows, number + 1):
            salt = secrets.token_urlsafe(16)
            chain_row = AuditChainRow(
                number=place, audit_id=row.id, at=row.at, salt=salt, personal=personal_digest(row, salt)
            )
            chain_row.digest = digest = chained_digest(digest, chain_row, row)
            chain_rows.append(chain_row)
        set_proof(site, chain_rows[-1])
        session.add_all(chain_rows)
        try:
            session.commit()
        except IntegrityError:
            return 0  # another worker has just chained these
        return len(rows)


def describe_head(site: Site) -> str:
    """Return the end of the chain as ``number:digest``; "" where there is none.

    Whoever notes it elsewhere can tell later whether the end of the log was cut off together with its chain rows.
    """
    with Session(site.store.engine) as session:
        newest = _find_head(session)
        return f"{newest.number}:{newest.digest}" if newest else ""


def _find_head(session: Session) -> AuditChainRow | None:
    newest = select(AuditChainRow).order_by(AuditChainRow.number.desc()).limit(1)
    return session.scalars(newest.execution_options(populate_existing=True)).first()


def _select_settled_rows(head: AuditChainRow | None) -> Any:
    statement = select(AuditRow).where(AuditRow.at < now() - SETTLING_TIME)
    if head is not None:
        statement = statement.where(rows_after(head.at, head.audit_id))
    return statement.order_by(AuditRow.at, AuditRow.id).limit(ROWS_PER_BATCH)


def rows_after(at: Any, id: str) -> Any:
    """Return the SQL condition for the lines that come after a place in the order (``at``, then ``id``)."""
    # Said twice so that the index is used: with the OR alone SQLite reads the whole log for every page.
    return and_(AuditRow.at >= at, or_(AuditRow.at > at, AuditRow.id > id))


def iter_event_batches(site: Site, statement: Select[*tuple[Any, ...]], size: int) -> Iterator[Sequence[Any]]:
    """Yield audit events in batches, oldest first.

    :param statement: selects at least ``id`` and ``at``.
    """
    order_by = (AuditRow.at, AuditRow.id)
    return fetch_in_batches(site.store.engine, statement, order_by, lambda row: rows_after(row.at, row.id), size)


def rows_before(at: Any, id: str) -> Any:
    """Return the SQL condition for the lines that come before a place in the order (``at``, then ``id``)."""
    return and_(AuditRow.at <= at, or_(AuditRow.at < at, AuditRow.id < id))


def personal_digest(row: Any, salt: str) -> str:
    """Return the hexadecimal digest of account, actor and network of a line, under a salt."""
    values = [salt, row.account_id, row.actor, row.network, row.agent, row.request_id, row.facts]
    return _digest(values)


def chained_digest(previous_digest: str, chain_row: AuditChainRow | Any, row: Any) -> str:
    """Return the hexadecimal digest of a line at its place in the chain."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return _digest(
        [previous_digest, chain_row.number, row.id, at, row.kind, row.app, row.link_id, chain_row.personal]
    )


def set_proof(site: Site, head: AuditChainRow) -> None:
    """Set the proof of the chain up to ``head``, with the key that signs now."""
    key = site.ring.signing
    head.key, head.proof = key.name, compute_proof(site, key, head)


def compute_proof(site: Site, key: Key, head: AuditChainRow | Any) -> str:
    """Return the proof (a keyed digest, hexadecimal) of the chain up to ``head``, under one key of the ring."""
    return _base64url(site.signer.tag(key, ["audit-chain", head.number, head.digest], 32))


def check_proof(site: Site, head: AuditChainRow | Any) -> bool | None:
    """Return whether the proof of a chain row is right; None where its key is not in the ring any more."""
    for key in site.ring.newest_first():
        if key.name == head.key:
            return hmac.compare_digest(str(head.proof), compute_proof(site, key, head))
    return None


def make_pseudonym(site: Site, value: str) -> str:
    """Return what replaces an account id or a network in pruned lines; the same as long as the same key signs."""
    if not value or value.startswith(PSEUDONYM_PREFIX):
        return value
    return PSEUDONYM_PREFIX + _base64url(site.signer.tag(site.ring.signing, ["pseudonym", value], 11))


def _digest(values: list[Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return _base64url(hashlib.sha256(text.encode()).digest())


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
