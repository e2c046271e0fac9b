"""Keycloak: the JSON of a realm that was exported with its users."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from accounts.core.security.foreign_hashes import ForeignSecrets
from accounts.flows.moving.files import SourceRecord, convert_records, read_records
from accounts.flows.moving.rows import (
    ImportOptions,
    RefusedRow,
    SourceRow,
    as_list,
    as_mapping,
    clean_text,
    is_true,
    parse_timestamp,
)

DEFAULT_ROLE_PREFIXES = ("default-roles-", "offline_access", "uma_authorization")
"""Roles that every user of a realm has."""
ARGON2_VERSIONS = {"1.3": "19", "1.0": "16"}


def read_keycloak(
    path: Path, options: ImportOptions, foreign_secrets: ForeignSecrets
) -> Iterator[SourceRow | RefusedRow]:
    """Yield the users of a realm. Service accounts have no address and are skipped."""
    return convert_records(read_records(path, list_name="users"), _build_row)


def _build_row(record: SourceRecord) -> SourceRow | None:
    values = record.values
    if values.get("serviceAccountClientId"):
        return None
    locale = as_mapping(values.get("attributes")).get("locale")
    roles = [
        clean_text(role)
        for role in as_list(values.get("realmRoles"))
        if not clean_text(role).startswith(DEFAULT_ROLE_PREFIXES)
    ]
    groups = [clean_text(group).removeprefix("/") for group in as_list(values.get("groups"))]
    return SourceRow(
        line=record.line,
        email=clean_text(values.get("email")),
        password_hash=build_password_hash(as_list(values.get("credentials"))),
        name=clean_text(f"{values.get('firstName') or ''} {values.get('lastName') or ''}"),
        locale=clean_text(locale[0] if isinstance(locale, list) and locale else locale),
        groups=tuple(dict.fromkeys([*groups, *roles])),
        confirmed=is_true(values.get("emailVerified")),
        active=is_true(values.get("enabled", True)),
        created_at=parse_timestamp(values.get("createdTimestamp")),
    )


def build_password_hash(credentials: Any) -> str:
    """Return the password hash among a user's credentials, in the spelling of argon2 or passlib; "" for none."""
    for credential in credentials:
        if isinstance(credential, dict) and credential.get("type") == "password":
            try:
                return _format_hash(
                    _parse_object(credential["secretData"]), _parse_object(credential["credentialData"])
                )
            except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
                return "an unreadable credential"
    return ""


def _format_hash(secret: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    algorithm, rounds = str(parameters["algorithm"]), int(parameters["hashIterations"])
    salt, value = (str(secret[name]).rstrip("=") for name in ("salt", "value"))
    if algorithm == "argon2":
        argon2_parameters = {name: str(values[0]) for name, values in parameters["additionalParameters"].items()}
        version = ARGON2_VERSIONS[argon2_parameters.get("version", "1.3")]
        cost = f"m={int(argon2_parameters['memory'])},t={rounds},p={int(argon2_parameters['parallelism'])}"
        return f"$argon2{argon2_parameters.get('type', 'id')}$v={version}${cost}${salt}${value}"
    if algorithm not in ("pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"):
        return f"{algorithm} is not verified"
    return f"${algorithm}${rounds}${salt}${value}".replace("+", ".")


def _parse_object(value: Any) -> dict[str, Any]:
    parsed = json.loads(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        raise TypeError("not an object")
    return parsed
