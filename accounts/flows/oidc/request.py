"""Parse authorization requests, and judge them in the order that keeps users from being sent to strangers.

Not by Authlib's grant: it looks for repeated parameters among five of them only, and answers in the query of a
redirect, where ``form_post`` is another way, for errors too. Its errors are used as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedResponseTypeError

from accounts.core.errors import BadAppRequest
from accounts.core.security.private_use_uris import is_private_use
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import claims, clients, id_token_hint, trial_state
from accounts.flows.oidc.claims import OPENID, RequestedClaims
from accounts.flows.oidc.clients import Client
from accounts.flows.oidc.parameters import (
    ParameterValues,
    group_parameters,
    has_repeated_parameter,
    pick_parameters,
)
from accounts.flows.oidc.responses import (
    FORM_POST,
    QUERY,
    AuthorizationRefused,
    AuthorizationResponse,
    error_parameters,
)

ID_TOKEN_HINT = "id_token_hint"  # noqa: S105 - the name of a parameter
PROMPT_VALUES = frozenset({"none", "login", "consent", "select_account", "create"})
CODE_CHALLENGE_PATTERN = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
SCOPE_PATTERN = re.compile(r"[\x21\x23-\x5B\x5D-\x7E ]+", re.ASCII)
MAX_NONCE_CHARACTERS = 512
AUTHORIZATION_PARAMETERS = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age"),
    *("code_challenge", "code_challenge_method", "claims", "acr_values", "id_token_hint", "login_hint", "ui_locales"),
)
"""What is understood, in the order in which it goes along through signing in. Everything else is ignored."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """An authorization request that may be answered.

    :ivar scope: what the client may have of what it asks for, in the order of :data:`claims.SCOPES`.
    :ivar prompt: what the user must be shown whatever else holds; ``none`` for nothing at all.
    :ivar max_age: seconds since the user last authenticated, at most; None for however long.
    :ivar expected_sub: the account that the client expects; "" for any.
    :ivar params: the parameters that count, as they came.
    """

    app: Client
    redirect_uri: str
    response_mode: str
    state: str
    scope: tuple[str, ...]
    nonce: str
    code_challenge: str
    prompt: frozenset[str]
    max_age: int | None
    requested_claims: RequestedClaims
    acr_requested: bool
    expected_sub: str
    params: Mapping[str, str] = field(repr=False)

    @property
    def digest(self) -> str:
        """A name for exactly this request, whether or not the hint goes along."""
        text = json.dumps(sorted((name, value) for name, value in self.params.items() if name != ID_TOKEN_HINT))
        return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()

    @property
    def consent_scopes(self) -> tuple[str, ...]:
        """The scopes that a user consents to."""
        claim_scopes = self.requested_claims.scopes & set(self.app.scopes)
        return tuple(word for word in claims.SUPPORTED_SCOPES if word in {*self.scope, *claim_scopes})

    @property
    def is_prompt_none(self) -> bool:
        """Whether nothing may be shown."""
        return "none" in self.prompt

    def without_parameter(self, name: str) -> AuthorizationRequest:
        """Return the same request without one parameter."""
        return replace(self, params={each: value for each, value in self.params.items() if each != name})

    def build_response(self, site: Site, params: Mapping[str, str]) -> AuthorizationResponse:
        """Return an answer to the client, with ``state`` and ``iss`` (RFC 9207)."""
        return _build_response(site, self.redirect_uri, self.response_mode, self.state, params)

    def build_error_response(self, site: Site, error: OAuth2Error) -> AuthorizationResponse:
        """Return the answer that there will be no code, and why."""
        return self.build_response(site, error_parameters(error))


def parse_authorization_request(uow: UnitOfWork, pairs: Iterable[tuple[str, str]]) -> AuthorizationRequest:
    """Parse the authorization request that these parameters make.

    :raises BadAppRequest: no client is known by it, or not with this redirect address: nobody is sent anywhere.
    :raises AuthorizationRefused: it cannot be granted; the client is told.
    """
    values_by_name = group_parameters(pairs)
    app, redirect_uri = _find_client(uow, values_by_name)
    params = pick_parameters(values_by_name, AUTHORIZATION_PARAMETERS)
    modes = values_by_name.get("response_mode", [])
    # No form reaches an app on the device by a scheme of its own.
    allowed_modes = (QUERY,) if is_private_use(redirect_uri) else (QUERY, FORM_POST)
    response_mode = FORM_POST if modes == [FORM_POST] and FORM_POST in allowed_modes else QUERY
    states = values_by_name.get("state", [])
    state = states[0] if len(states) == 1 else ""
    try:
        _check_parameters(values_by_name, params, allowed_modes)
        return _build_request(uow, app, redirect_uri, response_mode, params)
    except OAuth2Error as error:
        raise AuthorizationRefused(
            _build_response(uow.site, redirect_uri, response_mode, state, error_parameters(error)), error
        ) from None


def _find_client(uow: UnitOfWork, values_by_name: ParameterValues) -> tuple[Client, str]:
    ids, uris = values_by_name.get("client_id", []), values_by_name.get("redirect_uri", [])
    app = clients.find_client(uow, ids[0]) if len(ids) == 1 else None
    if app is None:
        raise BadAppRequest("no app of this client_id")
    if len(uris) != 1 or not _is_redirect_allowed(uow, app, uris[0], values_by_name):
        raise BadAppRequest(f"redirect_uri is not registered for {app.id}")
    return app, uris[0]


def _is_redirect_allowed(uow: UnitOfWork, app: Client, uri: str, values_by_name: ParameterValues) -> bool:
    return clients.may_redirect_to(app, uri) or trial_state.is_trial_redirect(
        uow.site, app.id, uri, values_by_name.get("state", [])
    )


def _check_parameters(
    values_by_name: ParameterValues, params: Mapping[str, str], allowed_modes: Sequence[str]
) -> None:
    if has_repeated_parameter(values_by_name):
        raise InvalidRequestError("A parameter stands there twice.")
    if "request" in values_by_name:
        raise OAuth2Error("Send the parameters themselves.", error="request_not_supported")
    if "request_uri" in values_by_name:
        raise OAuth2Error("Send the parameters themselves.", error="request_uri_not_supported")
    if "registration" in values_by_name:
        raise OAuth2Error("Apps are registered by an admin.", error="registration_not_supported")
    if params.get("response_mode", QUERY) not in allowed_modes:
        raise InvalidRequestError(f"response_mode must be {' or '.join(allowed_modes)}.")
    if "response_type" not in params:
        raise InvalidRequestError("response_type is missing.")
    if params["response_type"] != "code":
        raise UnsupportedResponseTypeError(params["response_type"], "response_type must be code.")


def _build_request(
    uow: UnitOfWork, app: Client, redirect_uri: str, response_mode: str, params: Mapping[str, str]
) -> AuthorizationRequest:
    requested_claims = _parse_claims(params)
    return AuthorizationRequest(
        app=app,
        redirect_uri=redirect_uri,
        response_mode=response_mode,
        state=params.get("state", ""),
        scope=_parse_scope(app, params),
        nonce=_parse_nonce(params),
        code_challenge=_parse_code_challenge(app, params),
        prompt=_parse_prompt(params),
        max_age=_parse_max_age(params),
        requested_claims=requested_claims,
        acr_requested=requested_claims.acr_requested or "acr_values" in params,
        expected_sub=_parse_expected_sub(uow, app, params, requested_claims),
        params=params,
    )


def _parse_scope(app: Client, params: Mapping[str, str]) -> tuple[str, ...]:
    text = params.get("scope", "")
    if not SCOPE_PATTERN.fullmatch(text):
        raise InvalidScopeError("scope is not a list of words.")
    words = set(claims.split_scope(text))
    if OPENID not in words:
        raise InvalidScopeError("scope must hold openid.")
    # What is unknown, and what this app may not have, is left out (OpenID Connect Core 3.1.2.1).
    return tuple(word for word in claims.SUPPORTED_SCOPES if word in words and (word == OPENID or word in app.scopes))


def _parse_nonce(params: Mapping[str, str]) -> str:
    nonce = params.get("nonce", "")
    if len(nonce) > MAX_NONCE_CHARACTERS:
        raise InvalidRequestError("nonce is too long.")
    return nonce


def _parse_code_challenge(app: Client, params: Mapping[str, str]) -> str:
    challenge, method = params.get("code_challenge", ""), params.get("code_challenge_method", "")
    if not challenge and not method:
        if app.must_use_pkce:
            raise InvalidRequestError("code_challenge is missing: PKCE is required of this client.")
        return ""
    if method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if not CODE_CHALLENGE_PATTERN.fullmatch(challenge):
        raise InvalidRequestError("code_challenge is not a SHA-256 in base64url.")
    return challenge


def _parse_prompt(params: Mapping[str, str]) -> frozenset[str]:
    prompt = frozenset(params.get("prompt", "").split())
    if not prompt <= PROMPT_VALUES:
        raise InvalidRequestError("prompt holds a word that is not known.")
    if "none" in prompt and len(prompt) > 1:
        raise InvalidRequestError("prompt is none and something else.")
    return prompt


def _parse_max_age(params: Mapping[str, str]) -> int | None:
    text = params.get("max_age")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        raise InvalidRequestError("max_age must be a number of seconds.")
    return int(text)


def _parse_claims(params: Mapping[str, str]) -> RequestedClaims:
    if "claims" not in params:
        return RequestedClaims()
    try:
        return claims.parse_requested_claims(params["claims"])
    except ValueError:
        raise InvalidRequestError("claims is not what OpenID Connect Core 5.5 describes.") from None


def _parse_expected_sub(
    uow: UnitOfWork, app: Client, params: Mapping[str, str], requested_claims: RequestedClaims
) -> str:
    if "id_token_hint" not in params:
        return requested_claims.expected_sub
    hint = id_token_hint.read_id_token_hint(uow, params["id_token_hint"])
    if hint is None or hint.app_id != app.id:
        raise InvalidRequestError("id_token_hint is no ID token of this client.")
    if requested_claims.expected_sub not in ("", hint.account_id):
        raise InvalidRequestError("id_token_hint and claims name two people.")
    return hint.account_id


def _build_response(
    site: Site, redirect_uri: str, response_mode: str, state: str, params: Mapping[str, str]
) -> AuthorizationResponse:
    all_params = {**params, **({"state": state} if state else {}), "iss": site.link_signer.page_url("")}
    return AuthorizationResponse(redirect_uri, response_mode, all_params)
