"""Requests that a foreign page makes in somebody's name: refused twice over.

The browser's own word (Fetch Metadata, Origin), and a token that only pages of this session hold.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from accounts.core.errors import CsrfFailed
from accounts.flows.sessions.csrf_token import check_csrf_token
from accounts.web.kit import context
from accounts.web.kit.forms import CSRF_FIELD

CSRF_HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def check_origin() -> None:
    """Check that no other site made this request.

    :raises CsrfFailed: the browser says that one did.
    """
    if request.method in SAFE_METHODS:
        return
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if fetch_site is not None:
        if fetch_site not in ("same-origin", "none"):
            raise CsrfFailed(f"Sec-Fetch-Site {fetch_site[:20]!r}")
        return
    # Without Fetch Metadata "null" says nothing: browsers also send it for a page with no-referrer.
    origin = request.headers.get("Origin", "null")
    if origin != "null" and origin.lower() not in (context.site().settings.public_origin, _own_origin()):
        raise CsrfFailed("foreign Origin")


def check_token(*, csrf_required: bool) -> None:
    """Check the CSRF token of this request.

    A form always needs one. JSON needs one where a live session lends its authority (``csrf_required``); elsewhere
    there is nothing for a foreign page to use, and a foreign page cannot send application/json unasked.

    :raises CsrfFailed: the token is missing, or of another session.
    """
    if request.method in SAFE_METHODS:
        return
    if context.state().format == "json":
        session = context.load_session() if csrf_required else None
        if session is None or context.load_account() is None:
            return
        check_csrf_token(context.site(), session, request.headers.get(CSRF_HEADER, ""))
        return
    session = context.load_session()
    if session is None:
        raise CsrfFailed("no session")
    check_csrf_token(context.site(), session, request.form.get(CSRF_FIELD, ""))


def csrf_token() -> str:
    """Return the token for a form of this answer; a visitor without a session gets one."""
    return context.state().csrf_token()


def _own_origin() -> str:
    parts = urlsplit(request.host_url)
    return f"{parts.scheme}://{parts.netloc}".lower()
