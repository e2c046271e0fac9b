"""Cookies: the session's, and the one that holds an opened link."""

from __future__ import annotations

from flask import Response, request

from accounts.core.clock import now
from accounts.flows.sessions import session as sessions
from accounts.flows.sign_in import devices
from accounts.flows.sign_in.devices import KnownDevice
from accounts.web.kit import context

LINK_COOKIE_SECONDS = 15 * 60
DEVICE_COOKIE = "device"


def host_cookie_name(name: str, *, secure: bool) -> str:
    """Return ``__Host-<name>`` (RFC 6265bis 4.1.3.2), which only this very host can set; on plain http ``<name>``.

    No neighbour under the same domain can plant such a cookie.
    """
    return f"__Host-{name}" if secure else name


def cookie_name(name: str) -> str:
    """Return what a cookie of the service is called at its own origin."""
    return host_cookie_name(name, secure=context.site().settings.secure)


def link_cookie_name(purpose: str) -> str:
    """Return the name of the cookie that holds an opened link of one kind.

    It has no path of its own: the language of the page may change under way.
    """
    return cookie_name(f"link-{purpose}")


def session_cookie_name(secure: bool, app_cookie_name: str) -> str:
    """Return the name of our session's cookie.

    :param app_cookie_name: name of the session cookie of the host app, which must stay its own.
    """
    name = host_cookie_name("session", secure=secure)
    return name if name != app_cookie_name else host_cookie_name("accounts-session", secure=secure)


def write_session_cookies(response: Response) -> None:
    """Write the session's cookie when it is new, gone, or has not been seen for a while."""
    state = context.state()
    if not state.session_changed and state.account is not None and state.session is not None:
        refreshed = sessions.refresh_session(state.session)
        if refreshed is not None:
            state.session, state.session_changed = refreshed, True
    if not state.session_changed:
        return
    name = state.runtime.session_cookie_name
    if state.session is None:
        delete_cookie(response, name)
        return
    session = state.session
    age = min(session.expires_at, session.idle_expires_at) - now() if session.remember else None
    set_cookie(
        response,
        name,
        state.runtime.site.signer.sign(sessions.SESSION, session),
        int(age.total_seconds()) if age else None,
    )
    if session.account_id and session.account_id not in device_account_ids():
        device = state.runtime.site.signer.sign(devices.DEVICE, _known_device().with_account(session.account_id))
        set_cookie(response, cookie_name(DEVICE_COOKIE), device, devices.DEVICE_COOKIE_SECONDS)


def device_account_ids() -> tuple[str, ...]:
    """Return the ids of the accounts that have signed in on this device before."""
    return _known_device().account_ids


def _known_device() -> KnownDevice:
    cookie = request.cookies.get(cookie_name(DEVICE_COOKIE), "")
    return context.site().signer.read(devices.DEVICE, cookie) or KnownDevice()


def set_cookie(response: Response, name: str, value: str, seconds: int | None) -> None:
    """Set a cookie that only this host and no script can read. ``seconds`` None: until the browser is closed."""
    response.set_cookie(
        name,
        value,
        max_age=seconds,
        secure=context.site().settings.secure,
        httponly=True,
        samesite="Lax",
        path="/",
    )


def delete_cookie(response: Response, name: str) -> None:
    """Remove a cookie."""
    response.delete_cookie(name, secure=context.site().settings.secure, httponly=True, samesite="Lax", path="/")
