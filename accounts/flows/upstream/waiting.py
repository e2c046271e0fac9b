"""What somebody set out to do at another sign-in service: signed and carried by their browser, no row."""

from __future__ import annotations

import secrets
from dataclasses import astuple, dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

from accounts.core.clock import now
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

PURPOSE, VERSION = "upstream", 1
LIVES = timedelta(minutes=10)
Wish = Literal["sign-in", "connect", "join"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """One visit to an upstream, from the browser that began it.

    :ivar session_id: the session that asked to connect; "" for others.
    :ivar link_id: the invitation that is accepted this way; "" for others.
    """

    upstream: str
    wish: Wish
    next: str = ""
    session_id: str = ""
    link_id: str = ""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def answered_by(self, state: str) -> bool:
        """Whether an answer is the one to this visit."""
        return secrets.compare_digest(self.state.encode(), state.encode())


def seal(house: Site, waiting: Waiting) -> str:
    """The cookie's value."""
    return house.signer.sign(PURPOSE, VERSION, list(astuple(waiting)))


def read(house: Site, cookie: str) -> Waiting | None:
    """The visit that a cookie states, if it is genuine and not too long ago."""
    try:
        stated = house.signer.verify(PURPOSE, VERSION, cookie)
        said: dict[str, Any] = dict(zip((each.name for each in fields(Waiting)), stated.payload, strict=True))
        waiting = Waiting(**said)
    except (BadToken, TypeError, ValueError):
        return None
    return waiting if now() - stated.issued_at <= LIVES else None
