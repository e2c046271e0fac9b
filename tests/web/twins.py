"""The same installation twice: hot routes of one are answered before Flask, all of the other in Flask."""

from __future__ import annotations

import json
import random
import secrets
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import request_started
from sqlalchemy import select
from time_machine import Traveller
from werkzeug.test import EnvironBuilder, run_wsgi_app

from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import App
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import RateLimit
from accounts.core.models.forward_auth import AppOrigin
from accounts.flows.forward_auth import HOST_SESSION, ForwardSession, HostSession
from accounts.flows.oidc import registration, registration_form, tokens
from accounts.flows.oidc.signing_keys import SigningKeys
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import Session
from tests.people import Service
from tests.web.endpoints import HTTPS

WIKI_ORIGIN, PAGE_ORIGIN = "https://wiki.example.org", "https://page.example.org"
CHALLENGE = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
"""Of a verifier that nobody shows: a code with it cannot be redeemed."""


@dataclass(frozen=True)
class Ask:
    """A request.

    :ivar by_front: whether it is answered before Flask.
    """

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    by_front: bool = True
    method: str = "GET"
    form: Sequence[tuple[str, str]] | None = None
    body: bytes = b""
    content_type: str | None = None
    environ: Mapping[str, Any] = field(default_factory=dict)

    def build_environ(self) -> dict[str, Any]:
        """A new environ, as a server makes it."""
        path, _, query = self.path.partition("?")
        text = "&".join(f"{name}={value}" for name, value in self.form) if self.form is not None else ""
        builder = EnvironBuilder(
            path=path,
            query_string=query,
            method=self.method,
            base_url=HTTPS,
            headers=[*self.headers.items()],
            data=text.encode() or self.body or None,
            content_type=self.content_type or ("application/x-www-form-urlencoded" if self.form else None),
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        )
        return builder.get_environ() | dict(self.environ)


@dataclass(frozen=True)
class Told:
    """What somebody was answered, and what stands in the database then."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes
    audit: list[Any]
    limits: list[Any]


class Twins:
    """Two services on copies of one database, in which there is one account and one app."""

    def __init__(self, make_service: Callable[..., Service], folder: Path, **changes: Any) -> None:
        options: dict[str, Any] = {"env": "production", "public_origin": HTTPS, "trusted_proxies": 1, **changes}
        self.by_front = make_service(**options)
        self._fill(self.by_front)
        copy = _copy_database(self.by_front, folder / "copy.db")
        self.by_flask = make_service(options={}, **options | {"database_url": copy})
        # Whoever has a hook of their own sees every request in Flask.
        self.by_flask.app.before_request(lambda: None)
        self.site = self.by_front.site
        self._acts = 0

    def _fill(self, service: Service) -> None:
        form = {
            "name": "Wiki",
            "redirect_uris": [f"{WIKI_ORIGIN}/cb"],
            "scopes": ["profile", "email", "offline_access"],
            "trusted": True,
        }
        page = {"name": "Page", "redirect_uris": [f"{PAGE_ORIGIN}/cb"], "token_endpoint_auth_method": "none"}
        register = registration_form.RegisterAppForm.model_validate
        wiki = registration.register_app(service.uow(), register(form))
        registration.register_app(service.uow(), register(page))
        self.app_id, self.secret = wiki.app.id, str(wiki.secret)
        with service.uow() as uow:
            email = "ada@example.org"
            account = Account(email=email, email_key=email, name="Ada Lovelåce", locale="en", status="active")
            uow.session.add(account)
            uow.session.flush()
            uow.session.add(Membership(account_id=account.id, group="staff"))
            for origin in (HTTPS, WIKI_ORIGIN):
                uow.session.add(AppOrigin(origin=origin, app_id=self.app_id))
            self.account_id, self.epoch = account.id, account.auth_epoch
            uow.session.get(App, self.app_id)
        self.session = self.make_session()
        service.site.get(SigningKeys).public_jwks()

    def make_session(self, **changes: Any) -> Session:
        """A session of the account."""
        return sessions.create_session(self.account_id, self.epoch, amr=("pwd",), **changes)

    def cookie(self, session: Session | None = None) -> dict[str, str]:
        """The header of a session's cookie."""
        return {"Cookie": f"__Host-session={self.site.signer.sign(sessions.SESSION, session or self.session)}"}

    def host_cookie(self, origin: str = WIKI_ORIGIN) -> dict[str, str]:
        """The headers of a request to the app's host, with its cookie."""
        host_session = HostSession(ForwardSession.from_session(self.session), origin)
        signed = self.site.signer.sign(HOST_SESSION, host_session)
        proxied = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": WIKI_ORIGIN.removeprefix("https://")}
        return {"Cookie": f"__Host-forward-visit={signed}", **proxied}

    def basic(self, secret: str | None = None) -> dict[str, str]:
        """The credentials of the app."""
        pair = f"{self.app_id}:{secret or self.secret}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}

    def code(self, **changes: Any) -> str:
        """A code for the app."""
        fields: dict[str, Any] = {
            "account_id": self.account_id,
            "epoch": self.epoch,
            "session_id": self.session.id,
            "session_ends": int(self.session.expires_at.timestamp()),
            "auth_time": self.session.auth_time,
            "amr": self.session.amr,
            "app_id": self.app_id,
            "redirect_uri": "",
            "challenge": "",
            "nonce": "",
            "scope": ("openid", "profile", "email", "offline_access"),
            "claims": {},
            "acr": False,
        }
        return self.site.signer.sign(tokens.AUTHORIZATION_CODE, tokens.AuthorizationCode(**fields | changes))

    def ask(self, ask: Ask, patch: pytest.MonkeyPatch) -> Told:
        """Ask both, and return what both said.

        :raises AssertionError: they did not say the same, or another one than expected said it.
        """
        with _count_requests(self.by_front) as counted:
            self._acts += 1
            front = _tell(self.by_front, ask, patch, self._acts)
        assert (not counted) == ask.by_front, f"answered in Flask: {bool(counted)}"
        flask = _tell(self.by_flask, ask, patch, self._acts)
        assert front.status == flask.status
        assert sorted(front.headers) == sorted(flask.headers)
        assert front == Told(flask.status, front.headers, flask.body, flask.audit, flask.limits)
        return front

    def ask_all(self, table: Mapping[str, Ask], patch: pytest.MonkeyPatch) -> dict[str, str]:
        """Ask both for each of a table, and return the status of each, which both said."""
        statuses = {}
        for name, ask in table.items():
            try:
                statuses[name] = self.ask(ask, patch).status[:3]
            except AssertionError as error:
                error.add_note(f"in: {name}")
                raise
        return statuses

    def act(self, act: Callable[[Service], object], patch: pytest.MonkeyPatch) -> None:
        """Do the same in both."""
        self._acts += 1
        for service in (self.by_front, self.by_flask):
            with patch.context() as patched:
                _fix_random(patched, self._acts)
                act(service)

    def redeem(self, patch: pytest.MonkeyPatch, code: str) -> dict[str, Any]:
        """The tokens for a code."""
        told = self.ask(token_ask(self, grant_type="authorization_code", code=code), patch)
        assert told.status == "200 OK", told.body
        answered: dict[str, Any] = json.loads(told.body)
        return answered


