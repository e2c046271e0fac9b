"""Headers of every answer of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec

from flask import Response
from werkzeug.datastructures import Headers

from accounts.web.kit import context
from accounts.web.kit.cookies import add_session_cookies
from accounts.web.kit.notices import drop_shown_notice
from accounts.web.kit.plain_response import HeaderList, add_vary, set_header
from accounts.web.kit.request_state import RequestState

P = ParamSpec("P")
REQUEST_ID_HEADER = "X-Request-ID"
CONTENT_SECURITY_POLICY = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
}
CSP_WITH_ANY_FORM_TARGET = {"Content-Security-Policy": CONTENT_SECURITY_POLICY.replace("form-action 'self'; ", "")}
"""For a page whose one form is an app's answer: the app may lead on from there to any origin of its own."""


LETTER_POLICY = {
    "Content-Security-Policy": (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
"""For an email that is shown as a page of its own: styled as in a mail program, and nothing in it can do anything."""


def csp_with_form_target(source: str) -> dict[str, str]:
    """Headers of a page with a form that leads to another origin. Chromium looks at where it is redirected, too.

    :param source: the origin, or the scheme of an app on the device with its colon.
    """
    return {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace(
            "form-action 'self'", f"form-action 'self' {source}"
        )
    }


def no_store(response: Response) -> Response:
    """Have nobody keep this response (RFC 9111 5.2.2.5)."""
    response.headers["Cache-Control"] = "no-store"
    return response


def cache_publicly(max_age: timedelta) -> Callable[[Callable[P, Response]], Callable[P, Response]]:
    """Decorate a view: whoever has its response may keep it and hand it to others (RFC 9111 5.2.2.9)."""

    def decorate(view: Callable[P, Response]) -> Callable[P, Response]:
        @functools.wraps(view)
        def cached(*args: P.args, **kwargs: P.kwargs) -> Response:
            response = view(*args, **kwargs)
            response.headers["Cache-Control"] = f"public, max-age={int(max_age.total_seconds())}"
            return response

        return cached

    return decorate


@functools.cache
def _fixed_headers(secure: bool) -> tuple[tuple[str, tuple[str, str]], ...]:
    fixed = {**SECURITY_HEADERS, "Cache-Control": "no-store"}
    if secure:
        fixed["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    return tuple((name.lower(), (name, value)) for name, value in fixed.items())


def add_own_headers(state: RequestState, headers: HeaderList) -> None:
    """Add what every answer of ours has, but for what this one says otherwise."""
    present = {name.lower() for name, _ in headers}
    headers += [pair for name, pair in _fixed_headers(state.site.settings.secure) if name not in present]
    headers.append((REQUEST_ID_HEADER, state.request_id))
    drop_shown_notice(state, headers)
    if state.timing is not None:
        headers.append(("Server-Timing", state.timing.header()))


def settle_session(state: RequestState, headers: HeaderList) -> None:
    """Write the session's cookie, and keep shared caches away, where the session was looked at."""
    if state.session_loaded:
        add_vary(headers, "Cookie")
        add_session_cookies(state, headers)
        set_header(headers, "Cache-Control", "no-store")


def add_security_headers(response: Response) -> Response:
    """Do in Flask what :func:`add_own_headers` does, once for a response."""
    if REQUEST_ID_HEADER in response.headers:
        return response  # by the blueprint of the view; now it is the turn of the whole app
    return _change_headers(response, context.state(), add_own_headers)


def save_session(response: Response) -> Response:
    """Do in Flask what :func:`settle_session` does, for every answer of the app."""
    state = context.existing_state()
    if state is None or not state.session_loaded:
        return response
    return _change_headers(response, state, settle_session)


def _change_headers(
    response: Response, state: RequestState, change: Callable[[RequestState, HeaderList], None]
) -> Response:
    header_list = response.headers.to_wsgi_list()
    change(state, header_list)
    response.headers = Headers(header_list)
    return response
