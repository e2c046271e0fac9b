"""The state of the request that Flask answers now, and what it holds, for views and templates."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast, overload

from flask import Flask, current_app, g, has_request_context, request
from werkzeug.local import LocalProxy

from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.web.kit.access import admit
from accounts.web.kit.request_state import RequestState
from accounts.web.kit.routes import Access
from accounts.web.kit.runtime import Runtime

EXTENSION_NAME = "accounts"
HANDED_STATE = "accounts.state"
"""Where the environ has the state of a request that was begun before Flask was asked (``kit.front``)."""
P = ParamSpec("P")
T = TypeVar("T")


class InitAppMissing(LookupError):
    """An app was asked for accounts that has none.

    No RuntimeError, which ``bool(current_account)`` would take for no.
    """

    def __str__(self) -> str:
        return "Accounts is not set up on this app. Did you forget to call 'init_app'?"


# What Werkzeug has for whoever asks a proxy again and again: it is asked some dozen times a request.
_context_globals: Callable[[], Any] = cast(Any, g)._get_current_object


def state() -> RequestState:
    """Return the state of this context."""
    try:
        return cast(RequestState, _context_globals()._accounts)
    except AttributeError:
        g._accounts = created = _handed_state() or RequestState(_app_runtime())
        return created


def _handed_state() -> RequestState | None:
    handed = request.environ.get(HANDED_STATE) if has_request_context() else None
    # Another app may be asked something while this request is answered: its context has a state of its own.
    return handed if handed is not None and handed.runtime is _app_runtime() else None


def existing_state() -> RequestState | None:
    """Return the state of this context, if anything of ours ran in it; None otherwise."""
    return cast("RequestState | None", _context_globals().get("_accounts"))


def _app_runtime() -> Runtime:
    return cast(Runtime, get_extension_state(current_app))


def runtime() -> Runtime:
    """Return what this app was given by ``Accounts.init_app``.

    :raises InitAppMissing: nothing was.
    """
    return state().runtime


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
    return state().site


def uow() -> UnitOfWork:
    """Return the unit of work of this context."""
    return state().uow


def load_session() -> Session | None:
    """Return the session in the cookie, verified; of a signed-in account or of a visitor."""
    return state().load_session()


def set_session(session: Session | None) -> None:
    """Have the answer write (or remove) the session's cookie."""
    state().set_session(session)


def ensure_session() -> Session:
    """Return the session that binds a form to this browser; a visitor gets one with the first form."""
    return state().ensure_session()


def load_account() -> CurrentAccount | None:
    """Return who is signed in: one SQL statement on first use, none where the cookie names nobody."""
    return state().load_account()


def set_account(account: CurrentAccount) -> None:
    """Have the answer write the cookie of a session whose account is known: nobody asks the store again."""
    state().set_account(account)


def forget_account() -> None:
    """Ask the store again who is signed in: this request has changed it."""
    state().account_loaded = False


def require_account(group: str | None = None) -> CurrentAccount:
    """Return who is signed in.

    :raises NotSignedIn: nobody is.
    :raises Forbidden: not a member of ``group``.
    """
    return state().require_account(group)


def get_language() -> str:
    """Return the language of the answer."""
    return state().get_language()


def set_language(locale: str) -> None:
    """Answer in this language, unless the address names another."""
    state().set_language(locale)


current_account: CurrentAccount = cast(CurrentAccount, LocalProxy(load_account))
"""Who is signed in; false where nobody is. For the views of a host app, too."""


@overload
def login_required(view: Callable[P, T], /) -> Callable[P, T]: ...


@overload
def login_required(*, group: str) -> Callable[[Callable[P, T]], Callable[P, T]]: ...


def login_required(view: Callable[P, T] | None = None, /, *, group: str | None = None) -> Any:
    """Let only signed-in people into a view of a host app: ``@login_required``, ``@login_required(group="staff")``.

    A browser is sent to sign in and comes back; JSON gets 401. Who is not in ``group`` gets 403. Where there are
    terms, whoever has not accepted those of today is asked first: JSON gets 403, ``terms_required``.
    """
    access = Access(group=group or "")

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
            admit(state(), access)
            return cast(T, current_app.ensure_sync(view)(*args, **kwargs))

        return guarded

    return decorate if view is None else decorate(view)


def keep_language(locale: str) -> None:
    """Answer in this language, and have the pages that the answer leads to do so, too.

    Where the browser would be answered in another one, the addresses in this answer have the language in front.
    """
    request_state = state()
    request_state.set_language(locale)
    negotiated = request_state.accepted_language() or request_state.runtime.languages.default
    if request_state.chosen_format != "json" and request_state.language == locale != negotiated:
        request_state.prefix = locale


def release(error: BaseException | None = None) -> None:
    """Teardown: give back what this context opened."""
    request_state = existing_state()
    if request_state is not None:
        request_state.release()
