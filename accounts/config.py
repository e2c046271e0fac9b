"""Settings: every ``ACCOUNTS_*`` is read once, checked at start, and frozen."""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from accounts.config_helo import HeloName, default_helo_name
from accounts.config_origin import ORIGIN_PATTERN, is_loopback, normalize_origin
from accounts.config_password_hash import DEFAULT_HASH_COST, HashCost, check_hash_cost
from accounts.config_upstream import UPSTREAM_PREFIX, Upstream, parse_upstreams

ENV_PREFIX = "ACCOUNTS_"
COMPOSED_SETTINGS = frozenset({"lifetimes", "upstreams"})
"""What several settings make together."""
LIFETIME_PREFIX = "lifetime_"
FILE_SUFFIX = "_file"
FOREIGN_SECRETS = frozenset({"devise_pepper", "flask_security_salt", "firebase_signer_key"})
"""What the systems that accounts came from mixed into their password hashes."""
SECRET_SETTINGS = frozenset({"secret_keys", "mail_password", "database_url"}) | FOREIGN_SECRETS
LOCALES = ("en", "de")
BASE64_PATTERN = re.compile(r"(?:[A-Za-z0-9+/_-]{4}){4,}(?:[A-Za-z0-9+/_-]{2,3}={0,2})?", re.ASCII)


class SettingsError(Exception):
    """A setting is missing or wrong. The text is one line, fit to be printed before the program stops."""


