"""Check the rows of a file: which can be imported, as what, and why the others cannot."""

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
    BAD_ADDRESS,
    BAD_HASH,
    DUPLICATE_ADDRESS,
    MAX_NAME_CHARACTERS,
    MISSING_SECRET,
    UNCONFIRMED,
    FileRefused,
    ImportOptions,
    RefusedRow,
    SourceRow,
)
from accounts.flows.moving.sources import SOURCES

MAX_GROUPS_PER_ACCOUNT = 32
PLAIN_LOCAL_PART, MAX_LOCAL_CHARACTERS = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*", re.ASCII), 64
NO_HASH = "no password"
CONFIRMATION_UNKNOWN = "nothing in the file says that it was ever confirmed"
NEVER_CONFIRMED = "never confirmed in the old system"


@dataclass(frozen=True, slots=True)
class ImportableRow:
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
class ImportReport:
    """What a file comes to, counted.

    :ivar rows: how many rows were read. ``importable``: how many come in, or have come in.
    :ivar disabled: how many of these as disabled accounts, as they were there.
    :ivar already_imported: accounts that an earlier import has brought in already.
    :ivar hashes: of these that come in, how many by the format of their hash.
    :ivar refused: how many do not come in, by the code of the reason.
    :ivar groups: members by group of the source and what it becomes; "" for dropped.
    """

    rows: int = 0
    importable: int = 0
    disabled: int = 0
    already_imported: int = 0
    hashes: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    groups: Counter[tuple[str, str]] = field(default_factory=Counter)

    def count_row(self, row: ImportableRow) -> None:
        """Count one that comes in."""
        self.importable += 1
        self.disabled += not row.active
        self.hashes[row.hash_format] += 1


class _SeenAddresses:
    """Addresses of the rows so far, in a temporary file: a set of millions would not fit into memory."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._connection.execute("BEGIN")

    def find_earlier_line(self, key: str, line: int) -> int | None:
        """Where the address stood before; None when this is the first time."""
        if self._connection.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line)).rowcount:
            return None
        return int(self._connection.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()[0])

    def close(self) -> None:
        self._connection.close()


def check_rows(
    site: Site, path: Path, options: ImportOptions, report: ImportReport
) -> Iterator[ImportableRow | RefusedRow]:
    """Every row of a file, judged by itself; what the store knows of it is not asked yet.

    :raises FileRefused: the file cannot be read, or its source is not known.
    """
    if options.source not in SOURCES:
        raise FileRefused(f"no such source: {options.source}; there are {', '.join(SOURCES)}")
    foreign_secrets = get_foreign_secrets(site)
    seen = _SeenAddresses()
    try:
        for row in SOURCES[options.source](path, options, foreign_secrets):
            report.rows += 1
            result = (
                row
                if isinstance(row, RefusedRow)
                else _check_row(row, options, foreign_secrets, site.settings.locale)
            )
            if isinstance(result, ImportableRow):
                earlier_line = seen.find_earlier_line(result.address.key, result.line)
                if earlier_line is None:
                    _count_groups(row, options, report)
                else:
                    result = RefusedRow(
                        result.line,
                        result.address.email,
                        DUPLICATE_ADDRESS,
                        f"the same address as in line {earlier_line}",
                    )
            yield result
    finally:
        seen.close()


def get_foreign_secrets(site: Site) -> ForeignSecrets:
    """Return the secrets that other systems mixed into their hashes, from the settings."""
    settings = site.settings
    return ForeignSecrets(settings.devise_pepper, settings.flask_security_salt, settings.firebase_signer_key)


def parse_email_cached(text: str) -> EmailAddress:
    """Parse an address like :func:`parse_email`, faster where the part before the @ is a plain one.

    The two parts are judged apart from each other there, and of a hundred thousand users most share a few domains.
    """
    local, _, domain = text.rpartition("@")
    if len(local) > MAX_LOCAL_CHARACTERS or len(text) > MAX_EMAIL_BYTES or not PLAIN_LOCAL_PART.fullmatch(local):
        return parse_email(text)
    normalized_domain = _normalize_domain(domain)
    return EmailAddress(f"{local}@{normalized_domain}", f"{local.lower()}@{normalized_domain}")


@lru_cache(maxsize=4096)
def _normalize_domain(text: str) -> str:
    return parse_email(f"a@{text}").email.partition("@")[2]


def _check_row(
    row: SourceRow, options: ImportOptions, foreign_secrets: ForeignSecrets, locale: str
) -> ImportableRow | RefusedRow:
    try:
        address = parse_email_cached(row.email)
    except AddressRefused as error:
        reason = str(error).splitlines()[0] if row.email else "has none"
        return RefusedRow(row.line, row.email, BAD_ADDRESS, reason)
    if not (options.confirmed if row.confirmed is None else row.confirmed):
        reason = CONFIRMATION_UNKNOWN if row.confirmed is None else NEVER_CONFIRMED
        return RefusedRow(row.line, row.email, UNCONFIRMED, reason)
    hash_format = _check_hash(row, options, foreign_secrets)
    if isinstance(hash_format, RefusedRow):
        return hash_format
    groups = dict.fromkeys(options.map_group(name) for name in row.groups)
    language = row.locale.replace("_", "-").partition("-")[0].lower()
    return ImportableRow(
        row.line,
        address,
        row.name[:MAX_NAME_CHARACTERS],
        language if language in LOCALES else locale,
        row.password_hash if hash_format != NO_HASH else None,
        hash_format,
        tuple(name for name in groups if name)[:MAX_GROUPS_PER_ACCOUNT],
        row.active,
        row.created_at,
        row.last_sign_in_at,
    )


def _check_hash(row: SourceRow, options: ImportOptions, foreign_secrets: ForeignSecrets) -> str | RefusedRow:
    if not row.password_hash:
        return NO_HASH
    try:
        password_check = parse_hash(row.password_hash)
    except HashRefused as error:
        return NO_HASH if options.without_hash else RefusedRow(row.line, row.email, BAD_HASH, str(error))
    if password_check.setting and getattr(foreign_secrets, password_check.setting) is None:
        setting_name = f"{ENV_PREFIX}{password_check.setting.upper()}"
        return (
            NO_HASH
            if options.without_hash
            else RefusedRow(row.line, row.email, MISSING_SECRET, f"its hash needs {setting_name}")
        )
    return password_check.format


def _count_groups(row: SourceRow | RefusedRow, options: ImportOptions, report: ImportReport) -> None:
    for name in row.groups if isinstance(row, SourceRow) else ():
        report.groups[name, options.map_group(name)] += 1
