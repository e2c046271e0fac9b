"""A service under test and its people: accounts are made by walking the flows, links are read out of mails."""

from __future__ import annotations

import re
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts import Accounts, Settings, create_app
from accounts.core.audit.log import RequestInfo
from accounts.core.ids import new_id
from accounts.core.link_kinds.parts import Subject
from accounts.core.security.passwords import Passwords
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.extension import AppState, get_app_state
from accounts.flows.account import sign_up
from accounts.flows.helpdesk.first_admin import first_admin_url
from tests.kit.statements import Statements, record_statements
from tests.servers.lent import LentStore
from tests.servers.received import Received, find_link
from tests.servers.smtp import SmtpSink

PASSWORD = "correct horse battery staple"
OTHER_PASSWORD = "seven purple umbrellas dancing"
_numbers = count(1)
_networks = count(1)


def make_email(name: str = "person") -> str:
    """An address that no other test uses."""
    return f"{name}{next(_numbers)}@example.org"


@dataclass
class Person:
    """Somebody with a browser of their own that speaks JSON, and with a network address of their own."""

    client: FlaskClient
    email: str = field(default_factory=make_email)
    password: str = PASSWORD
    network: str = field(default_factory=lambda: f"10.{(n := next(_networks)) >> 16 & 255}.{n >> 8 & 255}.{n & 255}")
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)
    """By the session's cookie: the token of the newest session seen."""

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._request("GET", path, **options)

    def post(self, path: str, data: Any = None, **options: Any) -> TestResponse:
        return self._request("POST", path, json={} if data is None else data, **options)

    def patch(self, path: str, data: Any) -> TestResponse:
        return self._request("PATCH", path, json=data)

    def delete(self, path: str) -> TestResponse:
        return self._request("DELETE", path)

    def sign_in(self, **extra: Any) -> TestResponse:
        return self.post("/api/sign-in", {"email": self.email, "password": self.password, **extra})

    @property
    def signed_in(self) -> bool:
        return self.get("/api/account").status_code == 200

    def csrf_token(self) -> str:
        """The CSRF token of the session of this browser, asked for once a session; a visitor gets one with it."""
        session = self._session()
        if session is None or session not in self._tokens:
            token = str(self.get("/api/csrf").get_json()["csrf_token"])
            session = self._session()
            if session is None:
                return token
            self._tokens = {session: token}
        return self._tokens[session]

    def _session(self) -> str | None:
        cookie = self.client.get_cookie(get_app_state(self.client.application).session_cookie_name)
        return cookie.value if cookie else None

    def _request(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = dict(options.pop("headers", {}))
        if method != "GET" and "X-CSRF-Token" not in headers:
            headers["X-CSRF-Token"] = self.csrf_token()
        return self.client.open(
            path, method=method, headers=headers, environ_base={"REMOTE_ADDR": self.network}, **options
        )


@dataclass
class Service:
    """A running house with a real store and a real mail server."""

    app: Flask
    sink: SmtpSink
    _uows: list[UnitOfWork] = field(default_factory=list)

    @property
    def state(self) -> AppState:
        return get_app_state(self.app)

    @property
    def site(self) -> Site:
        return self.state.site

    def uow(self, request_info: RequestInfo | None = None) -> UnitOfWork:
        """A unit of work of the operator unless somebody else asks; closed with the service at the latest."""
        self._uows.append(UnitOfWork(self.site, request_info))
        return self._uows[-1]

    @property
    def terms_version(self) -> str:
        """The version of the terms that whoever gets an account accepts; "" where there are none."""
        return self.site.settings.terms_version or ""

    def close(self) -> None:
        """Give every connection back: the garbage collector would roll it back in the midst of another test."""
        self.close_uows()
        self.site.store.close()

    def close_uows(self) -> None:
        """Give back the connections of all units of work so far, which nobody uses any more."""
        while self._uows:
            self._uows.pop().close()

    def person(self, **attributes: Any) -> Person:
        """Somebody who has no account yet."""
        return Person(self.app.test_client(), **attributes)

    def member_by_mail(self, name: str = "member", **attributes: Any) -> Person:
        """Somebody who signed up, took the link out of the mail and activated; signed in."""
        person = self.person(email=make_email(name), **attributes)
        assert person.post("/api/sign-up", {"email": person.email}).status_code == 202
        return self._activate(person, self.link_token(person.email, "activate"), name)

    def member(self, name: str = "member", **attributes: Any) -> Person:
        """The same, whose link did not go by mail: for the many tests that need an account and no sign-up."""
        person = self.person(email=make_email(name), **attributes)
        uow = self.uow()
        with uow:
            carried = sign_up.ActivationPayload(id=new_id(), locale=uow.request_info.locale, next="")
            url = uow.link_url(sign_up.ACTIVATE, Subject(person.email, None), carried)
        return self._activate(person, token_of_url(url), name)

    def _activate(self, person: Person, token: str, name: str) -> Person:
        data = {"token": token, "password": person.password, "name": name.title(), "terms": self.terms_version}
        assert person.post("/api/l/activate", data).status_code == 201
        return person

    def admin(self) -> Person:
        """The first admin (of a fresh service), signed in."""
        url = first_admin_url(self.uow())
        assert url is not None
        person = self.person(email=make_email("admin"))
        data = {"token": token_of_url(url), "email": person.email, "password": person.password, "name": "Admin"}
        data["terms"] = self.terms_version
        assert person.post("/api/l/invite", data).status_code == 201
        return person

    def deliver(self) -> int:
        """Let the mail worker deliver whatever is due; how many intents it took."""
        return self.state.make_worker().deliver_all()

    def mails_to(self, to: str) -> list[Received]:
        """Mails that one address has received so far, oldest first."""
        self.deliver()
        return [mail for mail in self.sink.messages if to in mail.recipients]

    def link_url(self, to: str, purpose: str) -> str:
        """The link of one purpose in the newest mail to an address that has one."""
        for mail in reversed(self.mails_to(to)):
            if url := find_link(mail.message, purpose):
                return url
        raise AssertionError(f"no {purpose} link was mailed to {to}")

    def link_token(self, to: str, purpose: str) -> str:
        """The token of that link."""
        return token_of_url(self.link_url(to, purpose))

    def record_statements(self) -> AbstractContextManager[Statements]:
        """SQL statements that run meanwhile."""
        return record_statements(self.site.store.engine)


class AppPool:
    """Apps to lend. Making one takes a quarter of a second, nearly all of it for routes; those stay. What is hung on
    an app for one installation, :class:`accounts.extension.State`, is made anew for every borrower, but for the
    engine. Its passwords are hashed cheaply; an app made by ``create_app`` alone pays the full price.
    """

    def __init__(self) -> None:
        self._idle: defaultdict[int, list[Flask]] = defaultdict(list)

    def acquire(self, settings: Settings) -> Flask:
        """An app that serves with these settings and that nobody else has now."""
        idle = self._idle[settings.trusted_proxies]
        app = idle.pop() if idle else create_app(settings)
        state = Accounts(settings=settings).attach_state(app, LentStore(settings.database_url))
        site = state.site
        site.passwords = Passwords(
            foreign_secrets=site.passwords.foreign_secrets, memory_kib=8, passes=1, meters=site.meters
        )
        return app

    def release(self, app: Flask) -> None:
        """May be lent to the next one."""
        site = get_app_state(app).site
        assert isinstance(site.store, LentStore)
        site.store.give_back()
        self._idle[site.settings.trusted_proxies].append(app)


APP_POOL = AppPool()
"""Of the whole process, not of one run of tests: mutation testing forks a run for every mutant."""


def token_of_url(url: str) -> str:
    """The token of a mailed link."""
    match = re.search(r"/l/[a-z-]+/([^/]+)/go$", url)
    assert match is not None, url
    return match.group(1)
