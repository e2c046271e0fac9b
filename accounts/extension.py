"""Accounts in somebody's Flask app: ``Accounts().init_app(app)``."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask, send_from_directory, url_for
from sqlalchemy import Engine
from werkzeug.wrappers import Response

from accounts.config import ENV_PREFIX, Settings, SettingsError
from accounts.core.database.store import Store
from accounts.core.links.link import Link
from accounts.core.site import Site
from accounts.delivery.callbacks import CallbackSender, HttpCallbackSender
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.transports import Mailbox, SmtpTransport, Transport
from accounts.delivery.worker import Worker
from accounts.flows import CALLBACKS, LINKS
from accounts.web import account, connected_apps, forward_auth, health, mailbox, oidc, oidc_pages, openapi, upstream
from accounts.web import links as link_views
from accounts.web.admin import accounts, apps, audit, batches, invites, limits, links, mail
from accounts.web.kit import context, cookies, csrf, errors, forms, headers, routes, templates
from accounts.web.kit.language import LANGUAGE_NAMES, Languages
from accounts.web.kit.runtime import Runtime
from accounts.web.kit.templates import Templates

log = logging.getLogger("accounts")
ALL_ROUTES = (
    account.routes,
    connected_apps.routes,
    invites.routes,
    accounts.routes,
    mail.routes,
    links.routes,
    batches.routes,
    apps.routes,
    audit.routes,
    limits.routes,
    forward_auth.routes,
    health.routes,
    mailbox.routes,
    openapi.routes,
    oidc.routes,
    oidc_pages.routes,
    upstream.routes,
)
ASSET_MAX_AGE_SECONDS = 365 * 86400


@dataclass(kw_only=True)
class AppState(Runtime):
    """State of one app: what the pages need, and what carries its mail."""

    letters: Letters
    transport: Transport
    callback_client: CallbackSender

    def make_worker(self) -> Worker:
        """A worker that takes whatever the outbox of this app holds."""
        return Worker(self.site, self.letters, self.transport, self.callback_client)

    def make_workers(self) -> tuple[Worker, Worker]:
        """One for mail and one for calls to other apps: an app that is slow to answer must not hold up the mail."""
        args = (self.site, self.letters, self.transport, self.callback_client)
        return Worker(*args, exclude=CALLBACKS), Worker(*args, only=CALLBACKS)


class Accounts:
    """Accounts as a Flask extension. One object may serve several apps; the state of each hangs on the app.

    :param settings: instead of ``ACCOUNTS_*`` in ``app.config`` and the environment.
    :param engine: the host's own SQLAlchemy engine, instead of one on ``ACCOUNTS_DATABASE_URL``.
    :param links: kinds of links of the host, beside those of the house.
    :param words: folders of letters that win over ``emails/``, with words for the host's links.
    :param url_prefix: where the pages stand, such as ``/auth``; "" is the root.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        settings: Settings | None = None,
        engine: Engine | None = None,
        links: Iterable[Link] = (),
        words: Sequence[Path] = (),
        url_prefix: str = "",
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._links = tuple(links)
        self._words = tuple(words)
        self._url_prefix = url_prefix.rstrip("/")
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Mount the house in an app. Connects to nothing.

        :raises SettingsError: settings or keys that may not be used.
        """
        state = self.attach_state(app, Store(engine=self._engine) if self._engine is not None else None)
        routes.register_blueprints(app, ALL_ROUTES, link_views.routes, state.site.links, self._url_prefix)
        app.add_url_rule(f"{self._url_prefix}/assets/<path:name>", "accounts_asset", _send_asset)
        app.after_request(headers.save_session)
        app.teardown_appcontext(context.release)

    def attach_state(self, app: Flask, store: Store | None = None) -> AppState:
        """Hang the state of one installation on an app: all that differs between two apps with the same doors.

        :param store: where its accounts live, instead of the one that the settings name.
        :raises SettingsError: settings or keys that may not be used.
        """
        settings = self._settings or _load_settings(app)
        site = Site(settings, (*LINKS, *self._links), url_prefix=self._url_prefix, store=store)
        dev_mailbox = Mailbox() if settings.mail_server is None else None
        state = AppState(
            site=site,
            languages=Languages(settings.locale),
            templates=Templates(app.jinja_loader),
            session_cookie_name=cookies.session_cookie_name(settings.secure, app.config["SESSION_COOKIE_NAME"]),
            all_routes=ALL_ROUTES,
            mailbox=dev_mailbox,
            letters=Letters((*self._words, emails_folder()), settings.service_name, site.link_signer.page_url("")),
            transport=dev_mailbox or SmtpTransport(settings),
            callback_client=HttpCallbackSender(settings),
        )
        app.extensions[context.EXTENSION_NAME] = state
        _add_template_globals(state)
        return state


def get_app_state(app: Flask) -> AppState:
    """What ``init_app`` has hung on an app."""
    state: AppState = app.extensions[context.EXTENSION_NAME]
    return state


def start_workers(app: Flask) -> Callable[[float], None]:
    """Start the worker threads of this process: one for mail, one for what other apps are told.

    Call the result to stop them: it waits for what is under way, at most so many seconds.
    """
    stop = threading.Event()
    state = get_app_state(app)
    threads = [
        threading.Thread(target=worker.run, args=(stop,), name=name, daemon=True)
        for name, worker in zip(("accounts-mail", "accounts-calls"), state.make_workers(), strict=True)
    ]
    for thread in threads:
        thread.start()

    def stop_workers(seconds: float) -> None:
        deadline = time.monotonic() + seconds
        stop.set()
        state.site.mail_due.set()
        state.site.callbacks_due.set()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    return stop_workers


def _load_settings(app: Flask) -> Settings:
    app_settings = {name: value for name, value in app.config.items() if name.startswith(ENV_PREFIX)}
    if isinstance(app_settings.get(f"{ENV_PREFIX}SECRET_KEYS"), str):
        raise SettingsError("ACCOUNTS_SECRET_KEYS: must be a list of keys, oldest first, not one text")
    environ: dict[str, Any] = {f"{ENV_PREFIX}INSTANCE": app.instance_path, **os.environ, **app_settings}
    if not any(f"{ENV_PREFIX}SECRET_KEYS{end}" in environ for end in ("", "_FILE")) and app.secret_key:
        environ[f"{ENV_PREFIX}SECRET_KEYS"] = _host_keys(app)
    return Settings.load(environ)


def _host_keys(app: Flask) -> list[str]:
    # The host's own ring serves: Flask signs with SECRET_KEY and accepts its fallbacks.
    fallbacks = app.config.get("SECRET_KEY_FALLBACKS") or []
    if isinstance(fallbacks, str | bytes):
        raise SettingsError("SECRET_KEY_FALLBACKS must be a list of keys, not one text")
    keys = [*fallbacks, app.secret_key]
    return [key.decode("latin-1") if isinstance(key, bytes) else str(key) for key in keys]


def _add_template_globals(state: AppState) -> None:
    state.templates.add(
        globals={
            "_": errors.translate,
            "api": routes.api_url,
            "asset": _asset_url,
            "csrf_token": csrf.csrf_token,
            "current": lambda: context.state().account,
            "field_words": errors.field_message,
            "languages": LANGUAGE_NAMES,
            "language": context.get_language,
            "link_url": routes.link_url,
            "page": routes.page_url,
            "settings": state.site.settings,
            "LINK_FIELD": forms.LINK_FIELD,
            "CSRF_FIELD": forms.CSRF_FIELD,
        },
        filters={"moment": lambda at: state.languages.format_timestamp(context.get_language(), at)},
    )


def _asset_url(name: str) -> str:
    return url_for("accounts_asset", name=name, v=templates.static_fingerprint(name))


def _send_asset(name: str) -> Response:
    response = send_from_directory(templates.STATIC_FOLDER, name, max_age=ASSET_MAX_AGE_SECONDS)
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
