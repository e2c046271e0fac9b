"""Keycloak: the JSON of a realm that was exported with its users."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accounts.core.security.foreign_hashes import ForeignSecrets
from accounts.flows.moving.files import records
from accounts.flows.moving.rows import RECORD, How, Refused, Row, entries, moment, parts, text, yes

EVERYBODYS = ("default-roles-", "offline_access", "uma_authorization")
"""Roles that every user of a realm has."""
VERSIONS = {"1.3": "19", "1.0": "16"}


def read(path: Path, how: How, old: ForeignSecrets) -> Iterator[Row | Refused]:
    """The users of a realm. Accounts of services have no address and are passed over."""
    for record in records(path, list_name="users"):
        if record.wrong:
            yield Refused(record.line, "", RECORD, record.wrong)
        elif not record.says.get("serviceAccountClientId"):
            yield _row(record.line, record.says)


def _row(line: int, says: Mapping[str, Any]) -> Row:
    locale = parts(says.get("attributes")).get("locale")
    roles = [text(role) for role in entries(says.get("realmRoles")) if not text(role).startswith(EVERYBODYS)]
    groups = [text(group).removeprefix("/") for group in entries(says.get("groups"))]
    return Row(
        line=line,
        email=text(says.get("email")),
        password_hash=hash_of(entries(says.get("credentials"))),
        name=text(f"{says.get('firstName') or ''} {says.get('lastName') or ''}"),
        locale=text(locale[0] if isinstance(locale, list) and locale else locale),
        groups=tuple(dict.fromkeys([*groups, *roles])),
        confirmed=yes(says.get("emailVerified")),
        active=yes(says.get("enabled", True)),
        created_at=moment(says.get("createdTimestamp")),
    )


def hash_of(credentials: Any) -> str:
    """The password among somebody's credentials, in the spelling of argon2 or passlib; "" where there is none."""
    for credential in credentials:
        if isinstance(credential, dict) and credential.get("type") == "password":
            try:
                return _spelled(_object(credential["secretData"]), _object(credential["credentialData"]))
            except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
                return "an unreadable credential"
    return ""


def _spelled(secret: Mapping[str, Any], how: Mapping[str, Any]) -> str:
    algorithm, rounds = str(how["algorithm"]), int(how["hashIterations"])
    salt, value = (str(secret[name]).rstrip("=") for name in ("salt", "value"))
    if algorithm == "argon2":
        more = {name: str(given[0]) for name, given in how["additionalParameters"].items()}
        version = VERSIONS[more.get("version", "1.3")]
        cost = f"m={int(more['memory'])},t={rounds},p={int(more['parallelism'])}"
        return f"$argon2{more.get('type', 'id')}$v={version}${cost}${salt}${value}"
    if algorithm not in ("pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"):
        return f"{algorithm} is not verified"
    return f"${algorithm}${rounds}${salt}${value}".replace("+", ".")


def _object(said: Any) -> dict[str, Any]:
    found = json.loads(said) if isinstance(said, str) else said
    if not isinstance(found, dict):
        raise TypeError("not an object")
    return found
