"""Identify clients: by id at the authorization endpoint, by secret at the token endpoint.

Not by Authlib's ``ClientAuthentication``: that tries every method in turn, so that a request may show two secrets; it
leaves ``+`` in a form-encoded header as it is, and fails on a header that is not UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from sqlalchemy import Text, bindparam, cast, select

from accounts.config_origin import MAX_PORT
from accounts.core.database.sql import CompiledStatement
from accounts.core.models.apps import NATIVE_APP, NO_CLIENT_SECRET, App
from accounts.core.security.client_uris import parse_origin
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import registration

MAX_CREDENTIALS_CHARACTERS = 1000
CLIENT_REFUSED_MESSAGE = "The client is not known, or its secret is wrong or missing."
ORIGIN_PATTERN = re.compile(r"[a-z][a-z0-9+.-]{1,30}://[a-z0-9_.:\[\]-]{1,260}", re.ASCII)
LOOPBACK_URI_PATTERN = re.compile(
    r"http://(?P<host>127\.0\.0\.1|\[::1\]|localhost)(:(?P<port>[1-9][0-9]{0,4}))?(?P<path>[/?][^#]*)?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class TokenClient:
    """As much of a client as grants are judged by and tokens are made of. As the columns of the same name say."""

    id: str
    allowed_groups: list[str]
    allowed_email_domain: str | None
    invited_only: bool
    scopes: list[str]
    claims: list[str]
    claims_in_id_token: bool
    preferred_username: str
    id_token_signed_response_alg: str
    access_token_seconds: int
    id_token_seconds: int
    refresh_token_seconds: int


@dataclass(frozen=True, slots=True)
class Client(TokenClient):
    """A client as its requests are judged. Not :class:`App`: an object of the ORM costs more than its statement."""

    name: str
    contact: str | None
    secret_hash: str | None = field(repr=False)
    old_secret_hash: str | None = field(repr=False)
    old_secret_until: datetime | None
    token_endpoint_auth_method: str
    application_type: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str]
    trusted: bool
    require_pkce: bool
    sends_pkce: bool | None
    sends_nonce: bool | None
    observed_at: datetime | None
    logo: str | None

    @property
    def public(self) -> bool:
        """Whether it has no secret: it runs where anybody could read one."""
        return self.token_endpoint_auth_method == NO_CLIENT_SECRET

    @property
    def must_use_pkce(self) -> bool:
        """Whether each of its requests must carry a code challenge (RFC 8252 6, RFC 9700 2.1.1)."""
        return self.public or self.application_type == NATIVE_APP or self.require_pkce


def client_columns(client_class: type[TokenClient]) -> list[Any]:
    """Return the columns to select for one."""
    return [getattr(App, each.name) for each in fields(client_class)]


_SELECT_CLIENT = CompiledStatement(
    select(*client_columns(Client)).where(App.id == bindparam("id"), App.disabled_at.is_(None))
)
_SELECT_PUBLIC_REDIRECT_URIS = CompiledStatement(
    select(App.redirect_uris)
    .where(App.token_endpoint_auth_method == NO_CLIENT_SECRET, App.disabled_at.is_(None))
    # A first choice by the text of the list, so that those of all other apps need not be read.
    .where(cast(App.redirect_uris, Text).contains(bindparam("origin")))
)


@dataclass(frozen=True, slots=True)
class ClientCredentials:
    """The credentials that a request shows, by the header or in the body.

    :ivar secret: "" where none is shown.
    """

    id: str
    secret: str = field(repr=False)


def find_client(uow: UnitOfWork, id: str) -> Client | None:
    """Return the client of an id, unless it is disabled."""
    is_well_formed = 0 < len(id) <= 64 and id.isascii() and id.isprintable()
    rows = uow.execute(_SELECT_CLIENT, {"id": id}) if is_well_formed else ()
    return Client(*rows[0]) if rows else None


def may_redirect_to(app: Client, uri: str) -> bool:
    """Return whether a code may be sent there: the same text, but for the port of a native client (RFC 8252 7.3)."""
    if uri in app.redirect_uris:
        return True
    loopback_uri = _without_port(uri) if app.application_type == NATIVE_APP else None
    return loopback_uri is not None and loopback_uri in [_without_port(each) for each in app.redirect_uris]


def is_public_client_origin(uow: UnitOfWork, origin: str) -> bool:
    """Whether a public app is answered at an origin. One with a secret has no business in a page."""
    # What a browser could send, and so no pattern that would keep the database busy.
    rows = uow.execute(_SELECT_PUBLIC_REDIRECT_URIS, {"origin": origin}) if ORIGIN_PATTERN.fullmatch(origin) else ()
    return any(parse_origin(uri) == origin for (uris,) in rows for uri in uris)


def authenticate_client(
    uow: UnitOfWork, headers: Mapping[str, str], form: Mapping[str, str], *, known: Client | None, public: bool
) -> Client:
    """Return the client that makes this request (RFC 6749 2.3), by the header or by the body, whichever it uses.

    Whatever is wrong is answered alike: who asks learns neither which clients there are nor how they are registered.

    :param known: a client that was read a moment ago, and is not disabled.
    :param public: whether a client without a secret may.
    :raises InvalidClientError: it is not authenticated.
    :raises InvalidRequestError: two ways at once.
    """
    credentials = _read_credentials(headers, form)
    if credentials is None:
        raise _client_refused()
    app = known if known is not None and known.id == credentials.id else find_client(uow, credentials.id)
    # Compared for an unknown client, too, so that it is not the one that is refused sooner.
    is_secret_right = registration.verify_client_secret(app or registration.NO_CLIENT, credentials.secret)
    if app is None or not (public and not credentials.secret if app.public else is_secret_right):
        raise _client_refused()
    return app


def _client_refused() -> InvalidClientError:
    return InvalidClientError(CLIENT_REFUSED_MESSAGE, status_code=401)


def _read_credentials(headers: Mapping[str, str], form: Mapping[str, str]) -> ClientCredentials | None:
    """Return what a request shows; None where it cannot be read, or is about two clients."""
    scheme, _, credentials = headers.get("Authorization", "").partition(" ")
    body = ClientCredentials(form.get("client_id", ""), form.get("client_secret", ""))
    if not scheme:
        return body
    if body.secret:
        raise InvalidRequestError("Show the secret in the Authorization header or in the body, not in both.")
    if scheme.lower() != "basic" or len(credentials) > MAX_CREDENTIALS_CHARACTERS:
        return None
    try:
        # Both are form-encoded before they are joined (RFC 6749 2.3.1).
        id, colon, secret = base64.b64decode(credentials.strip(), validate=True).decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        return None
    header = ClientCredentials(unquote_plus(id), unquote_plus(secret))
    return header if colon and body.id in ("", header.id) else None


def _without_port(uri: str) -> tuple[str, str] | None:
    """Return an http address on loopback without its port; None for every other."""
    match = LOOPBACK_URI_PATTERN.fullmatch(uri)
    # Beyond the last port there is nothing that could be sent a code, and libraries raise where they see one.
    if match is None or int(match["port"] or 80) > MAX_PORT:
        return None
    return match["host"], match["path"] or ""
