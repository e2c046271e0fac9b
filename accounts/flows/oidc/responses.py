"""Build the answer to an authorization request, as the user's browser brings it to the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error

QUERY, FORM_POST = "query", "form_post"


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """Where an answer goes, and what it says. Never made for an address that is not registered."""

    redirect_uri: str
    response_mode: str
    params: Mapping[str, str] = field(repr=False)

    @property
    def location(self) -> str:
        """Return the redirect with the answer; what the registered address has in its query stays as it is."""
        return add_query(self.redirect_uri, self.params)


class AuthorizationRefused(Exception):
    """Raised for an authorization request that cannot be granted; the client is told."""

    def __init__(self, response: AuthorizationResponse, error: OAuth2Error) -> None:
        super().__init__(str(error.error))
        self.response = response


def error_parameters(error: OAuth2Error) -> dict[str, str]:
    """Return what an app is told of an error (RFC 6749 5.2)."""
    return {name: str(value) for name, value in error.get_body()}


def add_query(uri: str, params: Mapping[str, str]) -> str:
    """Return an address with more in its query. What it had stays untouched."""
    if not params:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(params)}"
