"""Headers of every answer of ours."""

from __future__ import annotations

from flask import Response

from accounts.web.kit import context
from accounts.web.kit.cookies import write_cookies

POLICY = "; ".join(  # noqa: FLY002 - one directive a line
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
FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Content-Security-Policy": POLICY,
}
FORMS_LEAD_ANYWHERE = {"Content-Security-Policy": POLICY.replace("form-action 'self'; ", "")}
"""For a page whose one form is an app's answer: the app may lead on from there to any origin of its own."""


def policy_with_forms_to(origin: str) -> dict[str, str]:
    """Headers of a page with a form that leads to another origin. Chromium looks at where it is redirected, too."""
    return {"Content-Security-Policy": POLICY.replace("form-action 'self'", f"form-action 'self' {origin}")}


def secure(response: Response) -> Response:
    """Headers for an answer of one of our views, but for those that it has set itself."""
    there = set(response.headers.keys(lower=True))
    if "x-request-id" in there:
        return response  # by the door; now it is the turn of the whole app
    state = context.bound()
    due = {**FIXED, "X-Request-ID": state.request_id, "Cache-Control": "no-store"}
    if state.runtime.house.settings.secure:
        due["Strict-Transport-Security"] = "max-age=63072000; includeSubDomains"
    # Not by setdefault, which looks through all of them for each.
    response.headers.extend((name, value) for name, value in due.items() if name.lower() not in there)
    return response


def settle_session(response: Response) -> Response:
    """For every answer of the app: write the session's cookie, and keep shared caches away where it was looked at."""
    state = context.peek()
    if state is None or not state.session_read:
        return response
    response.vary.add("Cookie")
    response.headers["Cache-Control"] = "no-store"
    write_cookies(response)
    return response
