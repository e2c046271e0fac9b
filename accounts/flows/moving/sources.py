"""Read the files of the systems that accounts come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from accounts.core import csv_files
from accounts.core.security.foreign_hashes import DEVISE, FLASK_SECURITY, ForeignSecrets
from accounts.flows.moving import django, firebase, keycloak
from accounts.flows.moving.files import SourceRecord, convert_records, read_records
from accounts.flows.moving.rows import (
    ImportOptions,
    RefusedRow,
    SourceRow,
    clean_text,
    is_true,
    parse_timestamp,
    split_names,
)

RowReader = Callable[[Path, ImportOptions, ForeignSecrets], Iterator[SourceRow | RefusedRow]]
EMAIL_COLUMNS = ("email", "email_address", "mail")
HASH_COLUMNS = ("password_hash", "encrypted_password", "hashed_password", "password")
NAME_COLUMNS = ("name", "full_name", "display_name")
LOCALE_COLUMNS = ("locale", "language")
GROUP_COLUMNS = ("groups", "roles")
CONFIRMED_COLUMNS = ("confirmed_at", "confirmed", "email_verified_at", "email_verified", "verified")
ACTIVE_COLUMNS = ("active", "is_active", "enabled")
CREATED_COLUMNS = ("created_at", "date_joined", "created", "create_datetime")
LAST_SIGN_IN_COLUMNS = ("last_sign_in_at", "current_sign_in_at", "last_login_at", "current_login_at", "last_login")


def read_table(
    path: Path, options: ImportOptions, foreign_secrets: ForeignSecrets
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the rows of a table with headings, as CSV or as objects: the known columns, under their usual names."""
    return convert_records(read_records(path), build_table_row)


def build_table_row(record: SourceRecord, prefix_hash: Callable[[str], str] = lambda stored: stored) -> SourceRow:
    """Return the account that a record of a table states.

    :param prefix_hash: puts the mark of its system before a hash that needs more than itself to be verified.
    """
    values = record.values
    full_name = clean_text(first_value(values, NAME_COLUMNS)) or clean_text(
        f"{values.get('first_name') or ''} {values.get('last_name') or ''}"
    )
    status = clean_text(values.get("status")).lower()
    return SourceRow(
        line=record.line,
        email=_clean_cell(first_value(values, EMAIL_COLUMNS)),
        password_hash=prefix_hash(clean_text(first_value(values, HASH_COLUMNS))),
        name=_clean_cell(full_name),
        locale=clean_text(first_value(values, LOCALE_COLUMNS)),
        groups=split_names(first_value(values, GROUP_COLUMNS)),
        confirmed=next((is_true(values[name]) for name in CONFIRMED_COLUMNS if name in values), None),
        active=all(is_true(values[name]) for name in ACTIVE_COLUMNS if name in values) and status in ("", "active"),
        created_at=parse_timestamp(first_value(values, CREATED_COLUMNS)),
        last_sign_in_at=parse_timestamp(first_value(values, LAST_SIGN_IN_COLUMNS)),
    )


def first_value(values: Mapping[str, Any], columns: tuple[str, ...]) -> Any:
    """Return the first of these columns that has a value."""
    return next((values[name] for name in columns if values.get(name) not in (None, "")), None)


def _clean_cell(value: Any) -> str:
    return csv_files.unescape_formula(clean_text(value))


def read_devise(
    path: Path, options: ImportOptions, foreign_secrets: ForeignSecrets
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the rows of a table of Devise users. With a pepper, every hash has it."""

    def prefix_hash(stored: str) -> str:
        return f"{DEVISE}{stored}" if stored.startswith("$2") and foreign_secrets.devise_pepper else stored

    return convert_records(read_records(path), lambda record: build_table_row(record, prefix_hash))


def read_flask_security(
    path: Path, options: ImportOptions, foreign_secrets: ForeignSecrets
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the rows of a table of Flask-Security users: what is hashed is the HMAC of the password."""

    def prefix_hash(stored: str) -> str:
        return f"{FLASK_SECURITY}{stored}" if stored.startswith("$") else stored

    return convert_records(read_records(path), lambda record: build_table_row(record, prefix_hash))


def read_django(
    path: Path, options: ImportOptions, foreign_secrets: ForeignSecrets
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the users of the output of ``dumpdata``, or of a table of its users."""
    return (
        django.read_django_dump(path)
        if django.is_django_dump(path)
        else django.adjust_django_rows(read_table(path, options, foreign_secrets))
    )


SOURCES: Mapping[str, RowReader] = {
    "plain": read_table,
    "django": read_django,
    "werkzeug": read_table,
    "flask-security": read_flask_security,
    "devise": read_devise,
    "firebase": firebase.read_firebase,
    "keycloak": keycloak.read_keycloak,
}
"""How the files of each system are read, by its name."""
