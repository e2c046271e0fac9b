"""What hangs on the application context: the unit of work, who is asking, how the answer is spoken.

Everything here is made on first use. A page that does not ask for an account opens no connection.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, ParamSpec, TypeVar, cast

from flask import current_app, g, has_request_context, request
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from accounts.core.audit.log import RequestInfo
from accounts.core.errors import Forbidden, NotSignedIn, Problem
from accounts.core.security.throttle import client_network
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.web.kit.user_agent import short_agent

if TYPE_CHECKING:
    from accounts.web.kit.reply import Reply
    from accounts.web.kit.runtime import Runtime

EXTENSION = "accounts"
Speech = Literal["page", "json"]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Bound:
    """The state of one request (or of one context without a request: CLI, worker)."""

    runtime: Runtime
    speaks: Speech = "page"
    purpose: str = ""
    prefix: str = ""
    """Language prefix of the address, "" or such as "de"."""
    language: str = ""
    request_id: str = field(default_factory=lambda: secrets.token_hex(8))
    uow: UnitOfWork | None = None
    session: Session | None = None
    session_read: bool = False
    session_changed: bool = False
    account: CurrentAccount | None = None
    account_read: bool = False
    refill: Callable[[Problem], Reply] | None = None
    """Shows the form of this request again, with what was typed and what is wrong with it."""


def bound() -> Bound:
    """The state of this context."""
    found = peek()
    if found is None:
        found = g._accounts = Bound(runtime())
    return found


def peek() -> Bound | None:
    """The state of this context, if anything of ours ran in it."""
    return cast("Bound | None", g.get("_accounts"))


def runtime() -> Runtime:
    """What this app was given by ``Accounts.init_app``."""
    return cast("Runtime", current_app.extensions[EXTENSION])


def house() -> Site:
    """The installation that this app serves."""
    return runtime().house


def uow() -> UnitOfWork:
    """The unit of work of this context."""
    state = bound()
    if state.uow is None:
        state.uow = UnitOfWork(state.runtime.house, _asker(state))
    return state.uow


def session() -> Session | None:
    """The session that the cookie states, verified; of a signed-in account or of a visitor."""
    state = bound()
    if not state.session_read:
        state.session_read = True
        cookie = request.cookies.get(state.runtime.session_cookie, "") if has_request_context() else ""
        state.session = sessions.read(state.runtime.house, cookie) if cookie else None
    return state.session


def set_session(new: Session | None) -> None:
    """Have the answer write (or remove) the session's cookie."""
    state = bound()
    state.session, state.session_read, state.session_changed = new, True, True
    state.account, state.account_read = None, False


def form_session() -> Session:
    """The session that binds a form to this browser; a visitor gets one with the first form."""
    found = session()
    if found is None:
        found = sessions.visit()
        set_session(found)
    return found


def account() -> CurrentAccount | None:
    """Who is signed in: one statement on first use, none where the cookie states nobody."""
    state = bound()
    if not state.account_read:
        stated = session()
        state.account = sessions.current(uow(), stated) if stated and stated.account_id else None
        state.account_read = True
        work = uow()
        if state.account is not None:
            speak(state.account.locale)
            work.request_info = replace(work.request_info, account_id=state.account.id, locale=language())
    return state.account


def forget_account() -> None:
    """Ask the store again who is signed in: this request has changed it."""
    bound().account_read = False


def signed_in(group: str | None = None) -> CurrentAccount:
    """Who is signed in.

    :raises NotSignedIn: nobody is.
    :raises Forbidden: not a member of ``group``.
    """
    found = account()
    if found is None:
        raise NotSignedIn("no live session")
    if group is not None and not found.is_in(group):
        raise Forbidden(f"not in {group}")
    return found


current_account: CurrentAccount = cast(CurrentAccount, LocalProxy(account))
"""Who is signed in; false where nobody is. For the views of a host app, too."""


def login_required(view: Callable[P, T]) -> Callable[P, T | Response]:
    """Let only signed-in people into a view of a host app; a browser is sent to sign in and comes back."""

    @functools.wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T | Response:
        if account() is None:
            return runtime().ask_to_sign_in()
        return view(*args, **kwargs)

    return guarded


def release(error: BaseException | None = None) -> None:
    """Teardown: give back what this context opened, whatever happened. Never commits, never raises, may run twice."""
    state = peek()
    if state is None or state.uow is None:
        return
    try:
        state.uow.close()
    except Exception:  # noqa: BLE001 - a connection that died cannot be given back; the answer is out already
        current_app.logger.warning("the store went away before its connection was given back")


def _asker(state: Bound) -> RequestInfo:
    settings = state.runtime.house.settings
    if not has_request_context():
        return RequestInfo(locale=settings.locale)
    return RequestInfo(
        network=client_network(request.remote_addr or ""),
        agent=short_agent(request.headers.get("User-Agent", "")),
        request_id=state.request_id,
        locale=language(),
    )


def language() -> str:
    """The language of the answer: prefix of the address, signed-in account, Accept-Language, the house's own.

    The account counts only where it was asked for anyway: choosing words is no reason to connect.
    """
    state = bound()
    if not state.language:
        state.language = state.prefix or state.runtime.languages.best(
            state.account.locale if state.account else "", request.headers.get("Accept-Language", "")
        )
    return state.language


def speak(locale: str) -> None:
    """Answer in this language, unless the address names another."""
    state = bound()
    if state.runtime.languages.speaks(locale) and not state.prefix:
        state.language = locale
