"""Read the values of settings from where they stand: the environment, a TOML file, and files that hold secrets."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Set
from datetime import timedelta
from pathlib import Path
from typing import Any

from accounts.config_upstream import UPSTREAM_PREFIX, Upstream, parse_upstreams

ENV_PREFIX = "ACCOUNTS_"
COMPOSED_SETTINGS = frozenset({"lifetimes", "upstreams"})
"""What several settings make together."""
LIFETIME_PREFIX = "lifetime_"
FILE_SUFFIX = "_file"
FOREIGN_SECRETS = frozenset({"devise_pepper", "flask_security_salt", "firebase_signer_key"})
"""What the systems that accounts came from mixed into their password hashes."""
SECRET_SETTINGS = (
    frozenset({"secret_keys", "mail_password", "mail_bounce_key", "metrics_token", "database_url"}) | FOREIGN_SECRETS
)


class SettingsError(Exception):
    """A setting is missing or wrong. The text is one line, fit to be printed before the program stops."""


def collect_values(environ: Mapping[str, Any], known: Set[str]) -> dict[str, Any]:
    """Return the raw value of each setting: from the environment, the TOML file that it names, or a secret's file.

    :param known: the names of all settings, in lower case without the prefix.
    :raises SettingsError: a name that is none of them (the nearest right one is named), or an unreadable file.
    """
    values = {
        name[len(ENV_PREFIX) :].lower(): value for name, value in environ.items() if name.startswith(ENV_PREFIX)
    }
    if "config" in values:
        toml_values = _read_toml(Path(values.pop("config")))
        values = {name: toml_values[name] for name in toml_values if not _is_overridden(name, values)} | values
    for secret in SECRET_SETTINGS:
        if (path := values.pop(f"{secret}{FILE_SUFFIX}", None)) is not None:
            if secret in values:
                raise SettingsError(f"{ENV_PREFIX}{secret.upper()} and its _FILE are both set; keep one")
            values[secret] = _read_file(Path(path), f"{ENV_PREFIX}{secret.upper()}_FILE").strip()
    upstreams = {name: values.pop(name) for name in list(values) if name.startswith(UPSTREAM_PREFIX)}
    raw: dict[str, Any] = {"upstreams": _parse_upstreams(upstreams)} if upstreams else {}
    lifetimes: dict[str, timedelta] = {}
    for name, value in values.items():
        if name.startswith(LIFETIME_PREFIX):
            lifetimes[name[len(LIFETIME_PREFIX) :].replace("_", "-")] = _parse_lifetime(name, value)
        elif name in known and name not in COMPOSED_SETTINGS:
            raw[name] = _parse_keys(value) if name == "secret_keys" else value
        else:
            raise SettingsError(_unknown_setting_message(name, known))
    return raw | ({"lifetimes": lifetimes} if lifetimes else {})


def _is_overridden(name: str, values: Mapping[str, Any]) -> bool:
    """Return whether ``values`` hold a setting, directly or, if it is a secret, by its file or instead of it."""
    secret = name.removesuffix(FILE_SUFFIX)
    is_secret = secret in SECRET_SETTINGS or (name.startswith(UPSTREAM_PREFIX) and secret.endswith("_client_secret"))
    return name in values or (is_secret and (secret in values or f"{secret}{FILE_SUFFIX}" in values))


def _unknown_setting_message(name: str, known: Set[str]) -> str:
    files = [f"{secret}{FILE_SUFFIX}" for secret in SECRET_SETTINGS]
    candidates = [*sorted(known - COMPOSED_SETTINGS), "config", *files]
    close_matches = difflib.get_close_matches(name, candidates, n=1, cutoff=0.5)
    hint = f"; did you mean {ENV_PREFIX}{close_matches[0].upper()}?" if close_matches else ""
    return f"{ENV_PREFIX}{name.upper()} is not a setting{hint}"


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_file(path, "ACCOUNTS_CONFIG"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"ACCOUNTS_CONFIG: {path} is not TOML: {error}") from None


def _read_file(path: Path, name: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: cannot read {path}: {getattr(error, 'strerror', error)}") from None


def _parse_upstreams(values: Mapping[str, Any]) -> dict[str, Upstream]:
    try:
        return parse_upstreams(values, lambda path, name: _read_file(Path(path), ENV_PREFIX + name.upper()))
    except ValueError as error:
        name, reason = error.args
        raise SettingsError(f"{ENV_PREFIX}{name.upper()}: {reason}") from None


def _parse_lifetime(name: str, value: object) -> timedelta:
    try:
        seconds = int(str(value))
    except ValueError:
        seconds = 0
    if not 0 < seconds <= 366 * 86400:
        raise SettingsError(f"{ENV_PREFIX}{name.upper()}: must be a number of seconds, at least 1, at most a year")
    return timedelta(seconds=seconds)


def _parse_keys(value: object) -> tuple[str, ...]:
    # A str would be iterated letter by letter where a list of keys is due. A line for each key, as in the ring file,
    # is a list too: taken for one long key, a second line would end every session.
    if isinstance(value, str):
        text = value.strip()
        try:
            value = json.loads(text) if text[:1] in ("[", '"', "{") else re.split(r"[,\n]", text)
        except json.JSONDecodeError:
            raise SettingsError("ACCOUNTS_SECRET_KEYS: is not a JSON list") from None
    if not isinstance(value, list | tuple) or not all(isinstance(key, str) for key in value):
        raise SettingsError("ACCOUNTS_SECRET_KEYS: must be a list of keys, oldest first")
    keys = tuple(key.strip() for key in value)
    if not keys or not all(keys):
        raise SettingsError("ACCOUNTS_SECRET_KEYS: holds an empty key")
    return keys
