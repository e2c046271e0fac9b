"""What hangs on the application context: the unit of work, who is asking, how the answer is spoken.

Everything here is made on first use. A page that does not ask for an account opens no connection.
"""

from __future__ import annotations

import functools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal, ParamSpec, TypeVar, cast, overload

from flask import Flask, current_app, g, has_request_context, request
from werkzeug.local import LocalProxy

from accounts.core.audit.log import RequestInfo
from accounts.core.errors import Forbidden, NotSignedIn
from accounts.core.security.throttle import client_network
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.web.kit.runtime import Runtime
from accounts.web.kit.user_agent import describe_user_agent

EXTENSION_NAME = "accounts"
Format = Literal["html", "json"]
P = ParamSpec("P")
T = TypeVar("T")


class InitAppMissing(LookupError):
    """An app was asked for accounts that has none.

    No RuntimeError, which ``bool(current_account)`` would take for no.
    """

    def __str__(self) -> str:
        return "Accounts is not set up on this app. Did you forget to call 'init_app'?"


@dataclass
class RequestState:
    """The state of one request (or of one context without a request: CLI, worker)."""

    runtime: Runtime
    chosen_format: Format | None = None
    """What this request is answered in; None until it is known."""
    own_view: bool = False
    """Whether one of our views answers, not one of a host app."""
    purpose: str = ""
    prefix: str = ""
    """Language prefix of the address, "" or such as "de"."""
    language: str = ""
    request_id: str = field(default_factory=lambda: secrets.token_hex(8))
    uow: UnitOfWork | None = None
    session: Session | None = None
    session_loaded: bool = False
    session_changed: bool = False
    account: CurrentAccount | None = None
    account_loaded: bool = False

    @property
    def format(self) -> Format:
        """What this request is answered in: by the address of a view of ours, as was asked for elsewhere."""
        if self.chosen_format is None:
            self.chosen_format = negotiate_format() if has_request_context() and request.url_rule else "html"
        return self.chosen_format

    @format.setter  # noqa: A003 - the property of that name, not the builtin
    def format(self, chosen: Format) -> None:
        self.chosen_format = chosen


def negotiate_format() -> Format:
    """Return what the client prefers (RFC 9110 12.5.1): JSON or a page; a page for whoever takes both alike.

    A JSON body says what its sender reads, where the Accept header leaves it open.
    """
    accept = request.accept_mimetypes
    if not accept:
        return "json" if request.is_json else "html"
    json_quality = max(accept.quality("application/json"), accept.quality("application/problem+json"))
    html_quality = accept.quality("text/html")
    if json_quality == html_quality:
        return "json" if request.is_json else "html"
    return "json" if json_quality > html_quality else "html"


def state() -> RequestState:
    """Return the state of this context."""
    existing = existing_state()
    if existing is None:
        existing = g._accounts = RequestState(runtime())
    return existing


def existing_state() -> RequestState | None:
    """Return the state of this context, if anything of ours ran in it; None otherwise."""
    return cast("RequestState | None", g.get("_accounts"))


def runtime() -> Runtime:
    """Return what this app was given by ``Accounts.init_app``.

    :raises InitAppMissing: nothing was.
    """
    return cast("Runtime", get_extension_state(current_app))


def get_extension_state(app: Flask) -> object:
    """Return what ``Accounts.init_app`` has attached to an app.

    :raises InitAppMissing: it was not called.
    """
    try:
        return app.extensions[EXTENSION_NAME]
    except KeyError:
        raise InitAppMissing from None


def site() -> Site:
    """Return the installation that this app serves."""
    return runtime().site


def uow() -> UnitOfWork:
    """Return the unit of work of this context."""
    request_state = state()
    if request_state.uow is None:
        request_state.uow = UnitOfWork(request_state.runtime.site, _request_info(request_state))
    return request_state.uow


