"""Django: the output of ``manage.py dumpdata``, with django-allauth's addresses where they are in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from accounts.flows.moving.files import JSON_DOCUMENT, SourceRecord, convert_records, detect_format, read_records
from accounts.flows.moving.rows import (
    RefusedRow,
    SourceRow,
    as_list,
    clean_text,
    is_true,
    parse_timestamp,
)

GROUP_MODEL, EMAIL_ADDRESS_MODEL = "auth.group", "account.emailaddress"
FLAG_GROUPS = ("is_staff", "is_superuser")
"""They turn up as groups of these names, which come in only when somebody says as what."""


@dataclass(slots=True)
class _RelatedRecords:
    """What other models say about users: names of groups by key, confirmed addresses by key of the user."""

    group_names: dict[str, str] = field(default_factory=dict)
    verified_emails: dict[str, set[str]] = field(default_factory=dict)
    has_email_model: bool = False


def is_django_dump(path: Path) -> bool:
    """Whether a file is a dump, rather than a table."""
    if detect_format(path) != JSON_DOCUMENT:
        return False
    return next((isinstance(record.values.get("fields"), dict) for record in read_records(path)), False)


def read_django_dump(path: Path) -> Iterator[SourceRow | RefusedRow]:
    """Yield the users of a dump: whatever has an address and a password. It is read twice, for the groups."""
    related = _collect_related(path)
    return convert_records(read_records(path), lambda record: _build_row(record, related))


def adjust_django_rows(rows: Iterator[SourceRow | RefusedRow]) -> Iterator[SourceRow | RefusedRow]:
    """Adjust rows of a table of users: an unusable password is none, and who is inactive may never have confirmed."""
    for row in rows:
        yield _apply_django_rules(row) if isinstance(row, SourceRow) else row


def _apply_django_rules(row: SourceRow) -> SourceRow:
    if row.password_hash.startswith("!"):
        row = replace(row, password_hash="")
    if not row.active and row.last_sign_in_at is None and row.confirmed is None:
        # Registration makes inactive users and activates them by mail: whoever never came in never confirmed.
        return replace(row, confirmed=False)
    return row


def _build_row(record: SourceRecord, related: _RelatedRecords) -> SourceRow | None:
    fields, user_key = record.values.get("fields"), str(record.values.get("pk"))
    if not isinstance(fields, dict) or "password" not in fields or "email" not in fields:
        return None
    email = clean_text(fields["email"])
    group_names = [_find_group_name(each, related) for each in as_list(fields.get("groups"))]
    confirmed = email.lower() in related.verified_emails.get(user_key, ()) if related.has_email_model else None
    return _apply_django_rules(
        SourceRow(
            line=record.line,
            email=email,
            password_hash=clean_text(fields["password"]),
            name=clean_text(fields.get("name"))
            or clean_text(f"{fields.get('first_name', '')} {fields.get('last_name', '')}"),
            groups=tuple(dict.fromkeys([*group_names, *(flag for flag in FLAG_GROUPS if fields.get(flag) is True)])),
            confirmed=confirmed,
            active=is_true(fields.get("is_active", True)),
            created_at=parse_timestamp(fields.get("date_joined")),
            last_sign_in_at=parse_timestamp(fields.get("last_login")),
        )
    )


def _find_group_name(group: Any, related: _RelatedRecords) -> str:
    # With --natural-foreign a group is named, otherwise its key is.
    return (
        clean_text(group[0])
        if isinstance(group, list) and group
        else related.group_names.get(str(group), f"group-{group}")
    )


def _collect_related(path: Path) -> _RelatedRecords:
    related = _RelatedRecords()
    for record in read_records(path):
        model, fields = clean_text(record.values.get("model")).lower(), record.values.get("fields")
        if model == GROUP_MODEL and isinstance(fields, dict):
            related.group_names[str(record.values.get("pk"))] = clean_text(fields.get("name"))
        elif model == EMAIL_ADDRESS_MODEL and isinstance(fields, dict):
            related.has_email_model = True
            if fields.get("verified") is True:
                related.verified_emails.setdefault(str(fields.get("user")), set()).add(
                    clean_text(fields.get("email")).lower()
                )
    return related
