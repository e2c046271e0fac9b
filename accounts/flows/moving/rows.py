"""Describe one account as a file of another system states it, before it is checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from accounts.core.clock import now
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.shared.fields import GROUP_PATTERN

MAX_NAME_CHARACTERS = 100
BAD_ADDRESS, DUPLICATE_ADDRESS, ADDRESS_TAKEN, BAD_HASH, UNCONFIRMED, MISSING_SECRET, BAD_RECORD = (
    "address",
    "twice",
    "taken",
    "hash",
    "unconfirmed",
    "secret",
    "record",
)
FALSE_WORDS = frozenset({"false", "f", "no", "n", "0", "off", "null", ""})
MIN_EPOCH_MILLISECONDS = 10**11
"""Above it, a number is milliseconds since 1970: as seconds it would lie beyond the year 5000."""


class FileRefused(Exception):
    """Raised where the file as a whole cannot be read. The text is one line that says why."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One account as its source states it.

    :ivar line: where it is in the file, counted from 1.
    :ivar password_hash: in the spelling of :mod:`accounts.core.security.foreign_hashes`; "" for none.
    :ivar confirmed: whether the source has ever confirmed the address; None where it does not say.
    :ivar active: whether it may be used there.
    """

    line: int
    email: str
    password_hash: str = field(default="", repr=False)
    name: str = ""
    locale: str = ""
    groups: tuple[str, ...] = ()
    confirmed: bool | None = None
    active: bool = True
    created_at: datetime | None = None
    last_sign_in_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that does not come in: where it stands, a stable code, and why."""

    line: int
    email: str
    code: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportOptions:
    """How a file is to be read.

    :ivar source: the system it came from.
    :ivar confirmed: the old system confirmed every address, also where the file does not say so.
    :ivar groups: what becomes of the groups of the source, by name; "" drops one.
    :ivar without_hash: rows whose hash cannot be verified are imported without a password.
    :ivar firebase: memory cost, rounds and salt separator of the project.
    """

    source: str
    confirmed: bool = False
    groups: Mapping[str, str] = field(default_factory=dict)
    without_hash: bool = False
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
    return " ".join("".join(letter if letter.isprintable() else " " for letter in string[:max_characters]).split())


def is_true(value: Any) -> bool:
    """Return whether a value means yes. A timestamp (``confirmed_at``) does, too."""
    return value is True or (value not in (None, False) and str(value).strip().lower() not in FALSE_WORDS)


def split_names(value: Any) -> tuple[str, ...]:
    """Names of groups: a list, or text with commas, semicolons or bars between them."""
    parts: Iterable[Any] = value if isinstance(value, list | tuple) else re.split(r"[,;|]", clean_text(value))
    cleaned = (clean_text(part.get("name") if isinstance(part, dict) else part, 200) for part in parts)
    return tuple(dict.fromkeys(name for name in cleaned if name))


def parse_timestamp(value: Any) -> datetime | None:
    """Parse a past time: ISO 8601, or seconds or milliseconds since 1970. None where it cannot be read."""
    string = clean_text(value, 60)
    try:
        if re.fullmatch(r"\d{1,16}(\.\d+)?", string):
            number = float(string)
            timestamp = datetime.fromtimestamp(number / 1000 if number > MIN_EPOCH_MILLISECONDS else number, UTC)
        else:
            timestamp = datetime.fromisoformat(string.removesuffix(" UTC"))
        timestamp = (timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return timestamp if timestamp <= now() else None


def as_list(value: Any) -> list[Any]:
    """Return a value that should be a list; an empty one for anything else."""
    return value if isinstance(value, list) else []


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return a value that should be an object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}
