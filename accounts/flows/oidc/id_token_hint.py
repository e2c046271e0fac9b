"""ID tokens that come back to us: who an app believes to be signed in. However old they are, they are only hints."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.signing_keys import SigningKeys

MAX_ID_TOKEN_CHARACTERS = 8000


@dataclass(frozen=True, slots=True)
class IdTokenHint:
    """Whose ID token of which app it is, and of which sign-in."""

    app_id: str
    account_id: str
    sid: str


def read_id_token_hint(uow: UnitOfWork, token: str) -> IdTokenHint | None:
    """Return what an ID token of this installation names; None for everything else that may be sent as one."""
    site = uow.site
    # The keys want a connection of their own, and whoever waits for one must hold none.
    uow.release()
    claims = site.get(SigningKeys).verify(token) if len(token) <= MAX_ID_TOKEN_CHARACTERS else None
    # A logout token is signed by the same keys.
    if claims is None or "events" in claims or claims.get("iss") != site.link_signer.page_url(""):
        return None
    values = [claims.get(name) for name in ("aud", "sub", "sid")]
    return IdTokenHint(*values) if all(isinstance(each, str) for each in values) else None  # type: ignore[arg-type] # just seen
