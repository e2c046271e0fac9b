"""The service by itself: an empty Flask app with ``Accounts`` in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Request, request
from flask.sessions import SessionInterface, SessionMixin
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wrappers import Response

from accounts.config import Settings
from accounts.config_sources import ENV_PREFIX
from accounts.extension import Accounts, get_app_state
from accounts.web.kit import answered, context, errors, headers
from accounts.web.kit.front import Front
from accounts.web.kit.lazy_rule import LazyRule


class _NullSessionInterface(SessionInterface):
    """Flask's own session is not used here: ours is opened by whoever asks for it, and by nobody else."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        return None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        pass  # there is nothing to save; see above


def create_app(settings: Settings | Mapping[str, Any] | None = None, **options: Any) -> Flask:
    """Return the whole service as a WSGI app. Connects to nothing.

    :param settings: instead of ``ACCOUNTS_*`` in the environment; a mapping has the same names, and may have names of
        Flask's configuration.
    :param options: what else :class:`accounts.Accounts` takes.
    :raises SettingsError: settings or keys that may not be used.
    """
    config: Mapping[str, Any] = {}
    if not isinstance(settings, Settings):
        # An empty mapping is one, too: it says that nothing is set.
        config = {} if settings is None else settings
        settings = Settings.load(settings)
    app = Flask("accounts", static_folder=None, template_folder=None)
    app.session_interface = _NullSessionInterface()
    app.url_rule_class = LazyRule
    # Its redirects would be made from the Host header, and no address of ours has two slashes.
    app.url_map.merge_slashes = False
    app.config.from_mapping({name: value for name, value in config.items() if not name.startswith(ENV_PREFIX)})
    app.config["SESSION_COOKIE_NAME"] = "unused"
    Accounts(settings=settings, **options).mount(app)
    state = get_app_state(app)
    ring = state.site.ring
    app.secret_key, *fallbacks = [key.secret for key in ring.newest_first()]
    app.config["SECRET_KEY_FALLBACKS"] = fallbacks
    errors.register_error_handlers(app)
    app.before_request(_begin)
    app.after_request(answered.note_any_answer)
    app.after_request(headers.add_security_headers)
    app.wsgi_app = Front(app, state.all_routes)  # type: ignore[method-assign] # Flask's documented way
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        # Not the host: links and redirects come from ACCOUNTS_PUBLIC_ORIGIN alone.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=0)  # type: ignore[method-assign] # Flask's documented way
    return app


def _begin() -> None:
    state = context.state()  # its clock runs from now on
    # Addresses that are nobody's have no blueprint that could say how to speak.
    if request.url_rule is None and request.path.startswith("/api/"):
        state.format = "json"
