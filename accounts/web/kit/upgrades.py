"""Ignore offers to speak WebSocket, which nothing of ours does.

A proxy that asks about a WebSocket (forward-auth) hands its ``Upgrade`` header on. Werkzeug's router would look for a
WebSocket at our addresses, find none, and answer 400. A server may ignore the offer (RFC 9110 7.8), and we do: the
request is answered as any other. Addresses of a host app are its own matter; it may have WebSockets there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from accounts.web.kit.assets import ASSET_ENDPOINT
from accounts.web.kit.routes import API_BLUEPRINT, LINK_BLUEPRINT, MAIN_BLUEPRINT

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

OFFERED_UPGRADE = "accounts.offered_upgrade"
"""In the environ: what the header said that was taken away."""


class UpgradeIgnored:
    """A WSGI application that takes the offer of a WebSocket out of requests to our addresses.

    :param app: the app with our routes.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._wsgi_app: WSGIApplication = app.wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
            plain = {name: value for name, value in environ.items() if name != "HTTP_UPGRADE"}
            if _is_ours(self._app, plain):
                environ[OFFERED_UPGRADE] = environ.pop("HTTP_UPGRADE")
        return self._wsgi_app(environ, start_response)


def wants_websocket(environ: Mapping[str, Any]) -> bool:
    """Return whether a request is to become a WebSocket (RFC 6455 4.1), or a proxy asks about one that is.

    There are proxies that keep ``Upgrade`` to themselves, and hand on the rest.
    """
    offered = environ.get(OFFERED_UPGRADE) or environ.get("HTTP_UPGRADE", "")
    return offered.lower() == "websocket" or "HTTP_SEC_WEBSOCKET_KEY" in environ


def _is_ours(app: Flask, environ: dict[str, Any]) -> bool:
    urls = app.create_url_adapter(app.request_class(environ))
    if urls is None:
        return False
    try:
        try:
            rule, _ = urls.match(return_rule=True)
        except MethodNotAllowed as refused:
            rule, _ = urls.match(method=next(iter(refused.valid_methods or ())), return_rule=True)
    except HTTPException:
        return False
    name = str(rule.endpoint).partition(".")[0]
    return name in (MAIN_BLUEPRINT, API_BLUEPRINT, ASSET_ENDPOINT) or name.startswith(f"{LINK_BLUEPRINT}_")
