"""Make the requests of ``bench/timing.py``, and measure their CPU: of this thread and of the one that hashes."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.test import EnvironBuilder

from accounts.core.link_kinds.parts import Subject
from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.flows.account.reset_password import RESET
from harness.timing_store import OWN_PASSWORD, REDIRECT_URI, TimedService

LONG_PASSWORD = "x" * 300
SHORT_PASSWORD = "seven purple umbrellas dancing"
PAGE, JSON = "page", "JSON"
Environ = dict[str, Any]


@dataclass(frozen=True)
class Browser:
    """A session: its cookies, and the token of its forms."""

    cookie: str = ""
    csrf_token: str = ""


@dataclass(frozen=True)
class Endpoint:
    """A request that names an address.

    :ivar build: makes its environ.
    :ivar knows_addresses: whether an address of nobody can be named: a link about an account cannot.
    """

    name: str
    format: str
    build: Callable[[str], Environ]
    knows_addresses: bool = True


class Client:
    """Makes requests of a service in this thread, and measures them."""

    def __init__(self, service: TimedService) -> None:
        self.service = service
        self._hash_clocks: list[tuple[threading.Thread, int]] = []
        self.visitor = self._open_session()
        self.admin = self._sign_in(service.admin)
        self._hash_clocks = [
            (thread, time.pthread_getcpuclockid(thread.ident or 0))
            for thread in threading.enumerate()
            if thread.name.startswith("accounts-hash")
        ]
        assert self._hash_clocks, "signing in has begun the thread that hashes"

    def measure(self, environ: Environ) -> tuple[float, int]:
        """Return the milliseconds of CPU that a request takes, and the status of the answer."""
        statuses: list[str] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None
        ) -> Callable[..., None]:
            statuses.append(status)
            return lambda data: None

        began = self._cpu_seconds()
        answer = self.service.app(environ, start_response)
        for _ in answer:
            pass
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return (self._cpu_seconds() - began) * 1000, int(statuses[0][:3])

    def endpoints(self) -> list[Endpoint]:
        """Return what is measured: nine endpoints, as pages and as JSON where there are both."""
        forms: dict[str, tuple[str, Browser, Mapping[str, str]]] = {
            "sign in": ("/sign-in", self.visitor, {"password": SHORT_PASSWORD}),
            "sign up": ("/sign-up", self.visitor, {}),
            "forgotten password": ("/forgot-password", self.visitor, {}),
            "sign in by mail": ("/sign-in/mail", self.visitor, {}),
            "change of address": ("/account/email", self.admin, {}),
            "invitation": ("/admin/invites", self.admin, {}),
        }
        found = [
            Endpoint(name, answer_format, self._form_builder(path, browser, data, answer_format))
            for name, (path, browser, data) in forms.items()
            for answer_format in (PAGE, JSON)
        ]
        tokens = self._reset_tokens()
        found += [
            Endpoint("fresh link", answer_format, self._again_builder(tokens, answer_format), knows_addresses=False)
            for answer_format in (PAGE, JSON)
        ]
        found.append(Endpoint("sign-in page with an address", PAGE, lambda email: self._get("/sign-in", email=email)))
        found.append(Endpoint("authorization with login_hint", PAGE, self._authorize))
        return found

    def sign_in(self, email: str, password: str, answer_format: str) -> Environ:
        """Return a request to sign in."""
        return self._form_builder("/sign-in", self.visitor, {"password": password}, answer_format)(email)

    def _form_builder(
        self, path: str, browser: Browser, data: Mapping[str, str], answer_format: str
    ) -> Callable[[str], Environ]:
        def build(email: str) -> Environ:
            return self._post(path, browser, {"email": email, **data}, answer_format)

        return build

    def _again_builder(self, tokens: Mapping[str, str], answer_format: str) -> Callable[[str], Environ]:
        def build(email: str) -> Environ:
            if answer_format == JSON:
                return self._post("/l/reset-password/again", self.visitor, {"token": tokens[email]}, answer_format)
            cookie = f"{self.visitor.cookie}; link-reset-password={tokens[email]}"
            browser = Browser(cookie, self.visitor.csrf_token)
            return self._post("/l/reset-password/again", browser, {}, answer_format)

        return build

    def _reset_tokens(self) -> dict[str, str]:
        """Return a link to set a new password for every account."""
        with UnitOfWork(self.service.site) as uow:
            return {
                account.email: self.service.site.link_signer.sign(RESET, Subject(account.id, account))
                for account in uow.session.query(Account)
            }

    def _authorize(self, email: str) -> Environ:
        return self._get(
            "/oauth/authorize",
            client_id=self.service.client_id,
            redirect_uri=REDIRECT_URI,
            response_type="code",
            scope="openid",
            state="s" * 16,
            nonce="n" * 16,
            code_challenge="c" * 43,
            code_challenge_method="S256",
            login_hint=email,
        )

    def _get(self, path: str, **query: str) -> Environ:
        return EnvironBuilder(
            path, query_string=urlencode(query), headers=[("Cookie", self.visitor.cookie)]
        ).get_environ()

    def _post(self, path: str, browser: Browser, data: Mapping[str, str], answer_format: str) -> Environ:
        headers = [("Cookie", browser.cookie), ("X-CSRF-Token", browser.csrf_token)]
        if answer_format == JSON:
            builder = EnvironBuilder(f"/api{path}", method="POST", headers=headers, json=dict(data))
        else:
            form = {**data, "csrf_token": browser.csrf_token}
            builder = EnvironBuilder(path, method="POST", headers=headers, data=form)
        return builder.get_environ()

    def _open_session(self) -> Browser:
        client = self.service.app.test_client()
        page = client.get("/sign-in").get_data(as_text=True)
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        cookie = client.get_cookie("session")
        assert found is not None
        assert cookie is not None
        return Browser(f"session={cookie.value}", found[1])

    def _sign_in(self, email: str) -> Browser:
        client = self.service.app.test_client()
        answer = client.post("/api/sign-in", json={"email": email, "password": OWN_PASSWORD})
        assert answer.status_code == 200, answer.get_data(as_text=True)
        cookie = client.get_cookie("session")
        assert cookie is not None
        token = json.loads(client.get("/api/csrf").get_data(as_text=True))["csrf_token"]
        return Browser(f"session={cookie.value}", token)

    def _cpu_seconds(self) -> float:
        # A clock of a thread that has ended cannot be read; such a one is of a service that was closed.
        clocks = (clock for thread, clock in self._hash_clocks if thread.is_alive())
        return time.thread_time() + sum(map(time.clock_gettime, clocks))
