"""Sign what a user set out to do at another provider, in a cookie of their browser; no row is stored."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from accounts.core.signing.token_kind import TokenKind

PENDING_SIGN_IN_TTL = timedelta(minutes=10)
PendingAction = Literal["sign-in", "connect", "join", "join-shared", "ask-to-join"]


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """One sign-in with an upstream provider, from the browser that began it.

    :ivar session_id: the session that asked to connect; "" for others.
    :ivar link_id: the link by which somebody joins this way; "" for others.
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
        """Return whether an answer is the one to this sign-in."""
        return secrets.compare_digest(self.state.encode(), state.encode())


PENDING_SIGN_IN = TokenKind(purpose="upstream", payload=PendingSignIn, lifetime=PENDING_SIGN_IN_TTL)
"""The cookie of a browser that is at an upstream."""
