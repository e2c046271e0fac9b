"""What an app may learn about a person: claims, the scopes that hold them, and how apps ask for single ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

OPENID, OFFLINE = "openid", "offline_access"
SCOPE_OF = {"name": "profile", "locale": "profile", "email": "email", "email_verified": "email", "groups": "groups"}
"""Every claim about a person, and the scope that holds it."""
SCOPES = (OPENID, "profile", "email", "groups", OFFLINE)
ALWAYS = ("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")
"""Claims about the sign-in itself, which need no scope."""
AAL1, AAL2 = "aal1", "aal2"
ACRS = (AAL1, AAL2)
"""How well somebody was recognised, after NIST SP 800-63B: by one factor, or by two."""
SECOND = frozenset({"otp", "rc", "mfa", "hwk", "user"})
MAX_CHARACTERS = 2000


class Person(Protocol):
    """As much of an account as claims are made of."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def locale(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the ``claims`` parameter (OpenID Connect Core 5.5) asks for beside the scopes.

    :ivar userinfo, id_token: names of claims.
    :ivar sub: the one person that the app expects; "" for anybody.
    :ivar acr: whether it asks how well somebody was recognised.
    :ivar acr_among: it takes nobody who was recognised otherwise (5.5.1.1); empty for however well.
    """

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    sub: str = ""
    acr: bool = False
    acr_among: tuple[str, ...] = ()

    def within(self, allowed: Iterable[str]) -> dict[str, list[str]]:
        """What is wanted and may be given, as a grant keeps it; empty where nothing is."""
        scopes = frozenset(allowed)
        found = {
            place: [name for name in names if SCOPE_OF[name] in scopes]
            for place, names in (("userinfo", self.userinfo), ("id_token", self.id_token))
        }
        return {place: names for place, names in found.items() if names}

    @property
    def scopes(self) -> frozenset[str]:
        """The scopes that hold what is wanted: what a person is asked to consent to."""
        return frozenset(SCOPE_OF[name] for name in (*self.userinfo, *self.id_token))


@dataclass(frozen=True, slots=True)
class Told:
    """Claims about one person, and the scopes and single claims by which they were asked for."""

    person: Person
    groups: Sequence[str]
    scope: Sequence[str]
    wanted: Mapping[str, Any] = field(default_factory=dict)

    def userinfo(self) -> dict[str, Any]:
        """The answer of the userinfo endpoint."""
        return {"sub": self.person.id, **self._of(self.wanted.get("userinfo", ()), by_scope=True)}

    def id_token(self, also: Iterable[str]) -> dict[str, Any]:
        """What stands in the ID token beside the sign-in itself.

        :param also: claims of the granted scopes that this app gets here, too.
        """
        granted = [name for name in also if SCOPE_OF.get(name) in self.scope]
        return self._of([*self.wanted.get("id_token", ()), *granted], by_scope=False)

    def _of(self, names: Iterable[str], *, by_scope: bool) -> dict[str, Any]:
        every = {
            "name": self.person.name,
            "locale": self.person.locale,
            "email": self.person.email,
            # There is no account whose mailbox was not proven, and no address is set without proof of it.
            "email_verified": True,
            "groups": list(self.groups),
        }
        due = set(names) | ({name for name, scope in SCOPE_OF.items() if scope in self.scope} if by_scope else set())
        return {name: value for name, value in every.items() if name in due and value != ""}


def wanted(text: str) -> Wanted:
    """The ``claims`` parameter; what is unknown in it is left out, as it asks.

    :raises ValueError: it is no JSON object of objects.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError("too long")
    try:
        said = json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(said, dict):
        raise ValueError("not an object")
    places = {place: {} if said.get(place) is None else said[place] for place in ("userinfo", "id_token")}
    if not all(isinstance(each, dict) for each in places.values()):
        raise ValueError("not an object of objects")
    known = {place: tuple(name for name in SCOPE_OF if name in names) for place, names in places.items()}
    sub, acr = (_said_about(places["id_token"], name) for name in ("sub", "acr"))
    return Wanted(
        userinfo=known["userinfo"],
        id_token=known["id_token"],
        sub=next(iter(_texts(sub)), ""),
        acr="acr" in places["id_token"],
        acr_among=_texts(acr) if acr.get("essential") is True else (),
    )


def _said_about(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    said = claims.get(name)
    return said if isinstance(said, dict) else {}


def _texts(said: Mapping[str, Any]) -> tuple[str, ...]:
    many = said.get("values")
    values = [said.get("value"), *(many if isinstance(many, list) else ())]
    return tuple(value for value in values if isinstance(value, str))


def acr_of(amr: Sequence[str]) -> str:
    """How well somebody was recognised who did it in these ways (RFC 8176)."""
    return AAL2 if SECOND.intersection(amr) else AAL1
