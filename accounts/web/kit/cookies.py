"""Cookies: the session's, and the one that holds an opened link."""

from __future__ import annotations

from flask import Response
from werkzeug.http import dump_cookie

from accounts.core.clock import now
from accounts.flows.sessions import session as sessions
from accounts.flows.sign_in import devices
from accounts.flows.sign_in.devices import KnownDevice
from accounts.web.kit import context
from accounts.web.kit.plain_response import HeaderList
from accounts.web.kit.request_state import RequestState

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


def add_session_cookies(state: RequestState, headers: HeaderList) -> None:
    """Write the session's cookie when it is new, gone, or has not been seen for a while."""
    if not state.session_changed and state.account is not None and state.session is not None:
        refreshed = sessions.refresh_session(state.session)
        if refreshed is not None:
            state.session, state.session_changed = refreshed, True
    if not state.session_changed:
        return
    name = state.runtime.session_cookie_name
    if state.session is None:
        headers.append(deleted_cookie_header(state, name))
        return
    session, signer = state.session, state.site.signer
    age = min(session.expires_at, session.idle_expires_at) - now() if session.remember else None
    seconds = int(age.total_seconds()) if age else None
    headers.append(cookie_header(state, name, signer.sign(sessions.SESSION, session), seconds))
    if session.account_id and (session.account_id, session.epoch) not in (known := known_device(state)).epochs:
        device = signer.sign(devices.DEVICE, known.with_account(session.account_id, session.epoch))
        device_cookie = host_cookie_name(DEVICE_COOKIE, secure=state.site.settings.secure)
        headers.append(cookie_header(state, device_cookie, device, devices.DEVICE_COOKIE_SECONDS))


def known_device(state: RequestState) -> KnownDevice:
    """Return which accounts have signed in on this device before."""
    cookie = state.cookie(host_cookie_name(DEVICE_COOKIE, secure=state.site.settings.secure))
    return state.site.signer.read(devices.DEVICE, cookie) or KnownDevice()


def cookie_header(state: RequestState, name: str, value: str, seconds: int | None) -> tuple[str, str]:
    """Return the header of a cookie that only this host and no script can read.

    :param seconds: None: until the browser is closed.
    """
    secure = state.site.settings.secure
    return "Set-Cookie", dump_cookie(name, value, max_age=seconds, secure=secure, httponly=True, samesite="Lax")


def deleted_cookie_header(state: RequestState, name: str) -> tuple[str, str]:
    """Return the header that removes a cookie."""
    secure = state.site.settings.secure
    return "Set-Cookie", dump_cookie(name, expires=0, max_age=0, secure=secure, httponly=True, samesite="Lax")


def set_cookie(response: Response, name: str, value: str, seconds: int | None) -> None:
    """Set such a cookie with a response. ``seconds`` None: until the browser is closed."""
    response.headers.add(*cookie_header(context.state(), name, value, seconds))


def delete_cookie(response: Response, name: str) -> None:
    """Remove a cookie with a response."""
    response.headers.add(*deleted_cookie_header(context.state(), name))
