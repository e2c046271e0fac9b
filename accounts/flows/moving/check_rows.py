"""Judging what a file says: which rows can come in, as what, and why the others cannot."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from accounts.config import ENV_PREFIX, LOCALES
from accounts.core.security.addresses import MAX_EMAIL_BYTES, AddressRefused, EmailAddress, parse_email
from accounts.core.security.foreign_hashes import ForeignSecrets, parse_hash
from accounts.core.security.hash_limits import HashRefused
from accounts.core.site import Site
from accounts.flows.moving.rows import (
    ADDRESS,
    HASH,
    MAX_NAME,
    SECRET,
    TWICE,
    UNCONFIRMED,
    FileRefused,
    How,
    Refused,
    Row,
)
from accounts.flows.moving.sources import SOURCES

MAX_GROUPS = 32
PLAIN, MAX_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII), 64
NO_HASH = "no password"
ONLY_SAYS_SO = "nothing in the file says that it was ever confirmed"
NEVER = "never confirmed in the old system"


@dataclass(frozen=True, slots=True)
class Ready:
    """A row that can come in, as the account that it would be."""

    line: int
    address: EmailAddress
    name: str
    locale: str
    password_hash: str | None = field(repr=False)
    hash_format: str
    groups: tuple[str, ...]
    active: bool
    created_at: datetime | None
    last_sign_in_at: datetime | None


@dataclass(slots=True)
class Report:
    """What a file comes to, counted.

    :ivar rows: how many rows were read. ``coming``: how many come in, or have come in.
    :ivar disabled: how many of these as disabled accounts, as they were there.
    :ivar here: accounts that an earlier import has brought in already.
    :ivar hashes: of these that come in, how many by the format of their hash.
    :ivar refused: how many do not come in, by the code of the reason.
    :ivar groups: members by group of the source and what it becomes; "" for dropped.
    """

    rows: int = 0
    coming: int = 0
    disabled: int = 0
    here: int = 0
    hashes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, ready: Ready) -> None:
        """Count one that comes in."""
        self.coming += 1
        self.disabled += not ready.active
        self.hashes[ready.hash_format] += 1


class _Seen:
    """Addresses of the rows so far, in a temporary file: a set of millions would not fit into memory."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def first_line(self, key: str, line: int) -> int | None:
        """Where the address stood before; None when this is the first time."""
        if self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return None
        return int(self._db.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()[0])

    def close(self) -> None:
        self._db.close()


def judged(house: Site, path: Path, how: How, report: Report) -> Iterator[Ready | Refused]:
    """Every row of a file, judged by itself; what the store knows of it is not asked yet.

    :raises FileRefused: the file cannot be read, or its source is not known.
    """
    if how.source not in SOURCES:
        raise FileRefused(f"no such source: {how.source}; there are {', '.join(SOURCES)}")
    old = old_secrets(house)
    seen = _Seen()
    try:
        for row in SOURCES[how.source](path, how, old):
            report.rows += 1
            found = row if isinstance(row, Refused) else _judge(row, how, old, house.settings.locale)
            if isinstance(found, Ready):
                before = seen.first_line(found.address.key, found.line)
                if before is None:
                    _count_groups(row, how, report)
                else:
                    found = Refused(found.line, found.address.email, TWICE, f"the same address as in line {before}")
            yield found
    finally:
        seen.close()


def old_secrets(house: Site) -> ForeignSecrets:
    """What the old systems mixed into their hashes, as the settings say."""
    settings = house.settings
    return ForeignSecrets(settings.devise_pepper, settings.flask_security_salt, settings.firebase_signer_key)


def address_of(text: str) -> EmailAddress:
    """The same as :func:`accounts.core.security.addresses.parse`, faster where the part before the @ is a plain one.

    The two parts are judged apart from each other there, and of a hundred thousand people most share a few domains.
    """
    local, _, domain = text.rpartition("@")
    if len(local) > MAX_LOCAL or len(text) > MAX_EMAIL_BYTES or not PLAIN.fullmatch(local):
        return parse_email(text)
    known = _domain(domain)
    return EmailAddress(f"{local}@{known}", f"{local.lower()}@{known}")


@lru_cache(maxsize=4096)
def _domain(text: str) -> str:
    return parse_email(f"a@{text}").email.partition("@")[2]


def _judge(row: Row, how: How, old: ForeignSecrets, locale: str) -> Ready | Refused:
    try:
        address = address_of(row.email)
    except AddressRefused as wrong:
        why = str(wrong).splitlines()[0] if row.email else "has none"
        return Refused(row.line, row.email, ADDRESS, why)
    if not (how.confirmed if row.confirmed is None else row.confirmed):
        why = ONLY_SAYS_SO if row.confirmed is None else NEVER
        return Refused(row.line, row.email, UNCONFIRMED, why)
    hashed = _hash(row, how, old)
    if isinstance(hashed, Refused):
        return hashed
    groups = dict.fromkeys(how.group(name) for name in row.groups)
    spoken = row.locale.replace("_", "-").partition("-")[0].lower()
    return Ready(
        row.line,
        address,
        row.name[:MAX_NAME],
        spoken if spoken in LOCALES else locale,
        row.password_hash if hashed != NO_HASH else None,
        hashed,
        tuple(name for name in groups if name)[:MAX_GROUPS],
        row.active,
        row.created_at,
        row.last_sign_in_at,
    )


def _hash(row: Row, how: How, old: ForeignSecrets) -> str | Refused:
    if not row.password_hash:
        return NO_HASH
    try:
        found = parse_hash(row.password_hash)
    except HashRefused as wrong:
        return NO_HASH if how.without_hash else Refused(row.line, row.email, HASH, str(wrong))
    if found.setting and getattr(old, found.setting) is None:
        name = f"{ENV_PREFIX}{found.setting.upper()}"
        return NO_HASH if how.without_hash else Refused(row.line, row.email, SECRET, f"its hash needs {name}")
    return found.format


def _count_groups(row: Row | Refused, how: How, report: Report) -> None:
    for name in row.groups if isinstance(row, Row) else ():
        report.groups[name, how.group(name)] += 1
