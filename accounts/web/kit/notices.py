"""Carry a notice from the act to the page that shows it, in a signed cookie that is shown once."""

from __future__ import annotations

from accounts.flows.sessions.notice import NOTICE, NOTICE_TTL, Notice
from accounts.web.kit.cookies import cookie_header, deleted_cookie_header, host_cookie_name
from accounts.web.kit.plain_response import HeaderList
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import Route

NOTICE_COOKIE = "notice"


class UndeclaredNotice(LookupError):
    """Raised where a view gives a notice that its route does not declare, or none where one is declared."""


def choose_notice(route: Route, given: Notice | None) -> Notice | None:
    """Return what the page that follows a POST tells.

    :param given: what the view says; without it the route's own, where it has but one, or none where the page that
        follows may say it already.
    :raises UndeclaredNotice: the route declares others, or several.
    """
    declared = route.notices
    if not declared:
        if given is not None:
            raise UndeclaredNotice(f"{route.name}: {given.text!r}")
        return None
    if given is None:
        if route.may_go_onward:
            return None
        if len(declared) > 1 or not isinstance(declared[0], str):
            raise UndeclaredNotice(f"{route.name} says nothing of what it has done")
        return Notice(declared[0])
    if given.message.text not in declared:
        raise UndeclaredNotice(f"{route.name}: {given.text!r}")
    return given


def take_notice(state: RequestState) -> Notice | None:
    """Return what this page tells of the act before it; once taken, the answer removes the cookie."""
    if state.notice is None and state.own_view:
        cookie = state.cookie(_cookie_name(state))
        if cookie:
            state.notice, state.notice_shown = state.site.signer.read(NOTICE, cookie), True
    return state.notice


def notice_header(state: RequestState, notice: Notice) -> tuple[str, str]:
    """Return the header that hands a notice to the next page."""
    signed = state.site.signer.sign(NOTICE, notice)
    return cookie_header(state, _cookie_name(state), signed, int(NOTICE_TTL.total_seconds()))


def drop_shown_notice(state: RequestState, headers: HeaderList) -> None:
    """Remove the cookie of a notice that this answer shows."""
    if state.notice_shown:
        headers.append(deleted_cookie_header(state, _cookie_name(state)))


def _cookie_name(state: RequestState) -> str:
    return host_cookie_name(NOTICE_COOKIE, secure=state.site.settings.secure)
