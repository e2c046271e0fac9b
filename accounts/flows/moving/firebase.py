"""Firebase: the output of ``firebase auth:export``, as JSON or as CSV without headings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from accounts.core.security.foreign_hashes import FIREBASE
from accounts.flows.moving.cells import Cells
from accounts.flows.moving.files import SourceRecord
from accounts.flows.moving.rows import SourceRow, clean_text
from accounts.flows.moving.source import Source

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


class FirebaseSource(Source):
    """The users of a project."""

    heading = CSV_HEADING
    confirms_itself = True
    read_here = frozenset({"salt", "customAttributes"})

    def find_columns(self, record: SourceRecord) -> list[tuple[str, Any]]:
        """Return the columns of an account."""
        return list(record.columns)

    def find_hash(self, cells: Cells) -> str:
        """Return the hash with the parameters of the project."""
        stored = clean_text(cells.named("passwordHash"))
        if not stored:
            return ""
        memory, rounds, separator = self.options.firebase
        parts = (FIREBASE, memory, rounds, separator, clean_text(cells.named("salt")), stored)
        return "$".join(str(part) for part in parts)

    def adjust(self, row: SourceRow, cells: Cells) -> SourceRow:
        """Return the row with its custom claims as groups."""
        return replace(row, groups=_groups_from_claims(cells.named("customAttributes")))


def _groups_from_claims(value: Any) -> tuple[str, ...]:
    """Return custom claims that are simply true: they are what a group is here."""
    try:
        claims = json.loads(value) if isinstance(value, str) and value else value
    except ValueError:
        return ()
    return tuple(name for name, claim in claims.items() if claim is True) if isinstance(claims, dict) else ()
