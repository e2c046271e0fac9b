"""Sign what a user set out to do at another provider, in a cookie of their browser; no row is stored."""

from __future__ import annotations

import secrets
from dataclasses import astuple, dataclass, field
from datetime import timedelta
from typing import Literal

from accounts.core.signing.token_kind import SignedToken, TokenKind

PENDING_SIGN_IN_TTL = timedelta(minutes=10)
PendingAction = Literal["sign-in", "connect", "join", "join-shared", "ask-to-join"]


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """One sign-in with an upstream provider, from the browser that began it.

    :ivar session_id: the session that asked to connect; "" for others.
    :ivar link_id: the link by which somebody joins this way; "" for others.
    :ivar terms: the version of the terms that they have accepted; "" for none.
    :ivar prefix: the language in front of the address that they set out from; "" for none.
    """

    upstream: str
    action: PendingAction
    next: str = ""
    session_id: str = ""
    link_id: str = ""
    state: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    code_verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    terms: str = ""
    prefix: str = ""

    def matches_state(self, state: str) -> bool:
        """Return whether an answer is the one to this sign-in."""
        return secrets.compare_digest(self.state.encode(), state.encode())


def _encode(pending: PendingSignIn) -> list[str]:
    values = list(astuple(pending))
    # What nobody has said is left out: processes of the version before read it then, too.
    return values if pending.terms or pending.prefix else values[:-2]


def _decode(token: SignedToken) -> PendingSignIn:
    values = token.payload
    if (
        not isinstance(values, list)
        or len(values) not in (8, 10)
        or not all(isinstance(each, str) for each in values)
    ):
        raise ValueError("not a list of its fields")
    return PendingSignIn(*values)


PENDING_SIGN_IN = TokenKind(
    purpose="upstream", payload=PendingSignIn, encode=_encode, decode=_decode, lifetime=PENDING_SIGN_IN_TTL
)
"""The cookie of a browser that is at an upstream."""
