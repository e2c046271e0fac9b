"""Whoever asks learns nothing about who has an account: not from status, body, headers, nor from a mail server."""

from __future__ import annotations

import re
import zlib
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from accounts.core.models.outbox import MailLane, OutboxRow
from accounts.delivery.settling import AWAY_AFTER
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.people import Person, Service
from tests.web.endpoints import csrf_token

KINDS = ["member", "admin", "disabled", "unknown"]
DOORS: dict[str, Callable[[str], dict[str, Any]]] = {
    "/sign-up": lambda email: {"email": email},
    "/forgot-password": lambda email: {"email": email},
    "/sign-in": lambda email: {"email": email, "password": "not the password of anybody"},
}
VARYING = {"X-Request-ID", "Date", "Server-Timing"}
"""The last one in development only, which these tests run in: see test_server_timing.py."""


def addresses(service: Service) -> dict[str, str]:
    """One address of each kind, all of one length so that bodies can be compared byte by byte."""
    found = {"admin": service.admin(), "member": service.member_by_mail(), "disabled": service.member_by_mail()}
    uow = service.uow()
    accounts.disable_account(uow, found["disabled"].get("/api/account").get_json()["id"])
    return {kind: person.email for kind, person in found.items()} | {"unknown": "nobody@example.org"}


def seen(answer: TestResponse, email: str) -> tuple[int, str, list[tuple[str, str]]]:
    """All that an answer tells, without the nonces and without what the asker said."""
    body = answer.get_data(as_text=True).replace(email, "ADDRESS")
    body = re.sub(r'(name="csrf_token" value=")[^"]+', r"\1NONCE", body)
    headers = [(name, _without_address(value, email)) for name, value in answer.headers if name not in VARYING]
    # The value of a cookie is signed and random; its length and attributes must not differ.
    shown = [
        (name, re.sub(r"=[\w.-]+", lambda found: f"={len(found[0])}", value, count=1)) for name, value in headers
    ]
    return answer.status_code, body, [(name, value) for name, value in shown if name != "Content-Length"]


def _without_address(value: str, email: str) -> str:
    """A header without what the asker said, and without the second in which a cookie ends."""
    value = re.sub(r"Expires=[^;]+; ", "", value)
    found = re.match(r"(mail-asked=\.?)([\w-]+)(\..*)", value)
    if found is None:
        return value
    packed = urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
    text = (zlib.decompress(packed) if found[1].endswith(".") else packed).decode()
    assert email in text
    signature, _, attributes = found[3].partition(";")
    return f"{text.replace(email, 'ADDRESS')} {len(signature)};{attributes}"


def ask(person: Person, path: str, email: str, format: str) -> TestResponse:
    if format == "json":
        return person.post(f"/api{path}", DOORS[path](email))
    data = {**DOORS[path](email), "csrf_token": csrf_token(person)}
    return person.client.post(path, data=data, environ_base={"REMOTE_ADDR": person.network})


@pytest.mark.parametrize("format", ["html", "json"])
@pytest.mark.parametrize("path", DOORS)
@on_both_databases
def test_known_unknown_and_disabled_addresses_get_the_same_answer(service: Service, path: str, format: str) -> None:
    answers = {
        kind: seen(ask(service.person(), path, email, format), email) for kind, email in addresses(service).items()
    }
    assert answers["member"][0] == {"/sign-in": 401}.get(path, 202 if format == "json" else 303)
    for kind in KINDS:
        assert answers[kind] == answers["unknown"], kind


@pytest.mark.parametrize("path", DOORS)
def test_a_limit_comes_after_as_many_tries_for_known_and_for_unknown_addresses(service: Service, path: str) -> None:
    found = {}
    for kind, email in addresses(service).items():
        person = service.person()
        found[kind] = [ask(person, path, email, "json").status_code for _ in range(12)]
    good = 401 if path == "/sign-in" else 202
    limit = 10 if path == "/sign-in" else 3
    for kind, statuses in found.items():
        assert statuses == [good] * limit + [429] * (12 - limit), kind


@pytest.mark.parametrize("path", ["/sign-up", "/forgot-password"])
@pytest.mark.parametrize("format", ["html", "json"])
def test_asking_for_a_letter_never_looks_an_account_up(service: Service, path: str, format: str) -> None:
    member = service.member()
    for email in (member.email, "nobody@example.org"):
        person = service.person()
        with service.record_statements() as statements:
            ask(person, path, email, format)
        assert any("outbox" in statement for statement in statements)
        assert not any(re.search(r"\baccounts\b", statement) for statement in statements)


@pytest.mark.parametrize("path", ["/sign-up", "/forgot-password"])
@on_both_databases
def test_a_mail_server_that_is_away_changes_no_answer_and_loses_no_letter(
    make_service: Callable[..., Service], path: str
) -> None:
    service = make_service()
    known = addresses(service)
    cut_off = make_service(mail_port="9")
    for kind in ("member", "unknown"):
        answer = ask(cut_off.person(), path, known[kind], "json")
        assert seen(answer, known[kind]) == seen(ask(service.person(), path, known[kind], "json"), known[kind])
    before = len(service.sink.messages)
    # After three without a connection the rest is not tried until a lane is open again.
    assert cut_off.deliver() >= AWAY_AFTER
    assert len(service.sink.messages) == before
    with service.site.store.engine.begin() as connection:
        connection.execute(update(OutboxRow).values(not_before=OutboxRow.created_at))
        connection.execute(update(MailLane).values(not_before=MailLane.paused_at))
    assert service.deliver() == (4 if path == "/sign-up" else 2)
    assert len(service.sink.messages) > before
