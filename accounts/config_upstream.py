"""Other sign-in services, by configuration: ``ACCOUNTS_UPSTREAM_<NAME>_ISSUER`` and what belongs to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

UPSTREAM = "upstream_"
NAME = re.compile(r"[a-z][a-z0-9]{0,30}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Upstream:
    """One OpenID Connect issuer whose word is taken for who somebody is, once they have connected it.

    :ivar name: stands in addresses; changing it changes the redirect address that is registered there.
    :ivar label: what people call it.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    label: str = ""
    scope: str = "openid profile email"

    @property
    def secure(self) -> bool:
        return self.issuer.startswith("https://")


FIELDS = tuple(each.name for each in fields(Upstream) if each.name != "name")
SECRET_FILE = "client_secret_file"  # noqa: S105 - the end of a name


def split(setting: str) -> tuple[str, str] | None:
    """Name and field of a setting without prefix, ``upstream_work_client_id``; None where it is none."""
    name, _, rest = setting.removeprefix(UPSTREAM).partition("_")
    return (name, rest) if NAME.fullmatch(name) and rest in (*FIELDS, SECRET_FILE) else None


def gather(values: Mapping[str, object], read: Callable[[str, str], str]) -> dict[str, Upstream]:
    """The upstreams that settings such as ``upstream_work_issuer`` name.

    :param read: the content of the file that a setting names.
    :raises ValueError: ``(setting, reason)`` of the first that cannot be.
    """
    found: dict[str, dict[str, str]] = {}
    for setting, value in values.items():
        parts = split(setting)
        if parts is None:
            raise ValueError(setting, f"no field of an upstream; there are {', '.join((*FIELDS, SECRET_FILE))}")
        found.setdefault(parts[0], {})[parts[1]] = str(value).strip()
    return {name: _upstream(name, said, read) for name, said in sorted(found.items())}


def _upstream(name: str, said: dict[str, str], read: Callable[[str, str], str]) -> Upstream:
    here = f"{UPSTREAM}{name}_"
    if (path := said.pop(SECRET_FILE, None)) is not None:
        if "client_secret" in said:
            raise ValueError(f"{here}client_secret", "and its _FILE are both set; keep one")
        said["client_secret"] = read(path, f"{here}{SECRET_FILE}").strip()
    for needed in ("issuer", "client_id"):
        if not said.get(needed):
            raise ValueError(f"{here}{needed}", "is missing")
    parts = urlsplit(said["issuer"])
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{here}issuer", "must be an address such as https://sign-in.example.com")
    if "openid" not in said.get("scope", "openid").split():
        raise ValueError(f"{here}scope", "must hold openid")
    return Upstream(name=name, **({"label": name.title()} | said))
