"""A service, and two issuers that it may believe: another installation of it, and a liar. All over HTTP on loopback.

They are told apart by host as well as by port, because cookies do not know ports.
"""

from __future__ import annotations

import html
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

import pytest
import requests

from accounts import Settings, create_app
from accounts.core.security.passwords import Passwords
from accounts.extension import get_app_state
from accounts.flows.oidc import registration, registration_form
from tests.conftest import KEY
from tests.kit.http_browser import HttpBrowser
from tests.people import Person, Service
from tests.servers.smtp import SmtpSink
from tests.upstream.issuers import Liar, listening, lying

REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


@dataclass
class World:
    """The service under test (``here``), the other installation (``there``), and the liar."""

    here: Service
    there: Service
    origin: str
    there_origin: str
    liar: Liar

    def browser(self) -> Browser:
        return Browser(self)


class Browser(HttpBrowser["Browser"]):
    """Somebody at a browser without scripts, which follows redirects and what a page says to go on to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.http = requests.Session()
        self.http.trust_env = False
        self.url = world.origin

    def open(self, url: str, data: Mapping[str, str] | None = None, *, onward: bool = True) -> Browser:
        self._request(urljoin(self.world.origin, url), data)
        target = REFRESH.search(self.response.text)
        return self.open(html.unescape(target[1])) if target and onward else self

    def press(self, action: str, *, onward: bool = True, **filled: str) -> Browser:
        """Press the button of the form that goes to an address."""
        form = self.form("csrf_token", action=action)
        return self.open(urljoin(self.url, form.action or self.url), form.values | filled, onward=onward)

    def visit_the_liar(self) -> dict[str, str]:
        """Set out for the liar from the sign-in page; what the browser is told to ask there."""
        self.open("/sign-in").press("/upstream/liar/sign-in", onward=False)
        return self.asked_there()

    def asked_there(self) -> dict[str, str]:
        """What the page that leads there has the browser ask."""
        found = REFRESH.search(self.response.text)
        assert found is not None, self.response.text
        return dict(parse_qsl(urlsplit(html.unescape(found[1])).query))

    def come_back(self, asked: dict[str, str], **data: str | None) -> Browser:
        """Come back with an answer; the code is the nonce, which the liar puts into its token."""
        usual = {"code": asked["nonce"], "state": asked["state"], "iss": self.world.liar.origin} | data
        query = urlencode({name: value for name, value in usual.items() if value is not None})
        return self.open(f"{asked['redirect_uri']}?{query}")

    def account(self) -> dict[str, Any]:
        """Who is signed in to the service under test; empty where nobody is."""
        answer = self.http.get(f"{self.world.origin}/api/account", timeout=20)
        found: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
        return found


@pytest.fixture(scope="module")
def world(sqlite_template: Path, sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with ExitStack() as stack:
        liar = stack.enter_context(lying())
        near, far = stack.enter_context(listening()), stack.enter_context(listening())
        origin, there_origin = f"http://127.0.0.1:{near.server_port}", f"http://localhost:{far.server_port}"

        def make_service(origin: str, **settings: str) -> Service:
            folder = tmp_path_factory.mktemp("service")
            shutil.copy(sqlite_template, folder / "accounts.db")
            given = {
                "ENV": "development",
                "INSTANCE": str(folder),
                "DATABASE_URL": f"sqlite:///{folder}/accounts.db",
                "SECRET_KEYS": [KEY],
                "MAIL_SERVER": sink.host,
                "MAIL_PORT": sink.port,
                "PUBLIC_ORIGIN": origin,
                **settings,
            }
            app = create_app(Settings.load({f"ACCOUNTS_{name}": value for name, value in given.items()}))
            get_app_state(app).site.passwords = Passwords(memory_kib=8, passes=1)
            stack.callback(get_app_state(app).site.store.close)
            return Service(app, sink)

        there = make_service(there_origin)
        data = {"name": "Here", "redirect_uris": [f"{origin}/upstream/office/callback"], "trusted": True}
        made = registration.register_app(
            there.uow(), registration_form.RegisterAppForm.model_validate(data | {"claims": ["email", "name"]})
        )
        work = {"ISSUER": there_origin, "CLIENT_ID": made.app.id, "CLIENT_SECRET": str(made.secret), "LABEL": "Work"}
        lies = {"ISSUER": liar.origin, "CLIENT_ID": liar.client_id}
        settings = {f"UPSTREAM_OFFICE_{name}": value for name, value in work.items()}
        here = make_service(origin, **settings, **{f"UPSTREAM_LIAR_{name}": value for name, value in lies.items()})
        near.app, far.app = here.app, there.app
        yield World(here, there, origin, there_origin, liar)


@pytest.fixture
def liar(world: World) -> Iterator[Liar]:
    """The liar, who lies for one test only."""
    yield world.liar
    fresh = Liar(key=world.liar.key)
    for name in ("claims", "metadata", "manner", "token_status", "padding", "drips"):
        setattr(world.liar, name, getattr(fresh, name))
    forget(world.here)


def forget(service: Service) -> None:
    """Have a service ask issuers anew."""
    service.site._singletons.clear()


def connected(world: World, person: Person, employee: Person) -> Browser:
    """Somebody who has connected the account that they have there to the one that they have here."""
    browser = world.browser()
    browser.open("/sign-in").sign_in_as(person.email)
    browser.open("/account/identities").press("/upstream/office/connect")
    assert browser.url.startswith(f"{world.there_origin}/sign-in"), browser.response.text
    browser.sign_in_as(employee.email)
    return browser
