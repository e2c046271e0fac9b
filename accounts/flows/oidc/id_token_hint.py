"""ID tokens that come back to us: who an app believes to be signed in. However old they are, they are only hints."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.signing_keys import Keys

MAX_CHARACTERS = 8000


@dataclass(frozen=True, slots=True)
class Hint:
    """Whose ID token of which app it is, and of which sign-in."""

    app_id: str
    account_id: str
    sid: str


def read(uow: UnitOfWork, token: str) -> Hint | None:
    """What an ID token of this installation names; None for everything else that may be sent as one."""
    house = uow.site
    # The keys want a connection of their own, and whoever waits for one must hold none.
    uow.release()
    said = house.get(Keys).read(token) if len(token) <= MAX_CHARACTERS else None
    # A logout token is signed by the same keys.
    if said is None or "events" in said or said.get("iss") != house.link_signer.page_url(""):
        return None
    named = [said.get(name) for name in ("aud", "sub", "sid")]
    return Hint(*named) if all(isinstance(each, str) for each in named) else None  # type: ignore[arg-type] # just seen
