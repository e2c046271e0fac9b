"""Keycloak: the JSON of a realm that was exported with its users."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from accounts.flows.moving.cells import Cells
from accounts.flows.moving.files import SourceRecord
from accounts.flows.moving.rows import FileRefused, SourceRow, as_list
from accounts.flows.moving.source import Source

DEFAULT_ROLE_PREFIXES = ("default-roles-", "offline_access", "uma_authorization")
"""Roles that every user of a realm has."""
ARGON2_VERSIONS = {"1.3": "19", "1.0": "16"}


class KeycloakSource(Source):
    """The users of a realm. Service accounts have no address and are skipped."""

    confirms_itself = True

    def study(self, record: SourceRecord) -> None:
        """Look whether it is a user.

        :raises FileRefused: it is a realm: the export of all realms is a list of them.
        """
        if "realm" in record.values:
            raise FileRefused(f"line {record.line}: this is a list of realms: export one realm with its users")

    def find_columns(self, record: SourceRecord) -> list[tuple[str, Any]] | None:
        """Return the columns of a user; None for a service account."""
        return None if record.values.get("serviceAccountClientId") else super().find_columns(record)

    def find_hash(self, cells: Cells) -> str:
        """Return the hash among the credentials."""
        return build_password_hash(as_list(cells.named("credentials")))

    def adjust(self, row: SourceRow, cells: Cells) -> SourceRow:
        """Return the row with groups by their paths, and without the roles that all users of a realm have."""
        names = (name.removeprefix("/") for name in row.groups if not name.startswith(DEFAULT_ROLE_PREFIXES))
        return replace(row, groups=tuple(dict.fromkeys(names)))


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
    if algorithm == "bcrypt":
        # Of a plug-in (keycloak-bcrypt): the value is all of the hash, and the salt is empty.
        return str(secret["value"])
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
