"""Describe one account as a file of another system states it, before it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from accounts.core.clock import now
from accounts.core.foreign_text import make_one_line
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.shared.cell_words import find_moment
from accounts.flows.shared.fields import GROUP_PATTERN

MAX_NAME_CHARACTERS = 100
BAD_ADDRESS, DUPLICATE_ADDRESS, ADDRESS_TAKEN, BAD_HASH, UNCONFIRMED, MISSING_SECRET, BAD_RECORD, DELETED = (
    "address",
    "twice",
    "taken",
    "hash",
    "unconfirmed",
    "secret",
    "record",
    "deleted",
)


class FileRefused(Exception):
    """Raised where the file as a whole cannot be read. The text is one line that says why."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One account as its source states it.

    :ivar line: where it is in the file, counted from 1.
    :ivar password_hash: in the spelling of :mod:`accounts.core.security.foreign_hashes`; "" for none.
    :ivar confirmed: whether the source has ever confirmed the address; None where it does not say.
    :ivar active: whether it may be used there.
    :ivar deleted: whether it was deleted there, and only its record is left.
    :ivar terms_version: the version of the terms that was accepted there; "" for none, or one that has no name here.
    """

    line: int
    email: str
    password_hash: str = field(default="", repr=False)
    name: str = ""
    locale: str = ""
    zone: str = ""
    groups: tuple[str, ...] = ()
    confirmed: bool | None = None
    active: bool = True
    deleted: bool = False
    created_at: datetime | None = None
    last_sign_in_at: datetime | None = None
    terms_version: str = ""
    terms_accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that does not come in: where it stands, a stable code, and why."""

    line: int
    email: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A record that is no account: of another model, or of a program."""

    line: int


JudgedRow = SourceRow | RefusedRow | SkippedRecord


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportOptions:
    """How a file is to be read.

    :ivar source: the system it came from.
    :ivar confirmed: the old system confirmed every address, also where the file does not say so.
    :ivar groups: what becomes of the groups of the source, by name; "" drops one.
    :ivar without_hash: rows whose hash cannot be verified are imported without a password.
    :ivar ignored_columns: what the file has and is not to be read, by its name there.
    :ivar add_hashes: accounts that were imported without a password, and that nobody has used, get the file's hash.
    :ivar firebase: memory cost, rounds and salt separator of the project.
    """

    source: str
    confirmed: bool = False
    groups: Mapping[str, str] = field(default_factory=dict)
    without_hash: bool = False
    ignored_columns: tuple[str, ...] = ()
    add_hashes: bool = False
    firebase: tuple[int, int, str] = (14, 8, "Bw==")

    def map_group(self, name: str) -> str:
        """Return what a group of the source becomes here; "" for nothing.

        Whoever was called an admin there does not administer here unless the options say so.
        """
        if name in self.groups:
            return self.groups[name]
        return name if GROUP_PATTERN.fullmatch(name) and name != ADMIN_GROUP and not name.startswith("is_") else ""


def clean_text(value: Any, max_characters: int = 10_000) -> str:
    """Return a value as text of one line, without control characters; "" for none."""
    string = "" if value is None else str(value)
    if string.isprintable() and "  " not in string and len(string) <= max_characters:
        return string.strip()
    return make_one_line(string[:max_characters])


def split_names(value: Any) -> tuple[str, ...]:
    """Names of groups: a list, or text with commas, semicolons or bars between them."""
    parts: Iterable[Any] = value if isinstance(value, list | tuple) else re.split(r"[,;|]", clean_text(value))
    cleaned = (clean_text(part.get("name") if isinstance(part, dict) else part, 200) for part in parts)
    return tuple(dict.fromkeys(name for name in cleaned if name))


def parse_timestamp(value: Any) -> datetime | None:
    """Parse a past time; None where it cannot be read: nothing depends on when an account was made."""
    found = find_moment(value)
    return found if found is not None and found <= now() else None


def as_list(value: Any) -> list[Any]:
    """Return a value that should be a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that should be an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
