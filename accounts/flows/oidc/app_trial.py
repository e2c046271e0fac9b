"""Trying an app out: an admin signs in to it, as its people would, and sees what the app would learn."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy import delete

from accounts.core.errors import NotFound
from accounts.core.models.apps import Grant
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import authorize, issue, registration, tokens, trial_state
from accounts.flows.oidc.claims import OFFLINE, OPENID
from accounts.flows.oidc.signing_keys import Keys
from accounts.flows.sessions.session import CurrentAccount


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of it: what the app would learn, or the error that it would be told. No token."""

    app_id: str
    name: str
    error: str = ""
    description: str = ""
    header: Mapping[str, Any] = field(default_factory=dict)
    id_token: Mapping[str, Any] = field(default_factory=dict)
    userinfo: Mapping[str, Any] = field(default_factory=dict)


def begin(uow: UnitOfWork, who: CurrentAccount, app_id: str) -> str:
    """The path of the authorization request that the app would make, for everything that it may ask for.

    :raises NotFound: there is no such app.
    """
    app = registration.find(uow, app_id).app
    state, tried = trial_state.begin(uow.site, app.id, who.id)
    says = {
        "client_id": app.id,
        "redirect_uri": trial_state.callback(uow.site),
        "response_type": "code",
        # Nothing that would outlive the trial.
        "scope": " ".join([OPENID, *(word for word in app.scopes if word != OFFLINE)]),
        "state": state,
        "code_challenge": _challenge(tried.verifier),
        "code_challenge_method": "S256",
    }
    return f"{uow.site.url_prefix}{authorize.PATH}?{urlencode(says)}"


def finish(uow: UnitOfWork, who: CurrentAccount, answer: Mapping[str, str]) -> Tried:
    """What the app would learn from this answer. Its code is used up; its tokens are dead before anybody sees them.

    :raises NotFound: not the answer to a trial of this admin.
    """
    tried = trial_state.read(uow.site, answer.get("state", ""))
    if tried is None or tried.account_id != who.id:
        raise NotFound("no trial of this admin")
    app = registration.find(uow, tried.app_id).app
    if "error" in answer:
        told = answer.get("error_description", "")
        return Tried(app.id, app.name, error=answer["error"][:200], description=told[:500])
    code = tokens.read_code(uow.site, answer.get("code", ""))
    if code is None or (code.app_id, code.challenge) != (app.id, _challenge(tried.verifier)):
        return Tried(app.id, app.name, error="invalid_grant")
    try:
        given = issue.for_code(uow, app, code)
    except InvalidGrantError as wrong:
        return Tried(app.id, app.name, error=str(wrong.error), description=str(wrong.description or ""))
    try:
        return Tried(
            app.id,
            app.name,
            header=_header(given["id_token"]),
            id_token=uow.site.get(Keys).read(given["id_token"]) or {},
            userinfo=issue.userinfo(uow, given["access_token"]) or {},
        )
    finally:
        _forget(uow, code.id, app.id, who.id)


def _forget(uow: UnitOfWork, grant_id: str, app_id: str, account_id: str) -> None:
    # Deleted, not revoked: the app was never signed in to, and has nobody to say goodbye to.
    uow.release()
    with uow:
        uow.session.execute(delete(Grant).where(Grant.id == grant_id))
        uow.record_event("app.tried", account_id=account_id, app_id=app_id)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _header(token: str) -> dict[str, Any]:
    head = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return found
