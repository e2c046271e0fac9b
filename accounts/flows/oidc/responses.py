"""The answer to an authorization request, as the person's browser carries it to the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from authlib.oauth2 import OAuth2Error

QUERY, FORM_POST = "query", "form_post"


@dataclass(frozen=True, slots=True)
class Answer:
    """Where an answer goes, and what it says. Never made for an address that is not registered."""

    redirect_uri: str
    mode: str
    says: Mapping[str, str] = field(repr=False)

    @property
    def location(self) -> str:
        """The redirect that carries it; what the registered address has in its query stays as it is."""
        return with_query(self.redirect_uri, self.says)


class Refused(Exception):
    """An authorization request that cannot be granted; the app is told."""

    def __init__(self, answer: Answer, error: OAuth2Error) -> None:
        super().__init__(str(error.error))
        self.answer = answer


def with_query(uri: str, says: Mapping[str, str]) -> str:
    """An address with more in its query. What it had stays untouched, letter by letter."""
    if not says:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(says)}"
