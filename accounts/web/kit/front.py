"""Answer before Flask what is asked thousands of times: who am I, forward-auth, tokens, claims, keys, sign-in.

Routing, contexts and hooks of Flask take several times as long as such an answer. A route that is declared ``hot``
has a view that needs nothing of them: it takes the :class:`RequestState` and returns a plain response. The same view
answers in Flask, where a host app has mounted the service; so do the same functions that add headers and cookies.

The view is called once, whoever calls it. What goes wrong in it is given to Flask along with the state, and is raised
there in the place of the view: nothing is done twice, and there is one way to tell an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from flask import Flask
from werkzeug.http import HTTP_STATUS_CODES

from accounts.web.kit import headers
from accounts.web.kit.access import admit
from accounts.web.kit.answered import note_answer
from accounts.web.kit.context import EXTENSION_NAME, HANDED_STATE
from accounts.web.kit.endpoints import form_reply
from accounts.web.kit.plain_response import HeaderList, PlainResponse
from accounts.web.kit.request_state import Format, NeedsFlask, RequestState
from accounts.web.kit.routes import API_BLUEPRINT, MAIN_BLUEPRINT, Route, Routes
from accounts.web.kit.runtime import Runtime

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PLAIN_HOST = re.compile(
    r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII | re.IGNORECASE
)
"""What Werkzeug takes for a host for sure; any other is for its router to judge."""

HIDDEN_ARGUMENTS = frozenset({"format"})
"""Of a rule that is a path: see ``kit.endpoints``."""


@dataclass(frozen=True, slots=True)
class HotRoute:
    """A route that is answered here.

    :ivar rule: its rule in Flask, which is its path: it has no arguments.
    :ivar left_to_flask: names of the environ; a request with a value for one of them is not answered here.
    """

    route: Route
    method: str
    rule: str
    answer_format: Format
    left_to_flask: tuple[str, ...]

    def call_view(self, state: RequestState) -> Any:
        """Return what the view answers: a plain response, or a reply of which one is made."""
        if self.route.template:
            return form_reply(self.route, state, values={}, problem=None)
        return self.route.view(state=state)


class Front:
    """A WSGI application that answers hot routes of an app and leaves everything else to it.

    For the service by itself only: in a host app, other hooks may have to see each request.

    :param app: the app, with all its routes.
    """

    def __init__(self, app: Flask, all_routes: Iterable[Routes]) -> None:
        self._app = app
        self._wsgi_app: WSGIApplication = app.wsgi_app
        self._hot_routes = _find_hot_routes(app, all_routes)
        self._own_hooks = _count_hooks(app)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        hot_route = self._hot_routes.get((environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")))
        if hot_route is not None and self._is_plain(environ, hot_route):
            state = RequestState(cast(Runtime, self._app.extensions[EXTENSION_NAME]), environ)
            response = _answer(hot_route, state)
            if response is not None:
                status, header_list, body = response
                start_response(f"{status} {HTTP_STATUS_CODES[status].upper()}", header_list)
                note_answer(state, hot_route.method, hot_route.rule, status)
                return (body,)
            # One request has one id, and one look at who asks, whoever answers it in the end.
            environ[HANDED_STATE] = state
        return self._wsgi_app(environ, start_response)

    def _is_plain(self, environ: WSGIEnvironment, hot_route: HotRoute) -> bool:
        """Return whether Flask itself would have nothing to say about a request before its view is called."""
        return (
            not any(environ.get(name) for name in hot_route.left_to_flask)
            and PLAIN_HOST.fullmatch(environ.get("HTTP_HOST", "")) is not None
            and self._app.config["TRUSTED_HOSTS"] is None
            and _count_hooks(self._app) == self._own_hooks
        )


def _find_hot_routes(app: Flask, all_routes: Iterable[Routes]) -> dict[tuple[str, str], HotRoute]:
    blueprints: tuple[tuple[str, Format], ...] = ((MAIN_BLUEPRINT, "html"), (API_BLUEPRINT, "json"))
    found = [
        _hot_route(route, rule.rule, answer_format)
        for routes in all_routes
        for route in routes.declared
        if route.hot
        for blueprint, answer_format in blueprints
        # Of a form, only its page.
        if answer_format in ({"html"} if route.template else route.formats)
        for rule in app.url_map.iter_rules(f"{blueprint}.{route.name}{'_form' if route.template else ''}")
        if rule.arguments <= HIDDEN_ARGUMENTS
    ]
    return {(hot_route.method, hot_route.rule): hot_route for hot_route in found}


def _hot_route(route: Route, rule: str, answer_format: Format) -> HotRoute:
    if route.template:
        return HotRoute(route, "GET", rule, answer_format, ("QUERY_STRING", "SCRIPT_NAME"))
    # JSON refuses what a query says that nobody declared; other protocols ignore what they do not know.
    return HotRoute(route, route.method, rule, answer_format, ("QUERY_STRING",) if answer_format == "json" else ())


def _count_hooks(app: Flask) -> int:
    # Whoever puts a hook on the app wants it to see each request.
    return (
        len(app.before_request_funcs.get(None, ()))
        + len(app.after_request_funcs.get(None, ()))
        + len(app.teardown_request_funcs.get(None, ()))
        + len(app.teardown_appcontext_funcs)
    )


def _answer(hot_route: HotRoute, state: RequestState) -> tuple[int, HeaderList, bytes] | None:
    """Return status, headers and body; None where Flask is needed, or has to tell the error that the state holds."""
    try:
        state.begin(hot_route.answer_format)
        admit(state, hot_route.route.access)
        answer = hot_route.call_view(state)
        response: PlainResponse = answer if isinstance(answer, PlainResponse) else answer.plain_response(state)
        header_list = response.wsgi_headers()
        headers.settle_session(state, header_list)
        headers.add_own_headers(state, header_list)
        return response.status, header_list, response.body
    except NeedsFlask:
        return None
    except Exception as error:  # noqa: BLE001 - raised again in Flask, which has a handler for each
        state.error = error
        return None
    finally:
        state.release()
