"""The chain over the audit log: whoever changes, removes or slips in a line that was sealed is found out.

Lines are appended without it, so that no request waits for another. What has settled is sealed a little later, in
order: each digest binds the line and the digest before. The last line of every sealing also carries a digest keyed by
the ring, which nobody can make anew who can only write to the database.

Who it was and from where is bound by a salted digest of its own. When that is pruned the salt goes: the line is still
proven to be there, with its kind and its time, and nobody can try whose it was.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, timedelta
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.models.audit import AuditRow, AuditSeal
from accounts.core.signing.keys import Key
from accounts.core.site import House

SETTLED = timedelta(minutes=5)
"""How old a line is when it is sealed: longer than any transaction lasts and clocks are apart. A line that turns up
later, before one that is sealed, is taken for one that was slipped in."""
BATCH = 500
BEGINNING = "accounts-audit"
PSEUDONYM = "~"
"""What begins the pseudonym of an account or a network; no id and no network does."""


def seal(house: House) -> int:
    """Seal what has settled; how many lines. Of several at once the later find nothing left to do."""
    sealed = 0
    while count := _seal_some(house):
        sealed += count
    return sealed


def _seal_some(house: House) -> int:
    with Session(house.store.engine, expire_on_commit=False) as session:
        end = _head(session)
        if not session.scalars(_settled(end).limit(1)).all():
            if end is not None and end.key != house.ring.signing.name:
                prove(house, end)
                session.commit()
            return 0
        # SQLite's write lock, and on PostgreSQL a lock on the lines: nobody prunes what is just being read.
        session.execute(update(AuditSeal).where(AuditSeal.number < 0).values(proof=None))
        end = _head(session)
        rows = session.scalars(
            _settled(end).with_for_update(read=True).execution_options(populate_existing=True)
        ).all()
        if not rows:
            return 0
        number, digest = (end.number, end.digest) if end else (0, BEGINNING)
        seals: list[AuditSeal] = []
        for place, row in enumerate(rows, number + 1):
            salt = secrets.token_urlsafe(16)
            link = AuditSeal(number=place, audit_id=row.id, at=row.at, salt=salt, personal=personal(row, salt))
            link.digest = digest = linked(digest, link, row)
            seals.append(link)
        prove(house, seals[-1])
        session.add_all(seals)
        try:
            session.commit()
        except IntegrityError:
            return 0  # another worker has just sealed these
        return len(rows)


def head(house: House) -> str:
    """The end of the chain as ``number:digest``; "" where there is none. Whoever notes it elsewhere can tell later
    whether the end of the log was cut off together with its seals."""
    with Session(house.store.engine) as session:
        newest = _head(session)
        return f"{newest.number}:{newest.digest}" if newest else ""


def _head(session: Session) -> AuditSeal | None:
    newest = select(AuditSeal).order_by(AuditSeal.number.desc()).limit(1)
    return session.scalars(newest.execution_options(populate_existing=True)).first()


def _settled(head: AuditSeal | None) -> Any:
    lines = select(AuditRow).where(AuditRow.at < now() - SETTLED)
    if head is not None:
        lines = lines.where(after(head.at, head.audit_id))
    return lines.order_by(AuditRow.at, AuditRow.id).limit(BATCH)


def after(at: Any, id: str) -> Any:
    """The lines that come after a place in the order."""
    # Said twice so that the index is used: with the OR alone SQLite reads the whole log for every page.
    return and_(AuditRow.at >= at, or_(AuditRow.at > at, AuditRow.id > id))


def before(at: Any, id: str) -> Any:
    """The lines that come before a place in the order."""
    return and_(AuditRow.at <= at, or_(AuditRow.at < at, AuditRow.id < id))


def personal(row: Any, salt: str) -> str:
    """The digest of what a line says about persons."""
    said = [salt, row.account_id, row.actor, row.network, row.agent, row.request_id, row.facts]
    return _digest(said)


def linked(before: str, seal: AuditSeal | Any, row: Any) -> str:
    """The digest of a line in its place."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    return _digest([before, seal.number, row.id, at, row.kind, row.app, row.link_id, seal.personal])


def prove(house: House, head: AuditSeal) -> None:
    """Vouch for the chain up to here with the key that signs now."""
    key = house.ring.signing
    head.key, head.proof = key.name, proof(house, key, head)


def proof(house: House, key: Key, head: AuditSeal | Any) -> str:
    """What a key of the ring says of the chain up to a line."""
    return _text(house.envelope.tag(key, ["audit-chain", head.number, head.digest], 32))


def is_proven(house: House, head: AuditSeal | Any) -> bool | None:
    """Whether the proof of a line is right; None where its key is not in the ring any more."""
    for key in house.ring.newest_first():
        if key.name == head.key:
            return hmac.compare_digest(str(head.proof), proof(house, key, head))
    return None


def pseudonym(house: House, value: str) -> str:
    """What stands for an account or a network in lines that were pruned; the same as long as the same key signs."""
    if not value or value.startswith(PSEUDONYM):
        return value
    return PSEUDONYM + _text(house.envelope.tag(house.ring.signing, ["pseudonym", value], 11))


def _digest(said: list[Any]) -> str:
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return _text(hashlib.sha256(text.encode()).digest())


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
