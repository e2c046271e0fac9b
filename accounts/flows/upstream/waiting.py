"""What somebody set out to do at another sign-in service: signed and carried by their browser, no row."""

from __future__ import annotations

import secrets
from dataclasses import astuple, dataclass, field, fields
from datetime import timedelta
from typing import Any, Literal

from accounts.core.clock import now
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

UPSTREAM_PURPOSE, UPSTREAM_VERSION = "upstream", 1
PENDING_SIGN_IN_TTL = timedelta(minutes=10)
PendingAction = Literal["sign-in", "connect", "join"]


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """One visit to an upstream, from the browser that began it.

    :ivar session_id: the session that asked to connect; "" for others.
    :ivar link_id: the invitation that is accepted this way; "" for others.
    """

    upstream: str
    action: PendingAction
    next: str = ""
    session_id: str = ""
    link_id: str = ""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    def matches_state(self, state: str) -> bool:
        """Whether an answer is the one to this visit."""
        return secrets.compare_digest(self.state.encode(), state.encode())


def sign_pending_sign_in(site: Site, pending: PendingSignIn) -> str:
    """The cookie's value."""
    return site.signer.sign(UPSTREAM_PURPOSE, UPSTREAM_VERSION, list(astuple(pending)))


def verify_pending_sign_in(site: Site, cookie: str) -> PendingSignIn | None:
    """The visit that a cookie states, if it is genuine and not too long ago."""
    try:
        signed_token = site.signer.verify(UPSTREAM_PURPOSE, UPSTREAM_VERSION, cookie)
        values: dict[str, Any] = dict(
            zip((each.name for each in fields(PendingSignIn)), signed_token.payload, strict=True)
        )
        pending = PendingSignIn(**values)
    except (BadToken, TypeError, ValueError):
        return None
    return pending if now() - signed_token.issued_at <= PENDING_SIGN_IN_TTL else None
