"""A service with people, apps, invitations and history in it, so that each page has something to show."""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask
from playwright.sync_api import Browser, BrowserContext
from werkzeug.serving import make_server

from accounts import create_app
from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.models.apps import App
from accounts.extension import get_app_state
from accounts.flows.shared.accounts import find_account
from tests.apps import register_app, sign_in_to_apps
from tests.people import Person, Service
from tests.servers.smtp import SmtpSink

PEOPLE = (("anna.berg@example.org", "Anna Berg"), ("ben.okafor@example.org", "Ben Okafor"), ("chloe@example.org", ""))
GUESTS = ("lena@example.org", "omar@example.org", "priya@example.org", "tomas@example.org")
DESKTOP_AGENT = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:130.0) Gecko/20100101 Firefox/130.0"
PHONE_AGENT = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.0 Mobile/15E148 Safari/604.1"
)
ROWS = "email,name,groups\n" + "\n".join(f"pupil{number}@example.org,Pupil {number},class-7b" for number in range(12))


@dataclass
class Stage:
    """A service at a socket, and who is signed in to it."""

    service: Service
    origin: str
    admin: Person
    member: Person
    wiki: App
    ids: dict[str, str] = field(default_factory=dict)
    """Ids that paths name: ``account``, ``batch``, ``shared``, ``bulk``, ``app``, ``invite``."""

    def context(self, browser: Browser, person: Person | None, **options: object) -> BrowserContext:
        """Return a browser in which somebody is signed in; None: nobody."""
        context = browser.new_context(base_url=self.origin, **options)  # type: ignore[arg-type] # as it is documented
        if person is not None:
            name = get_app_state(self.service.app).session_cookie_name
            cookie = person.client.get_cookie(name)
            assert cookie is not None
            context.add_cookies([{"name": name, "value": cookie.value, "url": self.origin}])
        return context

    def authorize_path(self, language: str) -> str:
        """Return where the wiki sends people to sign in, and in which language it asks for."""
        query = {
            "client_id": self.wiki.id, "redirect_uri": self.wiki.redirect_uris[0], "response_type": "code",
            "scope": "openid profile email", "state": "s" * 32, "nonce": "n" * 32,
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
            "ui_locales": language or "en", "prompt": "consent",
        }  # fmt: skip
        return f"/oauth/authorize?{urlencode(query)}"


@contextmanager
def open_stage(folder: Path | None = None, **settings: str) -> Iterator[Stage]:
    """Yield a service that answers on a free port of this machine.

    :param folder: where its database is; a new one by default.
    :param settings: more of them, by name.
    """
    with tempfile.TemporaryDirectory() as made, SmtpSink() as sink:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        server = make_server("127.0.0.1", 0, Flask("nobody yet"), threaded=True)
        usual = {
            "env": "development", "instance": str(folder or made), "port": str(server.port),
            "mail_server": sink.host, "mail_port": str(sink.port), "service_name": "Example Accounts",
            "support": "help@example.org",
        }  # fmt: skip
        app = create_app(
            Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in (usual | settings).items()})
        )
        schema.upgrade(get_app_state(app).site.store)
        server.app = app
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        service = Service(app, sink)
        try:
            yield _fill(service, f"http://127.0.0.1:{server.port}")
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            service.close()


def _fill(service: Service, origin: str) -> Stage:
    admin = service.admin()
    admin.patch("/api/account", {"name": "Ada Admin"})
    members = []
    for email, name in PEOPLE:
        person = service.person(email=email)
        person.client.environ_base["HTTP_USER_AGENT"] = DESKTOP_AGENT
        person.post("/api/sign-up", {"email": email})
        data = {"token": service.link_token(email, "activate"), "password": person.password, "name": name}
        assert person.post("/api/l/activate", data).status_code == 201
        members.append(person)
    anna = members[0]
    phone = service.person(email=anna.email)
    phone.client.environ_base["HTTP_USER_AGENT"] = PHONE_AGENT
    phone.sign_in(remember=True)
    wiki = register_app(service, "Wiki", contact="wiki@example.org").app
    register_app(service, "Notes", trusted=True)
    sign_in_to_apps(service, anna, wiki)
    for guest in GUESTS:
        assert admin.post("/api/admin/invites", {"email": guest, "groups": ["staff"]}).status_code == 202
    invites = admin.get("/api/admin/invites").get_json()["invites"]
    admin.post(f"/api/admin/invites/{invites[0]['id']}/revoke")
    batch = admin.post("/api/admin/invites/batches", {"name": "Class 7b", "people": ROWS}).get_json()
    shared = admin.post("/api/admin/invites/shared", {"title": "Workshop", "places": 30, "days": 7}).get_json()
    bulk = admin.post("/api/admin/accounts/bulk", {"act": "sign-out", "who": [members[1].email]}).get_json()
    service.deliver()
    ids = {
        "account": find_account(service.uow(), anna.email).id, "batch": batch["id"], "shared": shared["id"],
        "bulk": bulk["id"], "app": wiki.id, "invite": invites[1]["id"],
    }  # fmt: skip
    return Stage(service, origin, admin, anna, wiki, ids)