@pytest.fixture(name="twins")
def make_twins(make_service: Callable[..., Service], tmp_path: Path, stopped_clock: Traveller) -> Twins:
    """Both of them, on a clock that stands still."""
    return Twins(make_service, tmp_path)


def token_ask(twins: Twins, path: str = "/oauth/token", **form: str) -> Ask:
    """A request of the app."""
    return Ask(path, twins.basic(), method="POST", form=list(form.items()))


def _tell(service: Service, ask: Ask, patch: pytest.MonkeyPatch, seed: int) -> Told:
    with patch.context() as patched:
        _fix_random(patched, seed)
        body, status, headers = run_wsgi_app(service.app, ask.build_environ())
        content = b"".join(body)
    with service.uow() as uow:
        audit, limits = (
            [tuple(row) for row in uow.session.execute(select(*table.__table__.columns).order_by(*order))]
            for table, order in ((AuditRow, [AuditRow.at, AuditRow.id]), (RateLimit, [RateLimit.key]))
        )
    return Told(status, list(headers), content, audit, limits)


def _fix_random(patch: pytest.MonkeyPatch, seed: int) -> None:
    """Have both draw the same ids."""
    numbers = random.Random(seed)
    patch.setattr(secrets, "token_hex", lambda size: numbers.randbytes(size).hex())
    patch.setattr(secrets, "token_urlsafe", lambda size: f"a{numbers.randbytes(size).hex()}"[: size * 4 // 3])


def _copy_database(service: Service, path: Path) -> str:
    database = service.site.settings.database_url.removeprefix("sqlite:///")
    source, target = sqlite3.connect(database), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return f"sqlite:///{path}"


@contextmanager
def _count_requests(service: Service) -> Iterator[list[None]]:
    """One for each request that Flask sees meanwhile."""
    counted: list[None] = []

    def count(sender: object, **extra: Any) -> None:
        counted.append(None)

    with request_started.connected_to(count, service.app):
        yield counted
