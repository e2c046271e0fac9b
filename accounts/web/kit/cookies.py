"""Cookies: the session's, and the one that holds an opened link."""

from __future__ import annotations

from flask import Response, request

from accounts.core.clock import now
from accounts.flows.sessions import session as sessions
from accounts.flows.sign_in import devices
from accounts.web.kit import context

LINK_SECONDS = 15 * 60


def session_cookie_name(secure: bool, taken: str) -> str:
    """``__Host-session`` (RFC 6265bis 4.1.3.2); on plain http the same without prefix. ``taken``: the host's own."""
    start = "__Host-" if secure else ""
    return f"{start}session" if taken != f"{start}session" else f"{start}accounts-session"


def write_cookies(response: Response) -> None:
    """Write the session's cookie when it is new, gone, or has not been seen for a while."""
    state = context.bound()
    if not state.session_changed and state.account is not None and state.session is not None:
        newer = sessions.refreshed(state.session)
        if newer is not None:
            state.session, state.session_changed = newer, True
    if not state.session_changed:
        return
    name = state.runtime.session_cookie
    if state.session is None:
        drop(response, name)
        return
    kept = state.session
    age = min(kept.ends_at, kept.idle_until) - now() if kept.remember else None
    put(response, name, sessions.seal(state.runtime.house, kept), int(age.total_seconds()) if age else None)
    if kept.account_id and kept.account_id not in known_here():
        device = devices.seal(state.runtime.house, known_here(), kept.account_id)
        put(response, state.runtime.device_cookie(), device, devices.LIVES_SECONDS)


def known_here() -> tuple[str, ...]:
    """Ids of the accounts that have signed in on this device before."""
    runtime = context.runtime()
    return devices.read(runtime.house, request.cookies.get(runtime.device_cookie(), ""))


def put(response: Response, name: str, value: str, seconds: int | None) -> None:
    """Set a cookie that only this host and no script can read. ``seconds`` None: until the browser is closed."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        secure=context.house().settings.secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def drop(response: Response, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(name, secure=context.house().settings.secure, httponly=True, samesite="Lax", path="/")
