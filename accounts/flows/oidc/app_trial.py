"""Try a client out: an admin signs in to it, as its users would, and sees what it would learn."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from sqlalchemy import update

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.apps import Grant
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import authorize, issue, registration, tokens, trial_state
from accounts.flows.oidc.claims import OFFLINE_ACCESS, OPENID
from accounts.flows.oidc.signing_keys import SigningKeys
from accounts.flows.sessions.session import CurrentAccount

NO_EPOCH = -1


@dataclass(frozen=True, slots=True)
class AppTrialResult:
    """The result of a trial: what the client would learn, or the error that it would be told. No token."""

    app_id: str
    name: str
    error: str = ""
    description: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    id_token: Mapping[str, Any] = field(default_factory=dict)
    userinfo: Mapping[str, Any] = field(default_factory=dict)


def start_app_trial(uow: UnitOfWork, who: CurrentAccount, app_id: str) -> str:
    """Return the path of the authorization request that the client would make, for everything that it may ask for.

    :raises NotFound: there is no such client.
    """
    app = registration.get_app(uow, app_id).app
    state, app_trial = trial_state.make_trial_state(uow.site, app.id, who.id)
    params = {
        "client_id": app.id,
        "redirect_uri": trial_state.trial_callback_url(uow.site),
        "response_type": "code",
        # Nothing that would outlive the trial.
        "scope": " ".join([OPENID, *(word for word in app.scopes if word != OFFLINE_ACCESS)]),
        "state": state,
        "code_challenge": _code_challenge(app_trial.verifier),
        "code_challenge_method": "S256",
    }
    return f"{uow.site.url_prefix}{authorize.AUTHORIZE_PATH}?{urlencode(params)}"


def finish_app_trial(uow: UnitOfWork, who: CurrentAccount, params: Mapping[str, str]) -> AppTrialResult:
    """Return what the client would learn from an answer. Its code is used; its tokens are revoked at once.

    :raises NotFound: not the answer to a trial of this admin.
    """
    app_trial = trial_state.read_trial_state(uow.site, params.get("state", ""))
    if app_trial is None or app_trial.account_id != who.id:
        raise NotFound("no trial of this admin")
    app = registration.get_app(uow, app_trial.app_id).app
    if "error" in params:
        description = params.get("error_description", "")
        return AppTrialResult(app.id, app.name, error=params["error"][:200], description=description[:500])
    code = uow.site.signer.read(tokens.AUTHORIZATION_CODE, params.get("code", ""))
    if code is None or (code.app_id, code.challenge) != (app.id, _code_challenge(app_trial.verifier)):
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
        )
    finally:
        _revoke_trial_grant(uow, code.id, app.id, who.id)


def _revoke_trial_grant(uow: UnitOfWork, grant_id: str, app_id: str, account_id: str) -> None:
    uow.release()
    with uow:
        # Not deleted, as it tells that the code was used; but of no epoch of the account: the app was never signed
        # in to, and nobody is to tell it that a session ends.
        values = {"revoked_at": now(), "auth_epoch": NO_EPOCH}
        uow.session.execute(update(Grant).where(Grant.id == grant_id).values(values))
        uow.record_event("app.tried", account_id=account_id, app_id=app_id)


def _code_challenge(verifier: str) -> str:
    return str(create_s256_code_challenge(verifier))  # type: ignore[no-untyped-call] # the stubs give it no types


def _decode_header(token: str) -> dict[str, Any]:
    encoded = token.partition(".")[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))
    return header
