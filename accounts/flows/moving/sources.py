"""The systems accounts come from: how each one's files say what an account is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from accounts.core import csv_files
from accounts.core.security.foreign_hashes import DEVISE, FLASK_SECURITY, ForeignSecrets
from accounts.flows.moving import django, firebase, keycloak
from accounts.flows.moving.files import records
from accounts.flows.moving.rows import RECORD, How, Refused, Row, moment, names, text, yes

Read = Callable[[Path, How, ForeignSecrets], Iterator[Row | Refused]]
EMAIL = ("email", "email_address", "mail")
HASH = ("password_hash", "encrypted_password", "hashed_password", "password")
NAME = ("name", "full_name", "display_name")
LOCALE = ("locale", "language")
GROUPS = ("groups", "roles")
CONFIRMED = ("confirmed_at", "confirmed", "email_verified_at", "email_verified", "verified")
ACTIVE = ("active", "is_active", "enabled")
CREATED = ("created_at", "date_joined", "created", "create_datetime")
LAST = ("last_sign_in_at", "current_sign_in_at", "last_login_at", "current_login_at", "last_login")


def table(path: Path, how: How, old: ForeignSecrets) -> Iterator[Row | Refused]:
    """A table with headings, as CSV or as objects: the columns that mean something here, under their usual names."""
    for record in records(path):
        yield Refused(record.line, "", RECORD, record.wrong) if record.wrong else row_of(record.line, record.says)


def row_of(line: int, says: Mapping[str, Any], password_hash: str | None = None) -> Row:
    """One record of a table."""
    full = text(first(says, NAME)) or text(f"{says.get('first_name') or ''} {says.get('last_name') or ''}")
    status = text(says.get("status")).lower()
    return Row(
        line=line,
        email=_plain(first(says, EMAIL)),
        password_hash=text(first(says, HASH)) if password_hash is None else password_hash,
        name=_plain(full),
        locale=text(first(says, LOCALE)),
        groups=names(first(says, GROUPS)),
        confirmed=next((yes(says[name]) for name in CONFIRMED if name in says), None),
        active=all(yes(says[name]) for name in ACTIVE if name in says) and status in ("", "active"),
        created_at=moment(first(says, CREATED)),
        last_sign_in_at=moment(first(says, LAST)),
    )


def first(says: Mapping[str, Any], among: tuple[str, ...]) -> Any:
    """The first of these columns that says something."""
    return next((says[name] for name in among if says.get(name) not in (None, "")), None)


def _plain(value: Any) -> str:
    return csv_files.unescape_formula(text(value))


def devise(path: Path, how: How, old: ForeignSecrets) -> Iterator[Row | Refused]:
    """A table of Devise users. With a pepper, every hash has it."""
    for record in records(path):
        if record.wrong:
            yield Refused(record.line, "", RECORD, record.wrong)
            continue
        stored = text(first(record.says, HASH))
        peppered = stored.startswith("$2") and old.devise_pepper
        yield row_of(record.line, record.says, f"{DEVISE}{stored}" if peppered else stored)


def flask_security(path: Path, how: How, old: ForeignSecrets) -> Iterator[Row | Refused]:
    """A table of Flask-Security users: what is hashed is the HMAC of the password."""
    for record in records(path):
        if record.wrong:
            yield Refused(record.line, "", RECORD, record.wrong)
            continue
        stored = text(first(record.says, HASH))
        yield row_of(record.line, record.says, f"{FLASK_SECURITY}{stored}" if stored.startswith("$") else stored)


def of_django(path: Path, how: How, old: ForeignSecrets) -> Iterator[Row | Refused]:
    """The output of ``dumpdata``, or a table of its users."""
    return django.dump(path, how) if django.is_dump(path) else django.table(table(path, how, old))


SOURCES: Mapping[str, Read] = {
    "plain": table,
    "django": of_django,
    "werkzeug": table,
    "flask-security": flask_security,
    "devise": devise,
    "firebase": firebase.read,
    "keycloak": keycloak.read,
}
"""How the files of each system are read, by its name."""
