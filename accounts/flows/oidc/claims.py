"""Say what a client may learn about a user: claims, the scopes that hold them, and how single ones are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from accounts.core.models.apps import EMAIL, LOCAL_PART, NO_USERNAME, SUB

OPENID, OFFLINE_ACCESS = "openid", "offline_access"
SCOPE_OF_CLAIM = {
    "name": "profile",
    "preferred_username": "profile",
    "locale": "profile",
    "zoneinfo": "profile",
    "email": "email",
    "email_verified": "email",
    "groups": "groups",
}
"""Every claim about a person, and the scope that holds it."""
SUPPORTED_SCOPES = (OPENID, "profile", "email", "groups", OFFLINE_ACCESS)
PROTOCOL_CLAIMS = ("sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid")
"""Claims about the sign-in itself, which need no scope."""
AAL1, AAL2 = "aal1", "aal2"
SUPPORTED_ACRS = (AAL1, AAL2)
"""How well somebody was recognised, after NIST SP 800-63B: by one factor, or by two."""
SECOND_FACTOR_AMRS = frozenset({"otp", "rc", "mfa", "hwk", "user"})
MAX_CLAIMS_CHARACTERS = 2000


class EndUser(Protocol):
    """As much of an account as claims are made of."""

    @property
    def id(self) -> str:
        """The subject (``sub``)."""

    @property
    def name(self) -> str:
        """The name, or ""."""

    @property
    def email(self) -> str:
        """The email address."""

    @property
    def locale(self) -> str:
        """The language."""

    @property
    def zone(self) -> str:
        """The time zone, or ""."""

    @property
    def email_unproven(self) -> bool:
        """Whether the address was only typed."""


@dataclass(frozen=True, slots=True)
class RequestedClaims:
    """What the ``claims`` parameter (OpenID Connect Core 5.5) asks for beside the scopes.

    :ivar userinfo, id_token: names of claims.
    :ivar expected_sub: the one user that the client expects; "" for anybody.
    :ivar acr_requested: whether it asks for the authentication context class.
    :ivar essential_acrs: it accepts no other context class (5.5.1.1); empty for any.
    """

    userinfo: tuple[str, ...] = ()
    id_token: tuple[str, ...] = ()
    expected_sub: str = ""
    acr_requested: bool = False
    essential_acrs: tuple[str, ...] = ()

    def allowed_by_scopes(self, allowed_scopes: Iterable[str]) -> dict[str, list[str]]:
        """Return what is asked for and may be given, as a grant keeps it; empty where nothing is."""
        scopes = frozenset(allowed_scopes)
        claims_by_place = {
            place: [name for name in names if SCOPE_OF_CLAIM[name] in scopes]
            for place, names in (("userinfo", self.userinfo), ("id_token", self.id_token))
        }
        return {place: names for place, names in claims_by_place.items() if names}

    @property
    def scopes(self) -> frozenset[str]:
        """Return the scopes that hold what is asked for: what a user is asked to consent to."""
        return frozenset(SCOPE_OF_CLAIM[name] for name in (*self.userinfo, *self.id_token))


class ClaimsPolicy(Protocol):
    """What a client's registration says of claims. As the columns of the same name."""

    @property
    def claims(self) -> Sequence[str]:
        """Claims that stand in the ID token, too."""

    @property
    def claims_in_id_token(self) -> bool:
        """Whether all do."""

    @property
    def preferred_username(self) -> str:
        """What the claim of that name is made of."""


@dataclass(frozen=True, slots=True)
class UserClaims:
    """Claims about one user, and the scopes and single claims by which they were asked for."""

    user: EndUser
    groups: Sequence[str]
    scope: Sequence[str]
    policy: ClaimsPolicy
    requested: Mapping[str, Any] = field(default_factory=dict)

    def userinfo(self) -> dict[str, Any]:
        """Return the answer of the userinfo endpoint."""
        return {"sub": self.user.id, **self._select(self.requested.get("userinfo", ()), by_scope=True)}

    def id_token(self) -> dict[str, Any]:
        """Return the claims of the ID token beside the sign-in itself."""
        extra_claims = SCOPE_OF_CLAIM if self.policy.claims_in_id_token else self.policy.claims
        granted = [name for name in extra_claims if SCOPE_OF_CLAIM.get(name) in self.scope]
        return self._select([*self.requested.get("id_token", ()), *granted], by_scope=False)

    def _select(self, names: Iterable[str], *, by_scope: bool) -> dict[str, Any]:
        selected = set(names) | (
            {name for name, scope in SCOPE_OF_CLAIM.items() if scope in self.scope} if by_scope else set()
        )
        values = {
            "name": self.user.name,
            "preferred_username": self._username(is_email_known="email" in self.scope or "email" in selected),
            "locale": self.user.locale,
            "zoneinfo": self.user.zone,
            "email": self.user.email,
            # No address is set without proof of its mailbox, but for that of the first admin.
            "email_verified": not self.user.email_unproven,
            "groups": list(self.groups),
        }
        return {name: value for name, value in values.items() if name in selected and value != ""}

    def _username(self, *, is_email_known: bool) -> str:
        """Return the username for this client; "" for none.

        :param is_email_known: whether the client may know the address. A part of it tells about it, too.
        """
        kind, email = self.policy.preferred_username, self.user.email
        if kind == SUB:
            return self.user.id
        if not is_email_known or kind == NO_USERNAME:
            return ""
        # As addresses are told apart (addresses.parse_email): of one domain, no two users have the same.
        return {EMAIL: email, LOCAL_PART: email.rpartition("@")[0].casefold()}[kind]


def split_scope(text: str) -> list[str]:
    """Return the words of a scope. Blanks at its ends, or more than one between two words, are no words."""
    return [word for word in text.split(" ") if word]


def parse_requested_claims(text: str) -> RequestedClaims:
    """Parse the ``claims`` parameter; what is unknown in it is left out, as OpenID Connect Core asks.

    :raises ValueError: it is no JSON object of objects.
    """
    if len(text) > MAX_CLAIMS_CHARACTERS:
        raise ValueError("too long")
    try:
        document = json.loads(text)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(document, dict):
        raise ValueError("not an object")
    requests_by_place = {
        place: {} if document.get(place) is None else document[place] for place in ("userinfo", "id_token")
    }
    if not all(isinstance(each, dict) for each in requests_by_place.values()):
        raise ValueError("not an object of objects")
    claims_by_place = {
        place: tuple(name for name in SCOPE_OF_CLAIM if name in names) for place, names in requests_by_place.items()
    }
    sub, acr = (_individual_request(requests_by_place["id_token"], name) for name in ("sub", "acr"))
    return RequestedClaims(
        userinfo=claims_by_place["userinfo"],
        id_token=claims_by_place["id_token"],
        expected_sub=next(iter(_requested_values(sub)), ""),
        acr_requested="acr" in requests_by_place["id_token"],
        essential_acrs=_requested_values(acr) if acr.get("essential") is True else (),
    )


def _individual_request(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    request = claims.get(name)
    return request if isinstance(request, dict) else {}


def _requested_values(request: Mapping[str, Any]) -> tuple[str, ...]:
    listed = request.get("values")
    values = [request.get("value"), *(listed if isinstance(listed, list) else ())]
    return tuple(value for value in values if isinstance(value, str))


def acr_of(amr: Sequence[str]) -> str:
    """How well somebody was recognised who did it in these ways (RFC 8176)."""
    return AAL2 if SECOND_FACTOR_AMRS.intersection(amr) else AAL1
