"""The state of one request: who asks, how the answer is spoken, the unit of work that it is answered in.

Made of the WSGI environ, so that a request can be answered before Flask looks at it (:mod:`accounts.web.kit.front`).
Everything is made on first use. A page that does not ask for an account opens no connection.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from typing import Any, Literal

from flask import Request, has_request_context, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.sansio.http import parse_cookie
from werkzeug.wrappers import Request as BaseRequest

from accounts.core.audit.log import RequestInfo
from accounts.core.errors import Forbidden, NotSignedIn
from accounts.core.security import throttle
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.csrf_token import make_csrf_token
from accounts.flows.sessions.notice import Notice
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.web.kit import user_agent
from accounts.web.kit.runtime import Runtime
from accounts.web.kit.timing import Timing, start_timing

Format = Literal["html", "json"]
client_network = lru_cache(maxsize=4096)(throttle.client_network)
describe_user_agent = lru_cache(maxsize=256)(user_agent.describe_user_agent)
MAX_BODY_BYTES, MAX_FORM_PARTS = 64 * 1024, 20
log = logging.getLogger("accounts.web")


class NeedsFlask(Exception):
    """Raised where only Flask can go on, before it was asked: the view is called again there."""


def limit_request_size(request: BaseRequest) -> None:
    """Refuse to read more of a request than any form of ours has."""
    request.max_content_length = request.max_form_memory_size = MAX_BODY_BYTES
    request.max_form_parts = MAX_FORM_PARTS


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


@dataclass(slots=True, eq=False)
class RequestState:
    """The state of one request (or of one context without a request: CLI, worker)."""

    runtime: Runtime
    wsgi_environ: Mapping[str, Any] | None = None
    """The environ of the request; None until there is one."""
    chosen_format: Format | None = None
    """What this request is answered in; None until it is known."""
    own_view: bool = False
    """Whether one of our views answers, not one of a host app."""
    purpose: str = ""
    prefix: str = ""
    """Language prefix of the address, "" or such as "de"."""
    language: str = ""
    request_id: str = field(default_factory=lambda: secrets.token_hex(8))
    started: float = field(default_factory=perf_counter)
    """When this began, in seconds of the performance counter."""
    timing: Timing | None = None
    """What the request has taken so far, where that is measured: in development."""
    unit_of_work: UnitOfWork | None = None
    """The unit of work, once one was asked for."""
    session: Session | None = None
    session_loaded: bool = False
    session_changed: bool = False
    account: CurrentAccount | None = None
    account_loaded: bool = False
    store_failed: bool = False
    """Whether the store has failed this request: then nobody asks it again for what is only shown beside."""
    notice: Notice | None = None
    """What the page of this request tells of an act."""
    notice_shown: bool = False
    """Whether it came with a cookie, which has served then."""
    error: Exception | None = None
    """What the view of this request has raised already, before Flask was asked."""
    _request: BaseRequest | None = None
    _cookies: Mapping[str, str] | None = None

    @property
    def site(self) -> Site:
        """The installation."""
        return self.runtime.site

    @property
    def environ(self) -> Mapping[str, Any]:
        """The WSGI environ; empty where no request is answered."""
        if self.wsgi_environ is None and has_request_context():
            self.wsgi_environ = request.environ
        return self.wsgi_environ or {}

    @property
    def format(self) -> Format:
        """What this request is answered in: by the address of a view of ours, as was asked for elsewhere."""
        if self.chosen_format is None:
            self.chosen_format = negotiate_format() if has_request_context() and request.url_rule else "html"
        return self.chosen_format

    @format.setter  # noqa: A003 - the property of that name, not the builtin
    def format(self, chosen: Format) -> None:
        self.chosen_format = chosen

    @property
    def request(self) -> BaseRequest:
        """The request with its query and body: Flask's, or one like it where Flask is not asked.

        :raises RuntimeError: no request is answered.
        """
        if self._request is None:
            if has_request_context():
                return request
            self._request = Request(dict(self.environ))
            limit_request_size(self._request)
        return self._request

    @property
    def args(self) -> Mapping[str, str]:
        """The query, of each name the first value."""
        return self.request.args if self.environ.get("QUERY_STRING") else {}

    def begin(self, answer_format: Format) -> None:
        """Begin to answer by a view of ours, in a format."""
        self.own_view, self.chosen_format = True, answer_format
        if self.site.settings.env == "development":
            self.timing = start_timing()

    def header(self, name: str) -> str:
        """Return a header of the request; "" where it is missing.

        :param name: as the environ has it: ``USER_AGENT``.
        """
        return str(self.environ.get(f"HTTP_{name}", ""))

    def cookie(self, name: str) -> str:
        """Return a cookie of the request; "" where it is missing."""
        if self._cookies is None:
            self._cookies = parse_cookie(self.header("COOKIE"))
        return self._cookies.get(name, "")

    @property
    def uow(self) -> UnitOfWork:
        """The unit of work of this request."""
        if self.unit_of_work is None:
            self.unit_of_work = UnitOfWork(self.site, self._request_info)
        return self.unit_of_work

    def release(self) -> None:
        """Give back what was opened, whatever happened. Never commits, never raises, may run twice."""
        if self.unit_of_work is None:
            return
        # Each knows the other: what is a circle stays in memory until the garbage collector looks for it.
        unit_of_work, self.unit_of_work = self.unit_of_work, None
        try:
            unit_of_work.close()
        except Exception:  # noqa: BLE001 - a connection that died cannot be given back; the answer is out already
            log.warning("the store went away before its connection was given back")

    def load_session(self) -> Session | None:
        """Return the session in the cookie, verified; of a signed-in account or of a visitor."""
        if not self.session_loaded:
            self.session_loaded = True
            cookie = self.cookie(self.runtime.session_cookie_name)
            self.session = self.site.signer.read(sessions.SESSION, cookie) if cookie else None
        return self.session

    def set_session(self, session: Session | None) -> None:
        """Have the answer write (or remove) the session's cookie."""
        self.session, self.session_loaded, self.session_changed = session, True, True
        self.account, self.account_loaded = None, False

    def ensure_session(self) -> Session:
        """Return the session that binds a form to this browser; a visitor gets one with the first form."""
        session = self.load_session()
        if session is None:
            session = sessions.create_visitor_session()
            self.set_session(session)
        return session

    def csrf_token(self) -> str:
        """Return the token for a form of this answer; a visitor without a session gets one."""
        return make_csrf_token(self.site, self.ensure_session())

    def load_account(self) -> CurrentAccount | None:
        """Return who is signed in: one SQL statement on first use, none where the cookie names nobody."""
        if not self.account_loaded:
            session = self.load_session()
            self._keep_account(
                sessions.find_current_account(self.uow, session) if session and session.account_id else None
            )
        return self.account

    @property
    def names_account(self) -> bool:
        """Whether the cookie names an account; whether that is signed in, only the store knows.

        Without a cookie nothing is looked at: what strangers get depends on none.
        """
        if not self.session_loaded and not self.cookie(self.runtime.session_cookie_name):
            return False
        session = self.load_session()
        return session is not None and bool(session.account_id)

    def find_account(self) -> CurrentAccount | None:
        """Return who is signed in, for the head of a page; None, too, where the store does not answer.

        One SQL statement where the cookie names an account that nobody has asked for yet, and none otherwise.
        """
        if not self.account_loaded and not self.store_failed and self.names_account:
            try:
                return self.load_account()
            except SQLAlchemyError as error:
                self.store_failed = True
                log.warning("store: %s; the page is shown without an account", type(error).__name__)
        return self.account

    def set_account(self, account: CurrentAccount) -> None:
        """Have the answer write the cookie of a session whose account is known: nobody asks the store again."""
        self.set_session(account.session)
        self._keep_account(account)

    def _keep_account(self, account: CurrentAccount | None) -> None:
        self.account, self.account_loaded = account, True
        if account is not None:
            self.set_language(account.locale)
            self.uow.request_info = self._request_info

    def require_account(self, group: str | None = None) -> CurrentAccount:
        """Return who is signed in.

        :raises NotSignedIn: nobody is.
        :raises Forbidden: not a member of ``group``.
        """
        account = self.load_account()
        if account is None:
            raise NotSignedIn("no live session")
        if group is not None and not account.is_in(group):
            raise Forbidden(f"not in {group}", group=group)
        return account

    def get_language(self) -> str:
        """Return the language of the answer: prefix of the address, signed-in account, Accept-Language, settings.

        The account counts only where it was asked for anyway, as each page does: choosing words is no reason to
        connect. A program that names a language in Accept-Language gets that one.
        """
        if not self.language:
            asked_by_program = self.accepted_language() if self.chosen_format == "json" else ""
            preferred = asked_by_program or (self.account.locale if self.account else "")
            self.language = self.prefix or self.runtime.languages.negotiate(preferred, self.header("ACCEPT_LANGUAGE"))
        return self.language

    def set_language(self, locale: str) -> None:
        """Answer in this language, unless the address names another, or the header of a program."""
        names_another = self.prefix or (self.chosen_format == "json" and self.accepted_language())
        if self.runtime.languages.supports(locale) and not names_another:
            self.language = locale

    def accepted_language(self) -> str:
        """Return the best language that the client asks for; "" where none of them is supported."""
        return self.runtime.languages.accepted(self.header("ACCEPT_LANGUAGE"))

    def _request_info(self) -> RequestInfo:
        if not self.environ:
            return RequestInfo(locale=self.site.settings.locale)
        return RequestInfo(
            account_id=self.account.id if self.account else None,
            network=client_network(self.environ.get("REMOTE_ADDR") or ""),
            agent=describe_user_agent(self.header("USER_AGENT")),
            request_id=self.request_id,
            locale=self.get_language(),
        )
