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

TRIAL_PURPOSE, TRIAL_VERSION = "try-app", 1
TRIAL_TTL = timedelta(minutes=15)
TRIAL_CALLBACK_PATH = "/admin/apps/tried"


@dataclass(frozen=True, slots=True)
class AppTrial:
    """Whose trial of which app a state is.

    :ivar verifier: the PKCE verifier of the request; no address holds it.
    """

    app_id: str
    account_id: str
    verifier: str


def trial_callback_url(site: Site) -> str:
    """The whole address."""
    return site.link_signer.page_url(TRIAL_CALLBACK_PATH)


def make_trial_state(site: Site, app_id: str, account_id: str) -> tuple[str, AppTrial]:
    """A state, and the trial that it stands for."""
    key = site.ring.signing
    payload = [app_id, account_id, new_id()]
    state = site.signer.sign(TRIAL_PURPOSE, TRIAL_VERSION, payload, key=key)
    return state, AppTrial(app_id, account_id, site.signer.tag(key, [TRIAL_PURPOSE, *payload], 32).hex())


def verify_trial_state(site: Site, state: str) -> AppTrial | None:
    """The trial that a state stands for; None for every other text."""
    try:
        signed_token = site.signer.verify(TRIAL_PURPOSE, TRIAL_VERSION, state)
        app_id, account_id, nonce = (str(each) for each in signed_token.payload)
    except (BadToken, TypeError, ValueError):
        return None
    if now() > signed_token.issued_at + TRIAL_TTL:
        return None
    verifier = site.signer.tag(signed_token.key, [TRIAL_PURPOSE, app_id, account_id, nonce], 32).hex()
    return AppTrial(app_id, account_id, verifier)


def is_trial_redirect(site: Site, app_id: str, redirect_uri: str, state_values: Sequence[str]) -> bool:
    """Whether a request for this app may be answered at the house's own address."""
    if redirect_uri != trial_callback_url(site) or len(state_values) != 1:
        return False
    app_trial = verify_trial_state(site, state_values[0])
    return app_trial is not None and app_trial.app_id == app_id
