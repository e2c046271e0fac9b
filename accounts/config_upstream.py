"""Other sign-in services, by configuration: ``ACCOUNTS_UPSTREAM_<NAME>_ISSUER`` and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

UPSTREAM_PREFIX = "upstream_"
NAME_PATTERN = re.compile(r"[a-z][a-z0-9]{0,30}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Upstream:
    """One OpenID Connect issuer with which users may sign in, once they have connected it.

    :ivar name: stands in addresses; changing it changes the redirect address that is registered there.
    :ivar label: what users read on the button.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    label: str = ""
    scope: str = "openid profile email"

    @property
    def secure(self) -> bool:
        """Whether the issuer is reached by https."""
        return self.issuer.startswith("https://")


UPSTREAM_FIELDS = tuple(each.name for each in fields(Upstream) if each.name != "name")
SECRET_FILE_FIELD = "client_secret_file"  # noqa: S105 - the end of a name


def split_setting_name(setting: str) -> tuple[str, str] | None:
    """Name and field of a setting without prefix, ``upstream_work_client_id``; None where it is none."""
    name, _, rest = setting.removeprefix(UPSTREAM_PREFIX).partition("_")
    return (name, rest) if NAME_PATTERN.fullmatch(name) and rest in (*UPSTREAM_FIELDS, SECRET_FILE_FIELD) else None


def parse_upstreams(values: Mapping[str, object], read_file: Callable[[str, str], str]) -> dict[str, Upstream]:
    """Return the upstreams that settings such as ``upstream_work_issuer`` name.

    :param read_file: the content of the file that a setting names.
    :raises ValueError: ``(setting, reason)`` of the first that cannot be.
    """
    by_name: dict[str, dict[str, str]] = {}
    for setting, value in values.items():
        parts = split_setting_name(setting)
        if parts is None:
            raise ValueError(
                setting, f"no field of an upstream; there are {', '.join((*UPSTREAM_FIELDS, SECRET_FILE_FIELD))}"
            )
        by_name.setdefault(parts[0], {})[parts[1]] = str(value).strip()
    return {name: _build_upstream(name, options, read_file) for name, options in sorted(by_name.items())}


def _build_upstream(name: str, options: dict[str, str], read_file: Callable[[str, str], str]) -> Upstream:
    prefix = f"{UPSTREAM_PREFIX}{name}_"
    if (path := options.pop(SECRET_FILE_FIELD, None)) is not None:
        if "client_secret" in options:
            raise ValueError(f"{prefix}client_secret", "and its _FILE are both set; keep one")
        options["client_secret"] = read_file(path, f"{prefix}{SECRET_FILE_FIELD}").strip()
    for required in ("issuer", "client_id"):
        if not options.get(required):
            raise ValueError(f"{prefix}{required}", "is missing")
    parts = urlsplit(options["issuer"])
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{prefix}issuer", "must be an address such as https://sign-in.example.com")
    if "openid" not in options.get("scope", "openid").split():
        raise ValueError(f"{prefix}scope", "must hold openid")
    return Upstream(name=name, **({"label": name.title()} | options))
