"""The authorization request: read, and judged in the order that keeps people from being sent to strangers.

Not by Authlib's grant: it looks for repeated parameters among five of them only, and answers in the query of a
redirect, where ``form_post`` is another way, for errors too. Its errors are used as they are.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedResponseTypeError

from accounts.core.errors import BadAppRequest
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import claims, clients, id_token_hint, trial_state
from accounts.flows.oidc.claims import OPENID, Wanted
from accounts.flows.oidc.clients import Client
from accounts.flows.oidc.responses import FORM_POST, QUERY, Answer, Refused

HINT = "id_token_hint"
PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
SCOPE = re.compile(r"[\x21\x23-\x5B\x5D-\x7E]+(?: [\x21\x23-\x5B\x5D-\x7E]+)*", re.ASCII)
NONCE_CHARACTERS = 512
CARRIED = (
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age"),
    *("code_challenge", "code_challenge_method", "claims", "acr_values", "id_token_hint", "login_hint", "ui_locales"),
)
"""What is understood, in the order in which it goes along through signing in. Everything else is ignored."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An authorization request that may be answered.

    :ivar scope: what the app may have of what it asks for, in the order of :data:`claims.SCOPES`.
    :ivar prompt: what the person must be shown whatever else holds; ``none`` for nothing at all.
    :ivar max_age: seconds since the person proved who they are, at most; None for however long.
    :ivar sub: the account that the app expects; "" for any.
    :ivar said: the parameters that count, as they came.
    """

    app: Client
    redirect_uri: str
    mode: str
    state: str
    scope: tuple[str, ...]
    nonce: str
    challenge: str
    prompt: frozenset[str]
    max_age: int | None
    wanted: Wanted
    acr: bool
    sub: str
    said: Mapping[str, str] = field(repr=False)

    @property
    def digest(self) -> str:
        """A name for exactly this request, whether or not the hint goes along."""
        text = json.dumps(sorted((name, value) for name, value in self.said.items() if name != HINT))
        return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:12]).decode()

    @property
    def agreed_to(self) -> tuple[str, ...]:
        """The scope words that a person consents to."""
        more = self.wanted.scopes & set(self.app.scopes)
        return tuple(word for word in claims.SCOPES if word in {*self.scope, *more})

    @property
    def quiet(self) -> bool:
        """Whether nothing may be shown."""
        return "none" in self.prompt

    def without(self, name: str) -> Asked:
        """The same request, with less to carry."""
        return replace(self, said={each: value for each, value in self.said.items() if each != name})

    def answer(self, house: Site, says: Mapping[str, str]) -> Answer:
        """An answer to the app, with ``state`` and ``iss`` (RFC 9207)."""
        return _answer(house, self.redirect_uri, self.mode, self.state, says)

    def refusal(self, house: Site, error: OAuth2Error) -> Answer:
        """The answer that there will be no code, and why."""
        return self.answer(house, _said(error))


def read(uow: UnitOfWork, pairs: Iterable[tuple[str, str]]) -> Asked:
    """The request that these parameters make.

    :raises BadAppRequest: no app is known by it, or not with this return address: nobody is sent anywhere.
    :raises Refused: it cannot be granted; the app is told.
    """
    many: dict[str, list[str]] = {}
    for name, value in pairs:
        many.setdefault(name, []).append(value)
    app, redirect_uri = _addressee(uow, many)
    said = {name: many[name][0] for name in CARRIED if many.get(name, [""])[0]}
    modes = many.get("response_mode", [])
    mode = FORM_POST if modes == [FORM_POST] else QUERY
    states = many.get("state", [])
    state = states[0] if len(states) == 1 else ""
    try:
        _check_whole(many, said)
        return _judged(uow, app, redirect_uri, mode, said)
    except OAuth2Error as error:
        raise Refused(_answer(uow.site, redirect_uri, mode, state, _said(error)), error) from None


def _addressee(uow: UnitOfWork, many: Mapping[str, list[str]]) -> tuple[Client, str]:
    ids, uris = many.get("client_id", []), many.get("redirect_uri", [])
    app = clients.find(uow, ids[0]) if len(ids) == 1 else None
    if app is None:
        raise BadAppRequest("no app of this client_id")
    if len(uris) != 1 or not _may_return(uow, app, uris[0], many):
        raise BadAppRequest(f"redirect_uri is not registered for {app.id}")
    return app, uris[0]


def _may_return(uow: UnitOfWork, app: Client, uri: str, many: Mapping[str, list[str]]) -> bool:
    return clients.redirects_to(app, uri) or trial_state.leads_back(uow.site, app.id, uri, many.get("state", []))


def _check_whole(many: Mapping[str, list[str]], said: Mapping[str, str]) -> None:
    if any(len(values) > 1 for values in many.values()):
        raise InvalidRequestError("A parameter stands there twice.")
    if "request" in many:
        raise OAuth2Error("Send the parameters themselves.", error="request_not_supported")
    if "request_uri" in many:
        raise OAuth2Error("Send the parameters themselves.", error="request_uri_not_supported")
    if "registration" in many:
        raise OAuth2Error("Apps are registered by an admin.", error="registration_not_supported")
    if said.get("response_mode", QUERY) not in (QUERY, FORM_POST):
        raise InvalidRequestError("response_mode must be query or form_post.")
    if "response_type" not in said:
        raise InvalidRequestError("response_type is missing.")
    if said["response_type"] != "code":
        raise UnsupportedResponseTypeError(said["response_type"], "response_type must be code.")


def _judged(uow: UnitOfWork, app: Client, redirect_uri: str, mode: str, said: Mapping[str, str]) -> Asked:
    wanted = _claims(said)
    return Asked(
        app=app,
        redirect_uri=redirect_uri,
        mode=mode,
        state=said.get("state", ""),
        scope=_scope(app, said),
        nonce=_nonce(said),
        challenge=_challenge(app, said),
        prompt=_prompt(said),
        max_age=_max_age(said),
        wanted=wanted,
        acr=wanted.acr or "acr_values" in said,
        sub=_sub(uow, app, said, wanted),
        said=said,
    )


def _scope(app: Client, said: Mapping[str, str]) -> tuple[str, ...]:
    text = said.get("scope", "")
    if not SCOPE.fullmatch(text):
        raise InvalidScopeError("scope is not a list of words.")
    words = set(text.split(" "))
    if OPENID not in words:
        raise InvalidScopeError("scope must hold openid.")
    # What is unknown, and what this app may not have, is left out (OpenID Connect Core 3.1.2.1).
    return tuple(word for word in claims.SCOPES if word in words and (word == OPENID or word in app.scopes))


def _nonce(said: Mapping[str, str]) -> str:
    nonce = said.get("nonce", "")
    if len(nonce) > NONCE_CHARACTERS:
        raise InvalidRequestError("nonce is too long.")
    return nonce


def _challenge(app: Client, said: Mapping[str, str]) -> str:
    challenge, method = said.get("code_challenge", ""), said.get("code_challenge_method", "")
    if not challenge and not method:
        if app.public or app.require_pkce:
            raise InvalidRequestError("code_challenge is missing: PKCE is required of this client.")
        return ""
    if method != "S256":
        raise InvalidRequestError("code_challenge_method must be S256.")
    if not CHALLENGE.fullmatch(challenge):
        raise InvalidRequestError("code_challenge is not a SHA-256 in base64url.")
    return challenge


def _prompt(said: Mapping[str, str]) -> frozenset[str]:
    prompt = frozenset(said.get("prompt", "").split())
    if not prompt <= PROMPTS:
        raise InvalidRequestError("prompt holds a word that is not known.")
    if "none" in prompt and len(prompt) > 1:
        raise InvalidRequestError("prompt is none and something else.")
    return prompt


def _max_age(said: Mapping[str, str]) -> int | None:
    text = said.get("max_age")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text, re.ASCII):
        raise InvalidRequestError("max_age must be a number of seconds.")
    return int(text)


def _claims(said: Mapping[str, str]) -> Wanted:
    if "claims" not in said:
        return Wanted()
    try:
        return claims.wanted(said["claims"])
    except ValueError:
        raise InvalidRequestError("claims is not what OpenID Connect Core 5.5 describes.") from None


def _sub(uow: UnitOfWork, app: Client, said: Mapping[str, str], wanted: Wanted) -> str:
    if "id_token_hint" not in said:
        return wanted.sub
    hint = id_token_hint.read(uow, said["id_token_hint"])
    if hint is None or hint.app_id != app.id:
        raise InvalidRequestError("id_token_hint is no ID token of this client.")
    if wanted.sub not in ("", hint.account_id):
        raise InvalidRequestError("id_token_hint and claims name two people.")
    return hint.account_id


def _answer(house: Site, redirect_uri: str, mode: str, state: str, says: Mapping[str, str]) -> Answer:
    whole = {**says, **({"state": state} if state else {}), "iss": house.link_signer.page_url("")}
    return Answer(redirect_uri, mode, whole)


def _said(error: OAuth2Error) -> dict[str, str]:
    described = {"error_description": str(error.description)} if error.description else {}
    return {"error": str(error.error), **described}
