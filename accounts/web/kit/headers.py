"""Headers of every answer of ours."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec

from flask import Response

from accounts.web.kit import context
from accounts.web.kit.cookies import write_session_cookies

P = ParamSpec("P")
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


def csp_with_form_target(origin: str) -> dict[str, str]:
    """Headers of a page with a form that leads to another origin. Chromium looks at where it is redirected, too."""
    return {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY.replace(
            "form-action 'self'", f"form-action 'self' {origin}"
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


def add_security_headers(response: Response) -> Response:
    """Headers for an answer of one of our views, but for those that it has set itself."""
    present = set(response.headers.keys(lower=True))
    if "x-request-id" in present:
        return response  # by the door; now it is the turn of the whole app
    state = context.state()
    missing = {**SECURITY_HEADERS, "X-Request-ID": state.request_id, "Cache-Control": "no-store"}
    if state.runtime.site.settings.secure:
        missing["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    # Not by setdefault, which looks through all of them for each.
    response.headers.extend((name, value) for name, value in missing.items() if name.lower() not in present)
    return response


def save_session(response: Response) -> Response:
    """For every answer of the app: write the session's cookie, and keep shared caches away where it was looked at."""
    state = context.existing_state()
    if state is None or not state.session_loaded:
        return response
    response.vary.add("Cookie")
    write_session_cookies(response)
    return no_store(response)
