"""Settings: every ``ACCOUNTS_*`` is read once, checked at start, and frozen."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from accounts.config_bounce_key import BounceKey
from accounts.config_brand import AccentColour, FooterLinks, LogoFile, StylesheetFile
from accounts.config_contact import Contact
from accounts.config_helo import HeloName, default_helo_name
from accounts.config_metrics_token import MetricsToken
from accounts.config_origin import ORIGIN_PATTERN, is_loopback, normalize_origin
from accounts.config_password_hash import DEFAULT_HASH_COST, HashCost, check_hash_cost
from accounts.config_sender import parse_sender
from accounts.config_sign_up import describe_domains, parse_sign_up_domains
from accounts.config_sources import ENV_PREFIX, SettingsError, collect_values
from accounts.config_terms import LANGUAGE_PLACE, TermsAddress, TermsVersion
from accounts.config_upstream import Upstream

LOCALES = ("en", "de", "fr", "es")
BASE64_PATTERN = re.compile(r"(?:[A-Za-z0-9+/_-]{4}){4,}(?:[A-Za-z0-9+/_-]{2,3}={0,2})?", re.ASCII)


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
    mail_bounce_key: BounceKey | None = Field(default=None, repr=False)
    mail_tls: Literal["starttls", "tls", "none"]
    mail_concurrency: int = Field(default=4, ge=1, le=32)
    mail_bulk_per_minute: int = Field(default=0, ge=0, le=1_000_000)
    metrics_token: MetricsToken | None = Field(default=None, repr=False)
    trusted_proxies: int = Field(default=0, ge=0, le=10)
    call_networks: tuple[str, ...] = ()
    service_name: str = Field(default="Accounts", min_length=1, max_length=60)
    locale: str = "en"
    sign_up: Literal["open", "invited", "domains", "approval"] = "open"
    sign_up_domains: tuple[str, ...] = ()
    support: Contact | None = None
    logo: LogoFile | None = None
    logo_dark: LogoFile | None = None
    favicon: LogoFile | None = None
    accent: AccentColour | None = None
    stylesheet: StylesheetFile | None = None
    links: FooterLinks = ()
    terms: TermsAddress | None = None
    terms_version: TermsVersion | None = None
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
        raw = collect_values(os.environ if environ is None else environ, cls.model_fields.keys())
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
        parse_sender(value)
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

    @field_validator("sign_up_domains", mode="before")
    @classmethod
    def _check_domains(cls, value: Any) -> Any:
        return parse_sign_up_domains(value)

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
        if self.sign_up == "domains" and not self.sign_up_domains:
            raise ValueError("ACCOUNTS_SIGN_UP_DOMAINS: name the domains whose addresses may sign up")
        if self.sign_up != "domains" and self.sign_up_domains:
            raise ValueError("ACCOUNTS_SIGN_UP_DOMAINS: is for ACCOUNTS_SIGN_UP=domains; drop it or set that")
        for name, each in self.upstreams.items():
            local = self.env == "development" and is_loopback(urlsplit(each.issuer).hostname or "")
            if not each.secure and not local:
                raise ValueError(f"ACCOUNTS_UPSTREAM_{name.upper()}_ISSUER: must begin with https://")
        if self.mail_tls == "none" and not (self.mail_server is None or is_loopback(self.mail_server)):
            raise ValueError("ACCOUNTS_MAIL_TLS: mail carries reset links; plain SMTP is for loopback only")
        return self

    @model_validator(mode="after")
    def _check_terms(self) -> Self:
        if (self.terms is None) != (self.terms_version is None):
            missing = "ACCOUNTS_TERMS_VERSION" if self.terms else "ACCOUNTS_TERMS"
            raise ValueError(f"{missing}: ACCOUNTS_TERMS and ACCOUNTS_TERMS_VERSION are set together, or neither")
        return self

    @property
    def secure(self) -> bool:
        """Whether the public origin is https, and cookies can be ``__Host-`` and Secure."""
        return self.public_origin.startswith("https://")

    @property
    def sign_up_offered(self) -> bool:
        """Whether anybody can ask for an account without an invitation."""
        return self.sign_up != "invited"

    @property
    def sign_up_domains_text(self) -> str:
        """The domains whose addresses may sign up, as people read them."""
        return describe_domains(self.sign_up_domains)

    def terms_url(self, language: str) -> str:
        """Return where the terms are that people accept, for readers of a language; "" where there are none."""
        address = (self.terms or "").replace(LANGUAGE_PLACE, language)
        return f"{self.public_origin}{address}" if address.startswith("/") else address

    def are_terms_accepted(self, version: str) -> bool:
        """Return whether whoever accepted a version of the terms has to accept nothing more."""
        return self.terms_version is None or version == self.terms_version

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
