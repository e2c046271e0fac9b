"""Firebase: the output of ``firebase auth:export``, as JSON or as CSV without headings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accounts.core.security.foreign_hashes import FIREBASE, ForeignSecrets
from accounts.flows.moving.files import records
from accounts.flows.moving.rows import RECORD, How, Refused, Row, moment, text, yes

COLUMNS = {
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
HEADING = [COLUMNS.get(number, f"column {number}") for number in range(29)]


def read(path: Path, how: How, old: ForeignSecrets) -> Iterator[Row | Refused]:
    """The users of an export."""
    for record in records(path, list_name="users", heading=HEADING):
        if record.wrong:
            yield Refused(record.line, "", RECORD, record.wrong)
            continue
        yield _row(record.line, record.says, how)


def _row(line: int, says: Mapping[str, Any], how: How) -> Row:
    return Row(
        line=line,
        email=text(says.get("email")),
        password_hash=_hash(says, how),
        name=text(says.get("displayName")),
        groups=_claims(says.get("customAttributes")),
        confirmed=yes(says.get("emailVerified")),
        active=not yes(says.get("disabled")),
        created_at=moment(says.get("createdAt")),
        last_sign_in_at=moment(says.get("lastSignedInAt")),
    )


def _hash(says: Mapping[str, Any], how: How) -> str:
    if not says.get("passwordHash"):
        return ""
    memory, rounds, separator = how.firebase
    parts = (FIREBASE, memory, rounds, separator, text(says.get("salt")), text(says["passwordHash"]))
    return "$".join(str(part) for part in parts)


def _claims(value: Any) -> tuple[str, ...]:
    """Custom claims that are simply true are what a group is here."""
    try:
        claims = json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        return ()
    return tuple(name for name, said in claims.items() if said is True) if isinstance(claims, dict) else ()
