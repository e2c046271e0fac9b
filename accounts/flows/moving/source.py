"""Read the files of a system: tables, and objects with the known columns. Others differ in a method or two."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from accounts.core.security.foreign_hashes import ForeignSecrets
from accounts.flows.moving.cells import Cells, Contradiction, build_row
from accounts.flows.moving.files import SourceRecord
from accounts.flows.moving.rows import (
    BAD_RECORD,
    FileRefused,
    ImportOptions,
    JudgedRow,
    RefusedRow,
    SkippedRecord,
    SourceRow,
    as_list,
    as_mapping,
    clean_text,
)
from accounts.flows.shared.cell_words import UnknownWord, is_null
from accounts.flows.shared.columns import Meaning, normalize_name

NESTED_NAMES = ("profile", "attributes", "name")
"""Under which names objects hold more columns: Okta and Auth0, Keycloak and Cognito, SCIM and Google Workspace."""
BASE64_OF_BRACE = "e1"
"""How a userPassword such as ``{SSHA}...`` begins where it came out of an LDAP server as base64 (RFC 2849)."""


class Source:
    """A system that accounts come from. It is made anew for each reading of a file.

    :cvar heading: the columns of its tables, if these have no heading.
    :cvar confirms_itself: whether its records always say who is confirmed; where one is silent, that is a no.
    :cvar read_here: names of columns that this system's class reads by itself.
    :param moment: now.
    """

    heading: ClassVar[list[str] | None] = None
    confirms_itself: ClassVar[bool] = False
    read_here: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, options: ImportOptions, secrets: ForeignSecrets, moment: datetime) -> None:
        self.options, self.secrets, self.moment = options, secrets, moment
        self.ignored = frozenset(map(normalize_name, options.ignored_columns))

    def study(self, record: SourceRecord) -> None:
        """Look at a record before the first account is read: what it says of others.

        :raises FileRefused: the file is of another kind than this.
        """
        if isinstance(record.values.get("users"), list):
            raise FileRefused(f"line {record.line}: this is a list of lists of users: hand in one of them at a time")

    def find_columns(self, record: SourceRecord) -> list[tuple[str, Any]] | None:
        """Return the columns of an account, nested ones, too; None where the record is no account."""
        columns, nested = list[tuple[str, Any]](), list[tuple[str, Any]]()
        for name, value in record.columns:
            inner = None if isinstance(value, str) or normalize_name(name) not in NESTED_NAMES else _unnest(value)
            if inner is None:
                columns.append((name, value))
            else:
                nested += inner
        # What stands outside counts: a profile holds what its owner typed.
        outer = {normalize_name(name) for name, _ in columns}
        return columns + [(name, value) for name, value in nested if normalize_name(name) not in outer]

    def find_hash(self, cells: Cells) -> str:
        """Return the stored hash of an account, as it is verified here; "" for none."""
        value = cells.first_of(Meaning.HASH)
        # Auth0 has an object there that names the algorithm, and in it another one with the value.
        stored = clean_text(as_mapping(value.get("hash")).get("value") if isinstance(value, dict) else value)
        if is_null(stored.casefold()) or not stored.strip("*!"):
            return ""
        return _decode_ldap(stored) if stored.startswith(BASE64_OF_BRACE) else stored

    def adjust(self, row: SourceRow, cells: Cells) -> SourceRow:
        """Return the row as this system means it."""
        return row

    def read_row(self, record: SourceRecord) -> JudgedRow:
        """Return what a record comes to: an account, why it is refused, or that it is none."""
        if record.error:
            return RefusedRow(record.line, "", BAD_RECORD, record.error)
        columns = self.find_columns(record)
        if columns is None:
            return SkippedRecord(record.line)
        try:
            cells = Cells(columns, self.ignored)
            return self.adjust(build_row(record.line, cells, self.find_hash(cells), self.moment), cells)
        except (UnknownWord, Contradiction) as error:
            email = next((value for name, value in columns if normalize_name(name) == "email"), "")
            return RefusedRow(record.line, clean_text(email, 254), BAD_RECORD, str(error))


def _unnest(value: Any) -> list[tuple[str, Any]] | None:
    """Return the columns that an object holds, or a list of Cognito's: ``[{"Name": "email", "Value": "..."}]``."""
    if isinstance(value, dict):
        return [
            (name, each[0] if isinstance(each, list) and len(each) == 1 else each) for name, each in value.items()
        ]
    pairs: list[Mapping[str, Any]] = [each for each in as_list(value) if isinstance(each, dict) and "Name" in each]
    return [(str(each["Name"]), each.get("Value")) for each in pairs] if pairs else None


def _only_item(value: Any) -> Any:
    """Return the only item of a list, as Keycloak has all attributes; anything else as it is."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _decode_ldap(stored: str) -> str:
    try:
        decoded = base64.b64decode(stored, validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        return stored
    return decoded if decoded.isprintable() else stored
