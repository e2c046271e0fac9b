"""CSRF tokens of forms and of JSON clients: signed, and of one session only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from accounts.core.errors import CsrfFailed, FormOutdated
from accounts.core.signing.keys import Key
from accounts.core.signing.token_kind import BadToken, SignedToken, TokenKind
from accounts.core.signing.tokens import TokenSigner
from accounts.core.site import Site
from accounts.flows.sessions.session import Session


@dataclass(frozen=True, slots=True)
class CsrfToken:
    """A token of forms: of the session whose secret has this digest."""

    session_digest: str


def _decode_csrf_token(token: SignedToken) -> CsrfToken:
    if not isinstance(token.payload, str):
        raise TypeError("not a text")
    return CsrfToken(token.payload)


CSRF = TokenKind(
    purpose="csrf", payload=CsrfToken, encode=lambda token: token.session_digest, decode=_decode_csrf_token
)
"""The CSRF token of pages and of JSON clients; good as long as the session that it belongs to."""


def make_csrf_token(site: Site, session: Session) -> str:
    """Return a signed token that is valid only together with this session's cookie.

    It is signed as of the moment when the cookie was, so that one cookie has one token, which is signed once.
    """
    return _sign_csrf_token(site.signer, site.ring.signing, _csrf_digest(session), session.last_seen_at)


@lru_cache(maxsize=1024)
def _sign_csrf_token(signer: TokenSigner, key: Key, session_digest: str, moment: datetime) -> str:
    return signer.sign(CSRF, CsrfToken(session_digest), key=key, as_of=moment)


def check_csrf_token(site: Site, session: Session, token: str) -> None:
    """Check a token against this session.

    :raises CsrfFailed: the token is not of this session.
    :raises FormOutdated: it is one of ours, of another session.
    """
    try:
        digest = site.signer.verify(CSRF, token).session_digest
    except BadToken as error:
        raise CsrfFailed(str(error)) from None
    if not secrets.compare_digest(digest.encode(), _csrf_digest(session).encode()):
        raise FormOutdated("token of another session")


def _csrf_digest(session: Session) -> str:
    # Pages hold this, the cookie holds the secret: who reads a page cannot write a cookie's secret from it.
    return hashlib.sha256(session.csrf_secret.encode()).hexdigest()[:32]
