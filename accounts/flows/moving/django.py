"""Django: the output of ``manage.py dumpdata``, with django-allauth's addresses where they are in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from accounts.flows.moving.files import JSON_DOCUMENT, kind_of, records
from accounts.flows.moving.rows import RECORD, How, Refused, Row, entries, moment, text, yes

GROUP, ADDRESS = "auth.group", "account.emailaddress"
FLAGS = ("is_staff", "is_superuser")
"""They turn up as groups of these names, which come in only when somebody says as what."""


@dataclass(slots=True)
class _Others:
    """What other models say about users: names of groups by key, confirmed addresses by key of the user."""

    groups: dict[str, str] = field(default_factory=dict)
    verified: dict[str, set[str]] = field(default_factory=dict)
    knows_addresses: bool = False


def is_dump(path: Path) -> bool:
    """Whether a file is a dump, rather than a table."""
    if kind_of(path) != JSON_DOCUMENT:
        return False
    return next((isinstance(record.says.get("fields"), dict) for record in records(path)), False)


def dump(path: Path, how: How) -> Iterator[Row | Refused]:
    """The users of a dump: whatever has an address and a password. It is read twice, as users name groups by key."""
    others = _collect(path)
    for record in records(path):
        if record.wrong:
            yield Refused(record.line, "", RECORD, record.wrong)
            continue
        fields = record.says.get("fields")
        if isinstance(fields, dict) and "password" in fields and "email" in fields:
            yield _row(record.line, str(record.says.get("pk")), fields, others)


def table(rows: Iterator[Row | Refused]) -> Iterator[Row | Refused]:
    """The same for a table of users: an unusable password is none, and who is inactive may never have confirmed."""
    for row in rows:
        yield _settled(row) if isinstance(row, Row) else row


def _settled(row: Row) -> Row:
    if row.password_hash.startswith("!"):
        row = replace(row, password_hash="")
    if not row.active and row.last_sign_in_at is None and row.confirmed is None:
        # Registration makes inactive users and activates them by mail: whoever never came in never confirmed.
        return replace(row, confirmed=False)
    return row


def _row(line: int, key: str, fields: dict[str, Any], others: _Others) -> Row:
    email = text(fields["email"])
    named = [_name_of(each, others) for each in entries(fields.get("groups"))]
    confirmed = email.lower() in others.verified.get(key, ()) if others.knows_addresses else None
    return _settled(
        Row(
            line=line,
            email=email,
            password_hash=text(fields["password"]),
            name=text(fields.get("name")) or text(f"{fields.get('first_name', '')} {fields.get('last_name', '')}"),
            groups=tuple(dict.fromkeys([*named, *(flag for flag in FLAGS if fields.get(flag) is True)])),
            confirmed=confirmed,
            active=yes(fields.get("is_active", True)),
            created_at=moment(fields.get("date_joined")),
            last_sign_in_at=moment(fields.get("last_login")),
        )
    )


def _name_of(group: Any, others: _Others) -> str:
    # With --natural-foreign a group is named, otherwise its key is.
    return text(group[0]) if isinstance(group, list) and group else others.groups.get(str(group), f"group-{group}")


def _collect(path: Path) -> _Others:
    found = _Others()
    for record in records(path):
        model, fields = text(record.says.get("model")).lower(), record.says.get("fields")
        if model == GROUP and isinstance(fields, dict):
            found.groups[str(record.says.get("pk"))] = text(fields.get("name"))
        elif model == ADDRESS and isinstance(fields, dict):
            found.knows_addresses = True
            if fields.get("verified") is True:
                found.verified.setdefault(str(fields.get("user")), set()).add(text(fields.get("email")).lower())
    return found
