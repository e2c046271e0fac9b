"""Codes, access tokens, refresh tokens: signed statements about a grant. None of them is kept anywhere."""

from __future__ import annotations

from dataclasses import astuple, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from accounts.core.clock import LEEWAY, now
from accounts.core.ids import new_id
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

CODE, ACCESS, REFRESH, VERSION = "oauth-code", "oauth-access", "oauth-refresh", 1
CODE_LIVES = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Code:
    """What a person has agreed to just now: good for one exchange within a minute, by the app with the verifier.

    :ivar id: becomes the id of the grant.
    :ivar session_ends, auth_time: seconds since 1970.
    """

    id: str
    account_id: str
    epoch: int
    session_id: str
    session_ends: int
    auth_time: int
    amr: tuple[str, ...]
    app_id: str
    redirect_uri: str
    challenge: str = field(repr=False)
    nonce: str = field(repr=False)
    scope: tuple[str, ...]
    claims: dict[str, list[str]]
    acr: bool

    # What Authlib's grant asks of a code.

    @property
    def code_challenge(self) -> str:
        return self.challenge

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return " ".join(self.scope)


@dataclass(frozen=True, slots=True)
class Access:
    """An access token: whose grant, until when, for which of its scopes.

    :ivar id: tells two of the same second apart.
    :ivar issued: when it was signed, where it was read.
    """

    grant_id: str
    expires: int
    scope: tuple[str, ...]
    id: str = field(default_factory=new_id)
    issued: int = 0


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token: whose grant, and the how many-eth it is."""

    grant_id: str
    counter: int


def seal_code(house: Site, **said: Any) -> str:
    """A fresh code."""
    return house.signer.sign(CODE, VERSION, list(astuple(Code(id=new_id(), **said))))


def read_code(house: Site, token: str) -> Code | None:
    """What a code says, when it is one of ours and young enough."""
    try:
        stated = house.signer.verify(CODE, VERSION, token)
        said = dict(zip((each.name for each in fields(Code)), stated.payload, strict=True))
        code = Code(**{**said, "amr": tuple(said["amr"]), "scope": tuple(said["scope"])})
    except (BadToken, TypeError, ValueError):
        return None
    return code if now() - stated.issued_at <= CODE_LIVES else None


def code_kept_until() -> datetime:
    """Until when it must be remembered that a code was used."""
    return now() + CODE_LIVES + 2 * LEEWAY + timedelta(seconds=300)


def seal_access(house: Site, token: Access) -> str:
    """An access token as text."""
    return house.signer.sign(ACCESS, VERSION, [token.grant_id, token.expires, " ".join(token.scope), token.id])


def read_access(house: Site, token: str) -> Access | None:
    """What an access token says, when it is one of ours and not too old. Whether its grant lives is not judged."""
    try:
        stated = house.signer.verify(ACCESS, VERSION, token)
        grant_id, expires, scope, id = stated.payload
        read = Access(grant_id, expires, tuple(scope.split()), id, int(stated.issued_at.timestamp()))
    except (BadToken, TypeError, ValueError, AttributeError):
        return None
    return read if now().timestamp() < read.expires else None


def seal_refresh(house: Site, token: Refresh) -> str:
    """A refresh token as text."""
    return house.signer.sign(REFRESH, VERSION, [token.grant_id, token.counter])


def read_refresh(house: Site, token: str) -> Refresh | None:
    """What a refresh token says, when it is one of ours. Whether it is the one that is good now is not judged."""
    try:
        grant_id, counter = house.signer.verify(REFRESH, VERSION, token).payload
    except (BadToken, TypeError, ValueError):
        return None
    return Refresh(grant_id, counter)
