"""Another app sends somebody here to sign in: who must be shown what before a code is given.

Nothing is stored on the way. The request is its own address, ``/oauth/authorize?...``, and goes along as the return
target through signing in, signing up and every mailed link. All it gains is a signed note of when and in which
session we asked for a proof, so that a proof given for it counts, and only one given since.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import Enum
from typing import cast
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidRequestError
from authlib.oidc.core.errors import ConsentRequiredError, LoginRequiredError

from accounts.core.clock import now
from accounts.core.security.redirects import MAX_TARGET_CHARACTERS
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import claims, consent
from accounts.flows.oidc.note import AUTHORIZATION_NOTE, AuthorizationNote, ReauthenticationNote
from accounts.flows.oidc.request import AuthorizationRequest
from accounts.flows.oidc.responses import AuthorizationResponse
from accounts.flows.oidc.tokens import AUTHORIZATION_CODE, AuthorizationCode
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared.admission import may_use_app
from accounts.flows.shared.app_targets import AUTHORIZE_PATH

SIGN_UP_CLOSED_DESCRIPTION = "Accounts here are by invitation: prompt=create is not supported."
NOTE_PARAMETER = "asked"
"""The parameter that carries our note beside those of the app."""


class Interaction(Enum):
    """What the user must do first."""

    SIGN_IN = "sign-in"
    SIGN_UP = "sign-up"
    SIGN_UP_CLOSED = "closed"
    REAUTHENTICATE = "prove"
    SWITCH_ACCOUNT = "change"
    SELECT_ACCOUNT = "choose"
    CONSENT = "consent"
    TERMS = "terms"
    NOT_ALLOWED = "not-allowed"
    STRONGER_FACTORS = "factors"


ERROR_OF_INTERACTION: dict[Interaction, Callable[[], OAuth2Error]] = {
    Interaction.SIGN_IN: LoginRequiredError,
    Interaction.SIGN_UP: LoginRequiredError,
    Interaction.SIGN_UP_CLOSED: LoginRequiredError,
    Interaction.REAUTHENTICATE: LoginRequiredError,
    Interaction.SWITCH_ACCOUNT: LoginRequiredError,
    Interaction.SELECT_ACCOUNT: LoginRequiredError,
    Interaction.CONSENT: ConsentRequiredError,
    Interaction.TERMS: lambda: OAuth2Error(error="interaction_required"),
    Interaction.NOT_ALLOWED: AccessDeniedError,
    Interaction.STRONGER_FACTORS: lambda: OAuth2Error(error="unmet_authentication_requirements"),
}
"""What an app is told instead that wants nothing shown (``prompt=none``), or where no page can help."""


def decide_authorization(
    uow: UnitOfWork,
    request: AuthorizationRequest,
    who: CurrentAccount | None,
    note: ReauthenticationNote | None,
    *,
    consented_scopes: Collection[str] | None = None,
) -> AuthorizationResponse | Interaction:
    """Return the answer to the client, or what is needed before there can be one.

    :param consented_scopes: the scopes on the page that the user has just agreed to; None where they were
        shown none. The registration may have changed since, so that it is other scopes now.
    """
    if who is None:
        interaction: Interaction | None = _find_first_step(uow.site, request)
    else:
        interaction = _find_interaction(
            uow, request, who, note is not None and note.is_satisfied_by(who.session), consented_scopes
        )
    if interaction is not None:
        return (
            request.build_error_response(uow.site, ERROR_OF_INTERACTION[interaction]())
            if request.is_prompt_none or interaction is Interaction.STRONGER_FACTORS
            else interaction
        )
    return request.build_response(uow.site, {"code": _sign_code(uow.site, request, cast(CurrentAccount, who))})


def _find_first_step(site: Site, request: AuthorizationRequest) -> Interaction:
    if "create" not in request.prompt:
        return Interaction.SIGN_IN
    # Not sent back to the app at once: whoever pressed "create account" there learns how to get one, or signs in.
    return Interaction.SIGN_UP if site.settings.sign_up_offered else Interaction.SIGN_UP_CLOSED


def _find_interaction(
    uow: UnitOfWork,
    request: AuthorizationRequest,
    who: CurrentAccount,
    reauthenticated: bool,
    consented_scopes: Collection[str] | None,
) -> Interaction | None:
    if not reauthenticated and _must_reauthenticate(request, who.session):
        return Interaction.REAUTHENTICATE
    if request.expected_sub not in ("", who.id):
        return Interaction.SWITCH_ACCOUNT
    return _find_obstacle(request, who) or _find_question(uow, request, who, reauthenticated, consented_scopes)


def _find_obstacle(request: AuthorizationRequest, who: CurrentAccount) -> Interaction | None:
    if not who.terms_accepted:
        return Interaction.TERMS
    if not may_use_app(request.app, who):
        return Interaction.NOT_ALLOWED
    essential_acrs = request.requested_claims.essential_acrs
    if essential_acrs and claims.acr_of(who.session.amr) not in essential_acrs:
        return Interaction.STRONGER_FACTORS
    return None


def _find_question(
    uow: UnitOfWork,
    request: AuthorizationRequest,
    who: CurrentAccount,
    reauthenticated: bool,
    consented_scopes: Collection[str] | None,
) -> Interaction | None:
    # Before choosing: the page that asks for consent names the account and offers to use another one, too.
    if not set(request.consent_scopes) <= set(consented_scopes or ()) and consent.is_consent_due(
        uow, request, who.id
    ):
        return Interaction.CONSENT
    return (
        Interaction.SELECT_ACCOUNT
        if consented_scopes is None and not reauthenticated and "select_account" in request.prompt
        else None
    )


def deny_authorization(
    uow: UnitOfWork, request: AuthorizationRequest, who: CurrentAccount | None
) -> AuthorizationResponse:
    """Return the answer that the user refused (``access_denied``)."""
    with uow:
        uow.record_event("app.refused", account_id=who.id if who else None, app_id=request.app.id)
    is_closed = who is None and _find_first_step(uow.site, request) is Interaction.SIGN_UP_CLOSED
    return request.build_error_response(
        uow.site, AccessDeniedError(description=SIGN_UP_CLOSED_DESCRIPTION if is_closed else None)
    )


def authorization_path(site: Site, request: AuthorizationRequest, note: ReauthenticationNote | None) -> str:
    """Return the path by which a request comes back here, with our note."""
    params = dict(request.params)
    if note is not None:
        params[NOTE_PARAMETER] = site.signer.sign(
            AUTHORIZATION_NOTE, AuthorizationNote(request.digest, note.noted_at, note.session_id)
        )
    return f"{site.url_prefix}{AUTHORIZE_PATH}?{urlencode(params)}"


def request_too_long_error() -> InvalidRequestError:
    """Return the error for a client whose request does not fit into a return target."""
    return InvalidRequestError(f"The request is over {MAX_TARGET_CHARACTERS} characters.")


def make_note(session: Session | None) -> ReauthenticationNote:
    """Return a note that we ask now, in this session."""
    return ReauthenticationNote(int(now().timestamp()), session.id if session and session.account_id else "")


def read_note(site: Site, request: AuthorizationRequest, token: str) -> ReauthenticationNote | None:
    """Return the note on exactly this request; None where there is none that counts."""
    note = site.signer.read(AUTHORIZATION_NOTE, token)
    if note is None or note.request_digest != request.digest:
        return None
    return ReauthenticationNote(note.noted_at, note.session_id)


def _must_reauthenticate(request: AuthorizationRequest, session: Session) -> bool:
    age = now().timestamp() - session.auth_time
    return "login" in request.prompt or (request.max_age is not None and age > request.max_age)


def _sign_code(site: Site, request: AuthorizationRequest, who: CurrentAccount) -> str:
    session = who.session
    code = AuthorizationCode(
        account_id=who.id,
        epoch=who.auth_epoch,
        session_id=session.id,
        session_ends=int(session.expires_at.timestamp()),
        auth_time=session.auth_time,
        amr=session.amr,
        app_id=request.app.id,
        redirect_uri=request.redirect_uri,
        challenge=request.code_challenge,
        nonce=request.nonce,
        scope=request.scope,
        claims=request.requested_claims.allowed_by_scopes(request.app.scopes),
        acr=request.acr_requested,
    )
    return site.signer.sign(AUTHORIZATION_CODE, code)
