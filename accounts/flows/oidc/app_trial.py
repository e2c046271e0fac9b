"""Try a client out: an admin signs in to it, as its users would, and sees what it would learn.

Twice in a row: as an app would without PKCE, and as one would with it. What became of the first stands in the signed
state of the second.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import update

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.apps import App, Grant
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import issue, registration, tokens, trial_state
from accounts.flows.oidc.claims import OFFLINE_ACCESS, OPENID
from accounts.flows.oidc.signing_keys import SigningKeys
from accounts.flows.oidc.trial_state import ACCEPTED, REFUSED, TRYING, AppTrial
from accounts.flows.sessions.session import CurrentAccount
from accounts.flows.shared.app_targets import AUTHORIZE_PATH

NO_EPOCH = -1


@dataclass(frozen=True, slots=True)
class AppTrialResult:
    """The result of a trial: what the client would learn, or the error that it would be told. No token.

    :ivar without_pkce: how the request without PKCE went: ``ACCEPTED``, ``REFUSED``; "" where it ended the trial.
    """

    app_id: str
    name: str
    error: str = ""
    description: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    id_token: Mapping[str, Any] = field(default_factory=dict)
    userinfo: Mapping[str, Any] = field(default_factory=dict)
    without_pkce: str = ""


def start_app_trial(uow: UnitOfWork, who: CurrentAccount, app_id: str) -> str:
    """Return the path of the authorization request that the client would make, for everything that it may ask for.

    :raises NotFound: there is no such client.
    """
    return _request_path(uow, who, registration.get_app(uow, app_id).app, TRYING)


def _request_path(uow: UnitOfWork, who: CurrentAccount, app: App, without_pkce: str) -> str:
    state, app_trial = trial_state.make_trial_state(uow.site, app.id, who.id, without_pkce)
    challenge, nonce = _expected_values(app_trial)
    params = {
        "client_id": app.id,
        "redirect_uri": trial_state.trial_callback_url(uow.site),
        "response_type": "code",
        # Nothing that would outlive the trial.
        "scope": " ".join([OPENID, *(word for word in app.scopes if word != OFFLINE_ACCESS)]),
        "state": state,
        **({"nonce": nonce} if nonce else {"code_challenge": challenge, "code_challenge_method": "S256"}),
    }
    return f"{uow.site.url_prefix}{AUTHORIZE_PATH}?{urlencode(params)}"


def finish_app_trial(uow: UnitOfWork, who: CurrentAccount, params: Mapping[str, str]) -> AppTrialResult | str:
    """Return what the client would learn from an answer, or the path of the next request of the trial.

    The code of the answer is used, and its tokens are revoked at once.

    :raises NotFound: not the answer to a trial of this admin.
    """
    app_trial = trial_state.read_trial_state(uow.site, params.get("state", ""))
    if app_trial is None or app_trial.account_id != who.id:
        raise NotFound("no trial of this admin")
    app = registration.get_app(uow, app_trial.app_id).app
    result = _redeem_answer(uow, app, app_trial, params)
    if not app_trial.is_plain:
        return result
    # As the request is refused by which PKCE is missing.
    if result.error in ("", InvalidRequestError.error):
        return _request_path(uow, who, app, REFUSED if result.error else ACCEPTED)
    return result


def _redeem_answer(uow: UnitOfWork, app: App, app_trial: AppTrial, params: Mapping[str, str]) -> AppTrialResult:
    if "error" in params:
        description = params.get("error_description", "")
        return AppTrialResult(app.id, app.name, error=params["error"][:200], description=description[:500])
    code = uow.site.signer.read(tokens.AUTHORIZATION_CODE, params.get("code", ""))
    if code is None or (code.app_id, code.challenge, code.nonce) != (app.id, *_expected_values(app_trial)):
        return AppTrialResult(app.id, app.name, error="invalid_grant")
    try:
        token_response = issue.issue_for_code(uow, app, code)
    except InvalidGrantError as error:
        return AppTrialResult(app.id, app.name, error=str(error.error), description=str(error.description or ""))
    try:
        return AppTrialResult(
            app.id,
            app.name,
            header=_decode_header(token_response["id_token"]),
            id_token=uow.site.get(SigningKeys).verify(token_response["id_token"]) or {},
            userinfo=issue.build_userinfo(uow, token_response["access_token"]) or {},
            without_pkce=app_trial.without_pkce,
        )
    finally:
        _revoke_trial_grant(uow, code.id, app_trial)


def _revoke_trial_grant(uow: UnitOfWork, grant_id: str, app_trial: AppTrial) -> None:
    uow.release()
    with uow:
        # Not deleted, as it tells that the code was used; but of no epoch of the account: the app was never signed
        # in to, and nobody is to tell it that a session ends.
        values = {"revoked_at": now(), "auth_epoch": NO_EPOCH}
        uow.session.execute(update(Grant).where(Grant.id == grant_id).values(values))
        if not app_trial.is_plain:
            uow.record_event("app.tried", account_id=app_trial.account_id, app_id=app_trial.app_id)


def _expected_values(app_trial: AppTrial) -> tuple[str, str]:
    """Return the code challenge and the nonce of a request: one of them binds its answer to it."""
    return ("", app_trial.verifier) if app_trial.is_plain else (_code_challenge(app_trial.verifier), "")


def _code_challenge(verifier: str) -> str:
    return str(create_s256_code_challenge(verifier))  # type: ignore[no-untyped-call] # the stubs give it no types


def _decode_header(token: str) -> dict[str, Any]:
    encoded = token.partition(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return header
