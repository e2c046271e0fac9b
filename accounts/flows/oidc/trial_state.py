"""The one redirect address of the house itself: where the answer to an admin's trial of an app comes back.

No app is registered with it, and none can be. It is good for a request whose ``state`` is a statement of ours about
that very app, and what arrives there is looked at by nobody but the admin whom the statement names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

PURPOSE, VERSION = "try-app", 1
LIVES = timedelta(minutes=15)
PATH = "/admin/apps/tried"


@dataclass(frozen=True, slots=True)
class Trial:
    """Whose trial of which app a state is.

    :ivar verifier: the PKCE verifier of the request; no address holds it.
    """

    app_id: str
    account_id: str
    verifier: str


def callback(house: Site) -> str:
    """The whole address."""
    return house.link_signer.page_url(PATH)


def begin(house: Site, app_id: str, account_id: str) -> tuple[str, Trial]:
    """A state, and the trial that it stands for."""
    key = house.ring.signing
    says = [app_id, account_id, new_id()]
    state = house.signer.sign(PURPOSE, VERSION, says, key=key)
    return state, Trial(app_id, account_id, house.signer.tag(key, [PURPOSE, *says], 32).hex())


def read(house: Site, state: str) -> Trial | None:
    """The trial that a state stands for; None for every other text."""
    try:
        stated = house.signer.verify(PURPOSE, VERSION, state)
        app_id, account_id, nonce = (str(each) for each in stated.payload)
    except (BadToken, TypeError, ValueError):
        return None
    if now() > stated.issued_at + LIVES:
        return None
    verifier = house.signer.tag(stated.key, [PURPOSE, app_id, account_id, nonce], 32).hex()
    return Trial(app_id, account_id, verifier)


def leads_back(house: Site, app_id: str, redirect_uri: str, states: Sequence[str]) -> bool:
    """Whether a request for this app may be answered at the house's own address."""
    if redirect_uri != callback(house) or len(states) != 1:
        return False
    found = read(house, states[0])
    return found is not None and found.app_id == app_id
