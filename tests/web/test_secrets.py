"""After the whole main job no password and no usable token is anywhere: not in the store, its files, or any log."""

from __future__ import annotations

import logging
import re

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from accounts.core.models.base import Base
from accounts.flows import LINKS
from accounts.flows.helpdesk.first_admin import first_admin_url
from tests.conftest import KEY, on_both_databases
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service, token_of_url
from tests.servers.received import links
from tests.web.endpoints import csrf_token
from tests.web.live_links import FORM_DATA, browser_for_link, make_link_url

WRONG = "canary of a wrong password"


class Collector:
    """What must not be found: gathered from every answer."""

    def __init__(self) -> None:
        self.secrets = {PASSWORD, OTHER_PASSWORD, WRONG, KEY}

    def seen(self, answer: TestResponse) -> TestResponse:
        for header in answer.headers.getlist("Set-Cookie"):
            value = header.partition("=")[2].partition(";")[0]
            if len(value) > 20:
                self.secrets.add(value)
        return answer


def run_everything(service: Service, collect: Collector) -> None:
    url = first_admin_url(service.uow())
    assert url is not None
    collect.secrets.add(token_of_url(url))
    admin = Collecting(service, collect)
    data = {"token": token_of_url(url), "email": admin.person.email, "password": PASSWORD}
    assert admin.post("/api/l/invite", data).status_code == 201
    for link in LINKS:
        url = make_link_url(service, link.purpose, admin.person)
        token = token_of_url(url)
        guest = Collecting(service, collect, browser_for_link(service, link.purpose, url))
        guest.get(f"/l/{link.purpose}/{token}/go")
        guest.get(f"/l/{link.purpose}")
        guest.get(f"/api/l/{link.purpose}?token={token}")
        guest.post(f"/api/l/{link.purpose}", {"token": token, "password": "short"})
        guest.post(f"/api/l/{link.purpose}", {"token": token, **FORM_DATA[link.purpose]})
        guest.post(f"/api/l/{link.purpose}", {"token": token, **FORM_DATA[link.purpose]})
        guest.get(f"/l/{link.purpose}")
        guest.post(f"/api/l/{link.purpose}/again", {"token": token})
        guest.post(f"/api/l/{link.purpose}", {"token": token[:-1] + "!", "password": WRONG})
    member = Collecting(service, collect, service.member_by_mail())
    for password in (WRONG, PASSWORD):
        member.post("/api/sign-in", {"email": member.person.email, "password": password})
    member.post("/api/account/password", {"current_password": WRONG, "password": OTHER_PASSWORD})
    member.post("/api/account/password", {"current_password": PASSWORD, "password": OTHER_PASSWORD})
    collect.secrets.add(csrf_token(member.person))
    member.post("/api/sign-in", {"email": member.person.email, "password": {"a": WRONG}})
    member.get("/account")
    member.post("/api/forgot-password", {"email": member.person.email})
    service.deliver()
    member.post("/api/sign-out", {"everywhere": True})
    # One letter that waits, and one that could not be delivered.
    member.post("/api/sign-up", {"email": "waiting@example.org"})
    service.sink.misbehave("RCPT", "550 no such user", times=1)
    try:
        service.deliver()
    finally:
        service.sink.behave()
    member.post("/api/forgot-password", {"email": member.person.email})


class Collecting:
    def __init__(self, service: Service, collect: Collector, person: Person | None = None) -> None:
        self.person = person or service.person()
        self._collect = collect

    def get(self, path: str) -> TestResponse:
        return self._collect.seen(self.person.get(path))

    def post(self, path: str, said: object) -> TestResponse:
        return self._collect.seen(self.person.post(path, said))


@on_both_databases
def test_no_secret_is_left_anywhere(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    first = len(service.sink.messages)
    collect = Collector()
    run_everything(service, collect)
    mailed = {url for mail in service.sink.messages[first:] for url in links(mail.message) if "/l/" in url}
    collect.secrets |= {token_of_url(url) for url in mailed}
    assert len(mailed) >= 5
    assert len(collect.secrets) > 15

    places = {"the log": caplog.text + "".join(str(vars(record)) for record in caplog.records)}
    engine = service.site.store.engine
    with engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            places[table.name] = "\n".join(str(tuple(row)) for row in connection.execute(select(table)))
    assert places["outbox"].count("reset-password") == 1
    assert "550" in places["outbox"]
    if engine.dialect.name == "sqlite":
        for ending in ("", "-wal"):
            with open(f"{engine.url.database}{ending}", "rb") as file:  # noqa: PTH123 - a URL's text, not a path of ours
                places[f"the file{ending}"] = file.read().decode("latin-1")
    for where, text in places.items():
        for secret in collect.secrets:
            assert secret not in text, f"{where} holds a secret"
        for hash_text in re.findall(r"\$argon2\S+", text):
            assert where == "accounts" or where.startswith("the file"), "hashes are in one column only"
            assert hash_text.startswith("$argon2id$v=19$")


def test_no_representation_shows_a_secret(service: Service) -> None:
    member = service.member_by_mail()
    state = service.state
    shown = " ".join(
        repr(thing)
        for thing in (
            state.site.settings,
            state.site.ring,
            *state.site.ring.newest_first(),
            *state.site.links.values(),
            state.letters,
            state.transport,
        )
    )
    assert KEY not in shown
    from accounts.flows.sessions import session as sessions

    cookie = member.client.get_cookie("session")
    assert cookie is not None
    session = state.site.signer.read(sessions.SESSION, cookie.value)
    assert session is not None
    assert session.csrf_secret not in repr(session)
