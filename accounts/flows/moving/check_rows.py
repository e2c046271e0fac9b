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

from accounts.config import LOCALES
from accounts.config_sources import ENV_PREFIX
from accounts.core.clock import now
from accounts.core.local_time import UNKNOWN_ZONE, list_zones
from accounts.core.record_files.text import LOST_CHARACTERS
from accounts.core.security.addresses import MAX_EMAIL_BYTES, AddressRefused, EmailAddress, parse_email
from accounts.core.security.foreign_hashes import ForeignSecrets, parse_hash
from accounts.core.security.hash_limits import HashRefused
from accounts.core.site import Site
from accounts.flows.moving.files import LOST_REASON, SourceFile
from accounts.flows.moving.rows import (
    BAD_ADDRESS,
    BAD_HASH,
    BAD_RECORD,
    DELETED,
    DUPLICATE_ADDRESS,
    MAX_NAME_CHARACTERS,
    MISSING_SECRET,
    UNCONFIRMED,
    FileRefused,
    ImportOptions,
    RefusedRow,
    SkippedRecord,
    SourceRow,
)
from accounts.flows.moving.source import Source
from accounts.flows.moving.sources import SOURCES
from accounts.flows.moving.study import study_file
from accounts.flows.shared.columns import Meaning

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
    zone: str
    password_hash: str | None = field(repr=False)
    hash_format: str
    groups: tuple[str, ...]
    active: bool
    created_at: datetime | None
    last_sign_in_at: datetime | None
    terms_version: str = ""
    terms_accepted_at: datetime | None = None


@dataclass(slots=True)
class ImportReport:
    """What a file comes to, counted.

    :ivar rows: how many records were read: the sum of those that come in, are here already, get a hash, are refused,
        or are skipped. ``importable``: how many come in, or have come in.
    :ivar disabled: how many of these as disabled accounts, as they were there.
    :ivar already_imported: accounts that an earlier import has brought in already.
    :ivar hashes_added: of such accounts, how many get the hash that they came in without.
    :ivar skipped: how many records are no accounts.
    :ivar encoding: in what the file is written. ``unused_columns``: what of it is not read.
    :ivar hashes: of these that come in, how many by the format of their hash.
    :ivar refused: how many do not come in, by the code of the reason.
    :ivar groups: members by group of the source and what it becomes; "" for dropped.
    """

    rows: int = 0
    importable: int = 0
    disabled: int = 0
    already_imported: int = 0
    hashes_added: int = 0
    skipped: int = 0
    encoding: str = ""
    unused_columns: list[str] = field(default_factory=list)
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
    foreign_secrets, moment = get_foreign_secrets(site), now()
    kind = SOURCES[options.source]
    with SourceFile(path, kind.heading) as file:
        source = kind(options, foreign_secrets, moment)
        studied = study_file(source, file)
        report.encoding, report.unused_columns = file.encoding_name, list(studied.unused.values())
        # Where the file says who is confirmed, a record that is silent about it says no.
        always_told = source.confirms_itself or studied.has(Meaning.CONFIRMED)
        checker = _RowChecker(options, foreign_secrets, site.settings.locale, always_told)
        seen = _SeenAddresses()
        try:
            yield from _check_records(file, source, checker, seen, report)
        finally:
            seen.close()


def _check_records(
    file: SourceFile, source: Source, checker: _RowChecker, seen: _SeenAddresses, report: ImportReport
) -> Iterator[ImportableRow | RefusedRow]:
    for record in file.read_records():
        report.rows += 1
        row = source.read_row(record)
        if isinstance(row, SkippedRecord):
            report.skipped += 1
            continue
        result = checker.check(row) if isinstance(row, SourceRow) else row
        if isinstance(result, ImportableRow):
            earlier_line = seen.find_earlier_line(result.address.key, result.line)
            if earlier_line is None:
                _count_groups(row, checker.options, report)
            else:
                reason = f"the same address as in line {earlier_line}"
                result = RefusedRow(result.line, result.address.email, DUPLICATE_ADDRESS, reason)
        yield result


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


@dataclass(frozen=True, slots=True)
class _RowChecker:
    """Judge a row by itself.

    :ivar always_told: the file says of everybody whether they are confirmed: silence is a no.
    """

    options: ImportOptions
    foreign_secrets: ForeignSecrets
    locale: str
    always_told: bool

    def check(self, row: SourceRow) -> ImportableRow | RefusedRow:
        """Return the account that a row would be, or why it does not come in."""
        if any(lost in text for text in (row.email, row.name) for lost in LOST_CHARACTERS):
            return RefusedRow(row.line, row.email, BAD_RECORD, LOST_REASON)
        try:
            address = parse_email_cached(row.email)
        except AddressRefused as error:
            reason = str(error).splitlines()[0] if row.email else "has none"
            return RefusedRow(row.line, row.email, BAD_ADDRESS, reason)
        if row.deleted:
            return RefusedRow(row.line, row.email, DELETED, "deleted in the old system")
        confirmed = False if row.confirmed is None and self.always_told else row.confirmed
        if not (self.options.confirmed if confirmed is None else confirmed):
            reason = CONFIRMATION_UNKNOWN if confirmed is None else NEVER_CONFIRMED
            return RefusedRow(row.line, row.email, UNCONFIRMED, reason)
        hash_format = self._check_hash(row)
        return hash_format if isinstance(hash_format, RefusedRow) else self._build(row, address, hash_format)

    def _build(self, row: SourceRow, address: EmailAddress, hash_format: str) -> ImportableRow:
        groups = dict.fromkeys(self.options.map_group(name) for name in row.groups)
        language = row.locale.replace("_", "-").partition("-")[0].lower()
        return ImportableRow(
            row.line,
            address,
            row.name[:MAX_NAME_CHARACTERS],
            language if language in LOCALES else self.locale,
            row.zone if row.zone in list_zones() else UNKNOWN_ZONE,
            row.password_hash if hash_format != NO_HASH else None,
            hash_format,
            tuple(name for name in groups if name)[:MAX_GROUPS_PER_ACCOUNT],
            row.active,
            row.created_at,
            row.last_sign_in_at,
            row.terms_version,
            row.terms_accepted_at,
        )

    def _check_hash(self, row: SourceRow) -> str | RefusedRow:
        if not row.password_hash:
            return NO_HASH
        try:
            password_check = parse_hash(row.password_hash)
        except HashRefused as error:
            reason = RefusedRow(row.line, row.email, BAD_HASH, str(error))
        else:
            if not password_check.setting or getattr(self.foreign_secrets, password_check.setting) is not None:
                return password_check.format
            setting_name = f"{ENV_PREFIX}{password_check.setting.upper()}"
            reason = RefusedRow(row.line, row.email, MISSING_SECRET, f"its hash needs {setting_name}")
        return NO_HASH if self.options.without_hash else reason


def _count_groups(row: SourceRow | RefusedRow, options: ImportOptions, report: ImportReport) -> None:
    for name in row.groups if isinstance(row, SourceRow) else ():
        report.groups[name, options.map_group(name)] += 1
