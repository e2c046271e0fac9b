"""The note that rides along with an authorization request: when, and in which session, we asked for a proof.

Apart from ``authorize``, which imports Authlib: the registry of tokens is loaded at every start.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from accounts.core.clock import LEEWAY, now
from accounts.core.signing.token_kind import TokenKind
from accounts.flows.sessions.session import Session

NOTE_TTL = timedelta(days=2)
"""As long as the longest way back: a link that makes an account."""
PROOF_TTL = timedelta(minutes=10)
"""How long a proof given for a request counts for it: time to read what the app wants to know."""


@dataclass(frozen=True, slots=True)
class ReauthenticationNote:
    """That we asked for a proof: when (seconds since 1970), and in which session ("" for none)."""

    noted_at: int
    session_id: str

    def is_satisfied_by(self, session: Session | None) -> bool:
        """Whether the proof was given since, and not long ago.

        A session that merely lived on has the id it had. Where it is known which one that was, the clocks of two
        processes may differ; else a proof that seems to be older is asked for once more, and then it is known.
        """
        if session is None or session.id == self.session_id:
            return False
        since = self.noted_at - (LEEWAY.seconds if self.session_id else 0)
        return session.auth_time >= max(since, now().timestamp() - PROOF_TTL.seconds)


@dataclass(frozen=True, slots=True)
class AuthorizationNote:
    """A note, as it is signed: on which request it is, beside what it says."""

    request_digest: str
    noted_at: int
    session_id: str


AUTHORIZATION_NOTE = TokenKind(purpose="oauth-asked", payload=AuthorizationNote, lifetime=NOTE_TTL)
"""Our note that rides along with the authorization request of an app."""
