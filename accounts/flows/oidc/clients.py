"""Which app asks: by its id at the authorization endpoint, by its secret at the token endpoint.

Not by Authlib's ``ClientAuthentication``: that tries every method in turn, so that a wrong one is not told apart from
a wrong secret; it leaves ``+`` in a form-encoded header as it is, and fails on a header that is not UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from sqlalchemy import select

from accounts.core.models_apps import BASIC, NATIVE, NONE, POST, App
from accounts.core.uow import UnitOfWork
from accounts.flows import apps

MAX_CHARACTERS = 1000
LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(:[0-9]{1,5})?(?P<path>[/?][^#]*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shown:
    """The credentials that a request shows, and the way in which it does."""

    method: str
    id: str
    secret: str = field(default="", repr=False)


def find(uow: UnitOfWork, id: str) -> App | None:
    """The app of this client id, unless it was disabled."""
    app = uow.session.get(App, id) if 0 < len(id) <= 64 and id.isascii() and id.isprintable() else None
    return app if app is not None and app.disabled_at is None else None


def redirects_to(app: App, uri: str) -> bool:
    """Whether a code may be sent there: letter by letter, but for the port of a native app (RFC 8252 7.3)."""
    if uri in app.redirect_uris:
        return True
    asked = _portless(uri) if app.application_type == NATIVE else None
    return asked is not None and asked in [_portless(each) for each in app.redirect_uris]


def public_redirect_uris(uow: UnitOfWork) -> list[str]:
    """Every registered return address of the public apps that are not disabled: only those run in a page."""
    public = App.token_endpoint_auth_method == NONE
    rows = uow.read(select(App.redirect_uris).where(public, App.disabled_at.is_(None)))
    return [uri for row in rows for uri in row[0]]


def authenticate(uow: UnitOfWork, headers: Mapping[str, str], form: Mapping[str, str], *, public: bool) -> App:
    """The app that makes this request.

    :param public: whether a client without a secret may.
    :raises InvalidClientError: it is not shown to be any.
    """
    shown = _shown(headers, form)
    app = find(uow, shown.id)
    if app is None:
        raise InvalidClientError("There is no such client.", status_code=401)
    if shown.method != app.token_endpoint_auth_method:
        due = app.token_endpoint_auth_method
        raise InvalidClientError(f"This client is registered with token_endpoint_auth_method {due}.", status_code=401)
    if not (public if app.public else apps.knows_secret(app, shown.secret)):
        raise InvalidClientError("The client secret is wrong, or a secret is needed here.", status_code=401)
    return app


def _shown(headers: Mapping[str, str], form: Mapping[str, str]) -> Shown:
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    body_id, body_secret = form.get("client_id", ""), form.get("client_secret", "")
    if not scheme:
        return Shown(POST, body_id, body_secret) if body_secret else Shown(NONE, body_id)
    if scheme.lower() != "basic":
        raise InvalidClientError("Only Basic is understood in the Authorization header.", status_code=401)
    if body_secret or len(credentials) > MAX_CHARACTERS:
        raise InvalidRequestError("Show one secret, in one way.")
    try:
        # Both are form-encoded before they are joined (RFC 6749 2.3.1).
        id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        raise InvalidClientError("The Authorization header cannot be read.", status_code=401) from None
    shown = Shown(BASIC, unquote_plus(id), unquote_plus(secret))
    if not colon or (body_id and body_id != shown.id):
        raise InvalidClientError("The header and the body name two clients.", status_code=401)
    return shown


def _portless(uri: str) -> tuple[str, str] | None:
    """An http address on loopback, but for its port; None for every other."""
    found = LOOPBACK.fullmatch(uri)
    return (found["host"], found["path"] or "") if found else None
