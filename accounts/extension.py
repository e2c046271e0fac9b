"""Accounts in somebody's Flask app: ``Accounts().init_app(app)``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flask import Flask, Response
from sqlalchemy import Engine

from accounts import development, signals
from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core.database.store import Store
from accounts.core.links.link import Link
from accounts.core.mail_lanes import CALLS, MAIL_LANES, Lane
from accounts.core.site import Site, prepare_site
from accounts.delivery.brand import LetterBrand
from accounts.delivery.callbacks import CallbackSender, HttpCallbackSender
from accounts.delivery.crew import Crew
from accounts.delivery.letters import LetterError, Letters, emails_folder
from accounts.delivery.transports import Mailbox, SmtpTransport, Transport
from accounts.delivery.worker import Worker
from accounts.flows import CALLBACKS, LINKS, NOTICES, TOKENS
from accounts.host_links import HostLinks
from accounts.host_settings import load_host_settings
from accounts.web import account, check_email, email_requests, forward_auth, health, host_views, terms
from accounts.web import links as link_views
from accounts.web.admin.routes import ADMIN_ROUTES
from accounts.web.kit import answered, context, cookies, endpoints, headers
from accounts.web.kit.assets import ASSET_ENDPOINT, Assets, describe_letter_brand
from accounts.web.kit.language import Languages
from accounts.web.kit.runtime import Runtime
from accounts.web.kit.templates import Templates
from accounts.web.kit.upgrades import UpgradeIgnored
from accounts.web.routes import LAZY_ROUTES

log = logging.getLogger("accounts")
ALL_ROUTES = (
    email_requests.routes,
    check_email.routes,
    account.routes,
    forward_auth.routes,
    health.routes,
    link_views.damaged_routes,
    terms.routes,
    *ADMIN_ROUTES,
    *LAZY_ROUTES,
)


@dataclass(kw_only=True)
class AppState(Runtime):
    """The state of one app: what the pages need, and what delivers its email."""

    letters: Letters
    transport: Transport
    callback_client: CallbackSender
    stop_workers: Callable[[float], None] | None = None
    """Stops the workers of this process, where it delivers mail itself."""

    def make_worker(self, name: str = "mail", lanes: tuple[Lane, ...] = (*MAIL_LANES, CALLS)) -> Worker:
        """Return a worker that takes what the outbox of this app holds in some lanes; in all, if none are named."""
        return Worker(self.site, self.letters, self.transport, self.callback_client, name=name, lanes=lanes)


class Accounts(HostLinks):
    """Accounts as a Flask extension. One object may serve several apps; the state of each hangs on the app.

    :param settings: instead of ``ACCOUNTS_*`` in ``app.config`` and the environment.
    :param engine: the host's own SQLAlchemy engine, instead of one on ``ACCOUNTS_DATABASE_URL``; or a function that
        returns it, called by ``init_app`` in the context of the app.
    :param links: kinds of links of the host that are declared by :class:`Link`; see :meth:`link` for the short way.
    :param words: folders of letters that win over ``emails/``, with words for the host's links.
    :param url_prefix: where the pages stand, such as ``/auth``; "" is the root.
    :param template_globals: whether the host's templates get ``current_account``, ``accounts_url`` and
        ``accounts_sign_out_form``.
    :raises SettingsError: a ``url_prefix`` that does not begin with a slash.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        settings: Settings | None = None,
        engine: Engine | Callable[[], Engine] | None = None,
        links: Iterable[Link] = (),
        words: Sequence[Path] = (),
        url_prefix: str = "",
        template_globals: bool = True,
    ) -> None:
        if url_prefix and not url_prefix.startswith("/"):
            raise SettingsError(f"url_prefix is {url_prefix!r}, but must begin with a slash, such as '/auth'")
        super().__init__(links)
        self._settings = settings
        self._engine = engine
        self._words = tuple(words)
        self._url_prefix = url_prefix.rstrip("/")
        self._template_globals = template_globals
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Mount the service in an app. Connects to nothing, but for ``flask run`` in development.

        :raises SettingsError: settings, keys, links or words that may not be used.
        :raises RuntimeError: the app has accounts already.
        """
        self.mount(app)
        app.after_request(answered.note_own_answer)
        host_views.add_to_host(app, template_globals=self._template_globals)
        state = get_app_state(app)
        if state.site.settings.env == "development":
            start = development.DevelopmentStart(app, state.site, lambda: state.stop_workers or start_workers(app))
            app.before_request(start.run)
            if development.is_serving():
                start.run()

    def upgrade(self, app: Flask) -> None:
        """Bring the tables to the version of this code; the same as ``flask accounts upgrade``."""
        prepare_site(get_app_state(app).site)

    def start_workers(self, app: Flask) -> Callable[[float], None]:
        """Deliver mail in threads of this process; see :func:`start_workers`."""
        return start_workers(app)

    def mount(self, app: Flask) -> None:
        """Register our pages and JSON on an app, and nothing that only a host's own views need.

        :raises SettingsError: settings, keys, links or words that may not be used.
        :raises RuntimeError: the app has accounts already.
        """
        if context.EXTENSION_NAME in app.extensions:
            raise RuntimeError("this app has accounts already: one Accounts object an app, one init_app")
        self._is_mounted = True
        state = self.attach_state(app, self._host_store(app))
        endpoints.register_blueprints(app, ALL_ROUTES, link_views.routes, state.site.links, self._url_prefix)
        app.add_url_rule(f"{self._url_prefix}/assets/<path:name>", ASSET_ENDPOINT, _send_asset)
        app.after_request(headers.save_session)
        app.teardown_appcontext(context.release)
        app.wsgi_app = UpgradeIgnored(app)  # type: ignore[method-assign] # Flask's documented way

    def _host_store(self, app: Flask) -> Store | None:
        if self._engine is None or isinstance(self._engine, Engine):
            return Store(engine=self._engine) if self._engine is not None else None
        with app.app_context():
            return Store(engine=self._engine())

    def attach_state(self, app: Flask, store: Store | None = None) -> AppState:
        """Set up the state of one installation on an app: all that differs between two apps with the same routes.

        :param store: where its accounts are, instead of the database that the settings name.
        :raises SettingsError: settings or keys that may not be used.
        """
        for link in self._links:
            if link.purpose in NOTICES or link.purpose in CALLBACKS:
                raise SettingsError(f"a link cannot have the purpose {link.purpose}: mail of the service has it")
        settings = self._settings or load_host_settings(app)
        site = Site(settings, (*LINKS, *self._links), tokens=TOKENS, url_prefix=self._url_prefix, store=store)
        dev_mailbox = Mailbox() if settings.mail_server is None else None
        previous = app.extensions.get(context.EXTENSION_NAME)
        state = AppState(
            site=site,
            languages=Languages(settings.locale),
            assets=Assets(settings),
            templates=previous.templates if previous else Templates(app),
            session_cookie_name=cookies.session_cookie_name(settings.secure, app.config["SESSION_COOKIE_NAME"]),
            all_routes=ALL_ROUTES,
            mailbox=dev_mailbox,
            letters=self._make_letters(app, site),
            transport=dev_mailbox or SmtpTransport(settings),
            callback_client=HttpCallbackSender(settings),
        )
        app.extensions[context.EXTENSION_NAME] = state
        site.commit_listeners.append(functools.partial(signals.send_signals, app))
        return state

    def _make_letters(self, app: Flask, site: Site) -> Letters:
        missing = [folder for folder in self._words if not Path(folder).is_dir()]
        if missing:
            raise SettingsError(f"words: there is no folder {missing[0]}")
        host_folder = Path(app.root_path, app.template_folder or "", "emails")
        host_folders = [host_folder] if app.template_folder and host_folder.is_dir() else []
        folders = (*self._words, *host_folders, emails_folder())
        page_url = site.link_signer.page_url
        brand = LetterBrand(**describe_letter_brand(site.settings, page_url))
        letters = Letters(folders, site.settings.service_name, page_url(""), brand)
        if len(folders) > 1:
            try:
                letters.check_complete(link.purpose for link in self._links)
            except LetterError as error:
                raise SettingsError(f"words: {error}") from None
        return letters


def get_app_state(app: Flask) -> AppState:
    """Return what ``init_app`` has attached to an app.

    :raises InitAppMissing: it was not called.
    """
    return cast(AppState, context.get_extension_state(app))


def start_workers(app: Flask) -> Callable[[float], None]:
    """Start the threads of this process that deliver: mail, and what other apps are told.

    Call the result to stop them: it waits for what is under way, at most so many seconds.
    """
    state = get_app_state(app)
    crew = Crew(state.site, state.make_worker)
    crew.start()
    state.stop_workers = crew.stop
    return crew.stop


def _send_asset(name: str) -> Response:
    return context.runtime().assets.send(name)
