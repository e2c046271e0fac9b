"""What one app was given by ``Accounts.init_app``: the house, and what its pages need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from accounts.core.security.redirects import local_path
from accounts.core.site import Site
from accounts.web.kit.language import Languages
from accounts.web.kit.templates import Pages

if TYPE_CHECKING:
    from accounts.web.kit.routes import Room

MAIN, API, LINKS = "accounts", "accounts_api", "accounts_link"
"""Names of the blueprints: pages, JSON, and the prefix of the link doors."""
IN_LANGUAGE = "_in_language"
"""What the name of a blueprint ends in where a language stands in front of its addresses."""
SIGN_IN = f"{MAIN}.sign_in_form"
CONFIRM = f"{MAIN}.confirm_form"


class ShownMailbox(Protocol):
    """The development mailbox, as its page needs it."""

    @property
    def messages(self) -> Sequence[Any]: ...


@dataclass(kw_only=True)
class Runtime:
    """State of one app. Two apps in one process have two."""

    house: Site
    languages: Languages
    pages: Pages
    session_cookie: str
    rooms: Sequence[Room] = ()
    mailbox: ShownMailbox | None = None

    def link_cookie(self, purpose: str) -> str:
        """The cookie that holds an opened link of one purpose.

        ``__Host-`` rather than a path of its own: only this very host can set it, so that no neighbour under the
        same domain can plant a link, and the language of the page may change under way.
        """
        return f"{'__Host-' if self.house.settings.secure else ''}link-{purpose}"

    def ask_to_confirm(self) -> str:
        """The page that asks for a fresh proof; a browser comes back from it to where it wanted to go."""
        return url_for(CONFIRM, next=local_path(request.full_path.rstrip("?")))

    def device_cookie(self) -> str:
        """The cookie by which a device is known."""
        return f"{'__Host-' if self.house.settings.secure else ''}device"

    def ask_to_sign_in(self) -> Response:
        """Send a browser to the sign-in page; it comes back to where it wanted to go."""
        wanted = local_path(request.full_path.rstrip("?")) if request.method in ("GET", "HEAD") else None
        return redirect(url_for(SIGN_IN, next=wanted) if wanted else url_for(SIGN_IN), 303)
