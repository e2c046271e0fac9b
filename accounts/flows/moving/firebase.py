"""Firebase: the output of ``firebase auth:export``, as JSON or as CSV without headings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accounts.core.security.foreign_hashes import FIREBASE, ForeignSecrets
from accounts.flows.moving.files import convert_records, read_records
from accounts.flows.moving.rows import (
    ImportOptions,
    RefusedRow,
    SourceRow,
    clean_text,
    is_true,
    parse_timestamp,
)

FIELD_OF_COLUMN = {
    0: "localId",
    1: "email",
    2: "emailVerified",
    3: "passwordHash",
    4: "salt",
    5: "displayName",
    23: "createdAt",
    24: "lastSignedInAt",
    26: "disabled",
    27: "customAttributes",
}
CSV_HEADING = [FIELD_OF_COLUMN.get(number, f"column {number}") for number in range(29)]


def read_firebase(
    path: Path, options: ImportOptions, foreign_secrets: ForeignSecrets
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the users of an export."""
    records = read_records(path, list_name="users", heading=CSV_HEADING)
    return convert_records(records, lambda record: _build_row(record.line, record.values, options))


def _build_row(line: int, values: Mapping[str, Any], options: ImportOptions) -> SourceRow:
    return SourceRow(
        line=line,
        email=clean_text(values.get("email")),
        password_hash=_build_hash(values, options),
        name=clean_text(values.get("displayName")),
        groups=_groups_from_claims(values.get("customAttributes")),
        confirmed=is_true(values.get("emailVerified")),
        active=not is_true(values.get("disabled")),
        created_at=parse_timestamp(values.get("createdAt")),
        last_sign_in_at=parse_timestamp(values.get("lastSignedInAt")),
    )


def _build_hash(values: Mapping[str, Any], options: ImportOptions) -> str:
    if not values.get("passwordHash"):
        return ""
    memory, rounds, separator = options.firebase
    parts = (FIREBASE, memory, rounds, separator, clean_text(values.get("salt")), clean_text(values["passwordHash"]))
    return "$".join(str(part) for part in parts)


def _groups_from_claims(value: Any) -> tuple[str, ...]:
    """Return custom claims that are simply true: they are what a group is here."""
    try:
        claims = json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        return ()
    return tuple(name for name, claim in claims.items() if claim is True) if isinstance(claims, dict) else ()
