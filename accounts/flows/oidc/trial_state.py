"""Sign the state of an admin's trial of a client, whose redirect address is one of this service.

No client is registered with it, and none can be. It is accepted for a request whose ``state`` is signed here for that
very client, and what arrives there is read for nobody but the admin whom the state names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from accounts.core.ids import new_id
from accounts.core.signing.keys import Key
from accounts.core.signing.token_kind import SignedToken, TokenKind
from accounts.core.site import Site

TRIAL_TTL = timedelta(minutes=15)
TRIAL_CALLBACK_PATH = "/admin/apps/tried"
TRYING, ACCEPTED, REFUSED = "trying", "accepted", "refused"


@dataclass(frozen=True, slots=True)
class AppTrial:
    """Whose trial of which app a state is.

    :ivar verifier: the PKCE verifier of the request; no address holds it.
    :ivar without_pkce: as :class:`TrialState` has it.
    """

    app_id: str
    account_id: str
    verifier: str
    without_pkce: str

    @property
    def is_plain(self) -> bool:
        """Whether its request has no code challenge."""
        return self.without_pkce == TRYING


def trial_callback_url(site: Site) -> str:
    """Return the whole address."""
    return site.link_signer.page_url(TRIAL_CALLBACK_PATH)


@dataclass(frozen=True, slots=True)
class TrialState:
    """What the ``state`` of a trial says.

    :ivar key: the key of the ring that signs it.
    :ivar without_pkce: ``TRYING`` for the request without PKCE; for the one with it, which comes after that, how that
        one went: ``ACCEPTED`` or ``REFUSED``; "" where there was none.
    """

    app_id: str
    account_id: str
    key: Key = field(repr=False)
    nonce: str = field(default_factory=new_id)
    without_pkce: str = ""

    @property
    def values(self) -> list[str]:
        """What is signed."""
        return [self.app_id, self.account_id, self.nonce, *([self.without_pkce] if self.without_pkce else [])]


def _decode_trial_state(token: SignedToken) -> TrialState:
    app_id, account_id, nonce, *without_pkce = token.payload
    if not all(isinstance(each, str) for each in token.payload):
        raise TypeError("not texts")
    return TrialState(app_id, account_id, token.key, nonce, *without_pkce)


TRIAL_STATE = TokenKind(
    purpose="try-app",
    payload=TrialState,
    lifetime=TRIAL_TTL,
    encode=lambda state: state.values,
    decode=_decode_trial_state,
)
"""The ``state`` of an authorization request by which an admin tries an app."""


def make_trial_state(site: Site, app_id: str, account_id: str, without_pkce: str) -> tuple[str, AppTrial]:
    """Return a state, and the trial that it stands for."""
    state = TrialState(app_id, account_id, site.ring.signing, without_pkce=without_pkce)
    return site.signer.sign(TRIAL_STATE, state, key=state.key), _trial_of_state(site, state)


def read_trial_state(site: Site, token: str) -> AppTrial | None:
    """Return the trial that a state stands for; None for every other text."""
    state = site.signer.read(TRIAL_STATE, token)
    return None if state is None else _trial_of_state(site, state)


def _trial_of_state(site: Site, state: TrialState) -> AppTrial:
    verifier = site.signer.tag(state.key, [TRIAL_STATE.purpose, *state.values], 32).hex()
    return AppTrial(state.app_id, state.account_id, verifier, state.without_pkce)


def is_trial_redirect(site: Site, app_id: str, redirect_uri: str, state_values: Sequence[str]) -> bool:
    """Return whether a request for this client may be answered at the service's own address."""
    if redirect_uri != trial_callback_url(site) or len(state_values) != 1:
        return False
    app_trial = read_trial_state(site, state_values[0])
    return app_trial is not None and app_trial.app_id == app_id