class Settings(BaseModel):
    """The settings of an installation.

    Build it with :meth:`load`; the constructor is for hosts that keep their settings elsewhere.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    env: Literal["development", "production"]
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    public_origin: str
    instance: Path = Path("instance")
    database_url: str = Field(repr=False)
    secret_keys: tuple[str, ...] = Field(default=(), repr=False)
    mail_server: str | None = Field(default=None, min_length=1)
    mail_port: int = Field(default=587, ge=1, le=65535)
    mail_sender: str
    mail_helo: HeloName | None = None
    mail_username: str | None = None
    mail_password: str | None = Field(default=None, repr=False)
    mail_tls: Literal["starttls", "tls", "none"]
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    call_networks: tuple[str, ...] = ()
    service_name: str = Field(default="Accounts", min_length=1, max_length=60)
    locale: str = "en"
    password_hash_memory_kib: int = DEFAULT_HASH_COST.memory_kib
    password_hash_passes: int = DEFAULT_HASH_COST.passes
    devise_pepper: str | None = Field(default=None, min_length=1, repr=False)
    flask_security_salt: str | None = Field(default=None, min_length=1, repr=False)
    firebase_signer_key: str | None = Field(default=None, repr=False)
    audit_sealed: bool = False
    audit_pseudonyms_after: int = Field(default=0, ge=0, le=36500)
    development_no_limits: bool = False
    lifetimes: Mapping[str, timedelta] = Field(default_factory=dict)
    upstreams: Mapping[str, Upstream] = Field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, environ: Mapping[str, Any] | None = None) -> Self:
        """Return the settings of ``ACCOUNTS_*`` names (the process environment unless ``environ``).

        ``ACCOUNTS_CONFIG`` may name a TOML file whose keys are the same names in lower case without the
        prefix; the environment wins over it. ``ACCOUNTS_<SECRET>_FILE`` names a file that holds a secret.

        :raises SettingsError: unknown name (the nearest right one is named), or a value that cannot work.
        """
        raw = _collect_values(os.environ if environ is None else environ)
        try:
            return cls(**raw)
        except ValidationError as error:
            first_error = error.errors(include_url=False, include_input=False)[0]
            name = (
                ENV_PREFIX + "_".join(str(step) for step in first_error["loc"][:1]).upper()
                if first_error["loc"]
                else ""
            )
            reason = first_error["msg"].removeprefix("Value error, ")
            raise SettingsError(f"{name}: {reason}" if name else reason) from None

    @model_validator(mode="before")
    @classmethod
    def _fill_defaults(cls, raw: dict[str, Any]) -> dict[str, Any]:
        filled = dict(raw)
        host = str(filled.get("host", "127.0.0.1"))
        port = filled.get("port", 8000)
        url_host = f"[{host}]" if ":" in host else host
        filled.setdefault("public_origin", f"http://{url_host}:{port}")
        if "env" not in filled:
            filled["env"] = "development" if _is_local_only(host, filled) else "production"
        instance = Path(filled.get("instance", "instance"))
        filled.setdefault("database_url", f"sqlite:///{(instance / 'accounts.db').as_posix()}")
        server = filled.get("mail_server")
        if "mail_tls" not in filled:
            local = server is None or is_loopback(str(server))
            filled["mail_tls"] = "none" if local else "tls" if str(filled.get("mail_port")) == "465" else "starttls"
        filled.setdefault("mail_sender", _default_sender(str(filled["public_origin"])))
        return filled

    @field_validator("public_origin")
    @classmethod
    def _check_origin(cls, value: str) -> str:
        origin = normalize_origin(value)
        if origin is None:
            raise ValueError("must be an origin such as https://accounts.example.org")
        return origin

    @field_validator("mail_sender")
    @classmethod
    def _check_sender(cls, value: str) -> str:
        if not re.fullmatch(r"\S+@\S+", parseaddr(value)[1]) or not value.isprintable():
            raise ValueError("must be an address, or a name and an address: Accounts <accounts@example.org>")
        return value

    @field_validator("call_networks", mode="before")
    @classmethod
    def _check_networks(cls, value: Any) -> Any:
        names = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
        if value == "":
            return ()
        for name in names:
            try:
                ipaddress.ip_network(name)
            except ValueError:
                raise ValueError("must be networks such as 10.0.0.0/8, 192.168.7.0/24, separated by commas") from None
        return tuple(names)

    @field_validator("locale")
    @classmethod
    def _check_locale(cls, value: str) -> str:
        if value not in LOCALES:
            raise ValueError(f"must be one of {', '.join(LOCALES)}")
        return value

    @field_validator("firebase_signer_key")
    @classmethod
    def _check_base64(cls, value: str | None) -> str | None:
        # Looked at here, once: a key that cannot be read must not show itself at somebody's sign-in.
        if value is not None and not BASE64_PATTERN.fullmatch(value):
            raise ValueError("must be base64_signer_key of the project's password hash parameters")
        return value

    @model_validator(mode="after")
    def _check_safety(self) -> Self:
        check_hash_cost(HashCost(self.password_hash_memory_kib, self.password_hash_passes))
        if self.env == "production":
            if not self.public_origin.startswith("https://"):
                raise ValueError("ACCOUNTS_PUBLIC_ORIGIN: production needs an https:// origin")
            if self.mail_server is None:
                raise ValueError("ACCOUNTS_MAIL_SERVER: production needs an SMTP server")
            if self.development_no_limits:
                raise ValueError("ACCOUNTS_DEVELOPMENT_NO_LIMITS: production limits how often passwords may be tried")
        for name, each in self.upstreams.items():
            local = self.env == "development" and is_loopback(urlsplit(each.issuer).hostname or "")
            if not each.secure and not local:
                raise ValueError(f"ACCOUNTS_UPSTREAM_{name.upper()}_ISSUER: must begin with https://")
        if self.mail_tls == "none" and not (self.mail_server is None or is_loopback(self.mail_server)):
            raise ValueError("ACCOUNTS_MAIL_TLS: mail carries reset links; plain SMTP is for loopback only")
        return self

    @property
    def secure(self) -> bool:
        """Whether the public origin is https, and cookies can be ``__Host-`` and Secure."""
        return self.public_origin.startswith("https://")

    @property
    def mail_helo_name(self) -> str:
        """The name that mail servers are told in EHLO: that of the public origin, where none is set."""
        return self.mail_helo or default_helo_name(urlsplit(self.public_origin).hostname or "localhost")


def _default_sender(origin: str) -> str:
    match = ORIGIN_PATTERN.fullmatch(origin.lower())
    name = match["host"] if match else "localhost"
    # An address literal is no domain to write from.
    is_name = any(letter.isalpha() for letter in name) and ":" not in name
    return f"accounts@{name if is_name else 'localhost'}"


def _is_local_only(host: str, raw: Mapping[str, Any]) -> bool:
    origin = ORIGIN_PATTERN.fullmatch(str(raw["public_origin"]).lower())
    if origin is None:
        return False  # refused in a moment, by its name
    hosts = [host, origin["host"], str(raw.get("mail_server") or "localhost")]
    return origin["scheme"] == "http" and all(is_loopback(place) for place in hosts)


def _collect_values(environ: Mapping[str, Any]) -> dict[str, Any]:
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
        elif name in Settings.model_fields and name not in COMPOSED_SETTINGS:
            raw[name] = _parse_keys(value) if name == "secret_keys" else value
        else:
            raise SettingsError(_unknown_setting_message(name))
    return raw | ({"lifetimes": lifetimes} if lifetimes else {})


def _is_overridden(name: str, values: Mapping[str, Any]) -> bool:
    """Return whether ``values`` hold a setting, directly or, if it is a secret, by its file or instead of it."""
    secret = name.removesuffix(FILE_SUFFIX)
    is_secret = secret in SECRET_SETTINGS or (name.startswith(UPSTREAM_PREFIX) and secret.endswith("_client_secret"))
    return name in values or (is_secret and (secret in values or f"{secret}{FILE_SUFFIX}" in values))


def _unknown_setting_message(name: str) -> str:
    files = [f"{secret}{FILE_SUFFIX}" for secret in SECRET_SETTINGS]
    known = [*sorted(Settings.model_fields.keys() - COMPOSED_SETTINGS), "config", *files]
    close_matches = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
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
