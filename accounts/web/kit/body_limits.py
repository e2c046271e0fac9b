"""Say how large the body of a request may be, before anything of it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.exceptions import HTTPException

from accounts.web.kit.request_state import MAX_BODY_BYTES
from accounts.web.kit.routes import API_BLUEPRINT, MAIN_BLUEPRINT, Route, Routes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment


def body_limit(route: Route) -> int:
    """Return how many bytes the body of a request to a route may have."""
    return route.max_bytes or MAX_BODY_BYTES


def find_body_limit(app: Flask, all_routes: Iterable[Routes]) -> Callable[[WSGIEnvironment], int]:
    """Return what tells a server how many bytes to read of a request, by the declaration of its route.

    :param app: the service by itself.
    """
    routes = {
        f"{blueprint}.{route.name}": route
        for declared in all_routes
        for route in declared.declared
        for blueprint in (MAIN_BLUEPRINT, API_BLUEPRINT)
    }

    def limit_of(environ: WSGIEnvironment) -> int:
        adapter = app.url_map.bind("localhost")
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        try:
            endpoint, _ = adapter.match(path, environ["REQUEST_METHOD"])
        except HTTPException:
            return MAX_BODY_BYTES
        route = routes.get(endpoint)
        return body_limit(route) if route is not None else MAX_BODY_BYTES

    return limit_of
