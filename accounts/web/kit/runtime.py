"""Hold what one app was given by ``Accounts.init_app``: the site, and what its pages need."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from accounts.core.outbox import Letter
from accounts.core.security.redirects import local_path
from accounts.core.site import Site
from accounts.web.kit.assets import Assets
from accounts.web.kit.language import Languages
from accounts.web.kit.routes import CONFIRM_ENDPOINT, SIGN_IN_ENDPOINT, Routes
from accounts.web.kit.templates import Templates


class ReadableMailbox(Protocol):
    """The development mailbox, as its page needs it."""

    @property
    def messages(self) -> Sequence[Any]:
        """The messages, newest first."""

    def clear(self) -> int:
        """Delete all messages, and return how many there were."""


class LetterComposer(Protocol):
    """The words of emails, as a page that shows one needs them."""

    def compose(self, letter: Letter, *, sender: str, message_id: str) -> Any:
        """Return the message of an email, with ``subject`` and ``html``."""


class RequestLog(Protocol):
    """The log of requests, as whoever answers them needs it."""

    def write(self, *, method: str, route: str | None, status: int, seconds: float, request_id: str) -> None:
        """Write a line about a request that was answered."""


@dataclass(kw_only=True)
class Runtime:
    """State of one app. Two apps in one process have two."""

    site: Site
    languages: Languages
    assets: Assets
    templates: Templates
    session_cookie_name: str
    letters: LetterComposer
    all_routes: Sequence[Routes] = ()
    mailbox: ReadableMailbox | None = None
    request_log: RequestLog | None = None
    """Where a line for each request goes, in the service by itself."""
    fixed_urls: dict[tuple[str, ...], str] = field(default_factory=dict)
    """Addresses that stand on pages as they are in templates, by language in front, endpoint and values."""
    kept_pages: dict[Hashable, list[bytes]] = field(default_factory=dict)
    """Pages that are the same for everybody, cut where forms have their tokens."""

    def confirm_url(self) -> str:
        """Return the page that asks for a step-up; a browser comes back from it to where it wanted to go."""
        return url_for(CONFIRM_ENDPOINT, next=local_path(request.full_path.rstrip("?")))

    def redirect_to_sign_in(self) -> Response:
        """Send a browser to the sign-in page; it comes back to where it wanted to go, or to the page of its form."""
        return self.redirect_and_return(SIGN_IN_ENDPOINT)

    def redirect_and_return(self, endpoint: str) -> Response:
        """Send a browser to a page that leads back to where it wanted to go, or to the page of its form."""
        is_safe = request.method in ("GET", "HEAD")
        next_path = local_path(request.full_path.rstrip("?")) if is_safe else self._referring_path()
        return redirect(url_for(endpoint, next=next_path) if next_path else url_for(endpoint), 303)

    def _referring_path(self) -> str | None:
        # Only of this very site: a foreign page must not choose where somebody is led after signing in.
        referrer = urlsplit(request.referrer or "")
        origin = f"{referrer.scheme}://{referrer.netloc}".lower()
        if origin not in (self.site.settings.public_origin, request.host_url.rstrip("/").lower()):
            return None
        return local_path(referrer.path + (f"?{referrer.query}" if referrer.query else ""))