def load_session() -> Session | None:
    """Return the session in the cookie, verified; of a signed-in account or of a visitor."""
    request_state = state()
    if not request_state.session_loaded:
        request_state.session_loaded = True
        cookie = request.cookies.get(request_state.runtime.session_cookie_name, "") if has_request_context() else ""
        request_state.session = request_state.runtime.site.signer.read(sessions.SESSION, cookie) if cookie else None
    return request_state.session


def set_session(session: Session | None) -> None:
    """Have the answer write (or remove) the session's cookie."""
    request_state = state()
    request_state.session, request_state.session_loaded, request_state.session_changed = session, True, True
    request_state.account, request_state.account_loaded = None, False


def ensure_session() -> Session:
    """Return the session that binds a form to this browser; a visitor gets one with the first form."""
    session = load_session()
    if session is None:
        session = sessions.create_visitor_session()
        set_session(session)
    return session


def load_account() -> CurrentAccount | None:
    """Return who is signed in: one SQL statement on first use, none where the cookie names nobody."""
    request_state = state()
    if not request_state.account_loaded:
        session = load_session()
        request_state.account = (
            sessions.find_current_account(uow(), session) if session and session.account_id else None
        )
        request_state.account_loaded = True
        work = uow()
        if request_state.account is not None:
            set_language(request_state.account.locale)
            work.request_info = replace(work.request_info, account_id=request_state.account.id, locale=get_language())
    return request_state.account


def forget_account() -> None:
    """Ask the store again who is signed in: this request has changed it."""
    state().account_loaded = False


def require_account(group: str | None = None) -> CurrentAccount:
    """Who is signed in.

    :raises NotSignedIn: nobody is.
    :raises Forbidden: not a member of ``group``.
    """
    account = load_account()
    if account is None:
        raise NotSignedIn("no live session")
    if group is not None and not account.is_in(group):
        raise Forbidden(f"not in {group}")
    return account


current_account: CurrentAccount = cast(CurrentAccount, LocalProxy(load_account))
"""Who is signed in; false where nobody is. For the views of a host app, too."""


@overload
def login_required(view: Callable[P, T], /) -> Callable[P, T]: ...


@overload
def login_required(*, group: str) -> Callable[[Callable[P, T]], Callable[P, T]]: ...


def login_required(view: Callable[P, T] | None = None, /, *, group: str | None = None) -> Any:
    """Let only signed-in people into a view of a host app: ``@login_required``, ``@login_required(group="staff")``.

    A browser is sent to sign in and comes back; JSON gets 401. Who is not in ``group`` gets 403.
    """

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            require_account(group)
            return cast(T, current_app.ensure_sync(view)(*args, **kwargs))

        return guarded

    return decorate if view is None else decorate(view)


def release(error: BaseException | None = None) -> None:
    """Teardown: give back what this context opened, whatever happened. Never commits, never raises, may run twice."""
    request_state = existing_state()
    if request_state is None or request_state.uow is None:
        return
    try:
        request_state.uow.close()
    except Exception:  # noqa: BLE001 - a connection that died cannot be given back; the answer is out already
        current_app.logger.warning("the store went away before its connection was given back")


def _request_info(request_state: RequestState) -> RequestInfo:
    settings = request_state.runtime.site.settings
    if not has_request_context():
        return RequestInfo(locale=settings.locale)
    return RequestInfo(
        network=client_network(request.remote_addr or ""),
        agent=describe_user_agent(request.headers.get("User-Agent", "")),
        request_id=request_state.request_id,
        locale=get_language(),
    )


def get_language() -> str:
    """Return the language of the answer: prefix of the address, signed-in account, Accept-Language, the settings'.

    The account counts only where it was asked for anyway: choosing words is no reason to connect.
    """
    request_state = state()
    if not request_state.language:
        request_state.language = request_state.prefix or request_state.runtime.languages.negotiate(
            request_state.account.locale if request_state.account else "", request.headers.get("Accept-Language", "")
        )
    return request_state.language


def set_language(locale: str) -> None:
    """Answer in this language, unless the address names another."""
    request_state = state()
    if request_state.runtime.languages.supports(locale) and not request_state.prefix:
        request_state.language = locale
