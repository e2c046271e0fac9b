"""Signals follow commits, from wherever they come: pages, JSON, links, admins, the console."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blinker import NamedSignal
from flask import Flask, current_app

from accounts import account_changed, account_created, account_deleted, signed_in, signed_out
from accounts.flask_commands import accounts
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.signals import SIGNAL_OF_EVENT
from accounts.testing import sign_in
from tests.conftest import on_both_databases
from tests.flows.moving.files import person, write_csv
from tests.people import OTHER_PASSWORD, PASSWORD, Service
from tests.web import hosts

mount = hosts.mount
ALL = {
    "signed_in": signed_in,
    "signed_out": signed_out,
    "account_created": account_created,
    "account_changed": account_changed,
    "account_deleted": account_deleted,
}


class Log(list[tuple[str, str]]):
    """What was sent, as pairs of signal and event; all that came along is kept in ``last``."""

    last: dict[str, Any]

    def taken(self) -> list[tuple[str, str]]:
        taken = list(self)
        self.clear()
        return taken


@pytest.fixture
def service(mount: Callable[..., Service]) -> Service:
    return mount()


@pytest.fixture
def sent(service: Service) -> Iterator[Log]:
    log = Log()
    receivers: list[tuple[NamedSignal, Any]] = []
    for name, signal in ALL.items():

        def receive(sender: Flask, *, signal_name: str = name, **values: Any) -> None:
            assert sender is service.app
            assert current_app == service.app
            assert set(values) == {"account_id", "event", "actor_id", "facts"}
            log.append((signal_name, values["event"]))
            log.last = values

        signal.connect(receive, service.app)
        receivers.append((signal, receive))
    yield log
    for signal, receive in receivers:
        signal.disconnect(receive, service.app)


@on_both_databases
def test_an_account_from_its_first_day_to_its_last(service: Service, sent: Log) -> None:
    member = service.member()
    assert sent.taken() == [("account_created", "account.created"), ("signed_in", "sign-in")]
    account_id = sent.last["account_id"]
    assert sent.last["facts"]["amr"] == ["pwd"]
    member.patch("/api/account", {"name": "Grace"})
    assert sent.taken() == [("account_changed", "account.profile")]
    assert sent.last["actor_id"] == sent.last["account_id"] == account_id
    member.post("/api/sign-out")
    assert sent.taken() == [("signed_out", "sign-out")]
    member.sign_in()
    assert sent.taken() == [("signed_in", "sign-in")]
    member.post("/api/account/password", {"current_password": PASSWORD, "password": OTHER_PASSWORD})
    assert sent.taken() == [("account_changed", "password.changed")], "who stays signed in has not signed in"
    member.post("/api/sign-out", {"everywhere": True})
    assert sorted(sent.taken()) == [("signed_out", "sign-out"), ("signed_out", "sign-out.everywhere")]


def test_what_admins_do(service: Service, sent: Log) -> None:
    admin, member = service.admin(), service.member()
    account_id = member.get("/api/account").get_json()["id"]
    sent.clear()
    assert admin.post(f"/api/admin/accounts/{account_id}/groups", {"groups": ["staff"]}).status_code == 200
    assert sent.taken() == [("account_changed", "account.groups")]
    assert sent.last["facts"] == {"added": ["staff"]}
    assert sent.last["actor_id"] == admin.get("/api/account").get_json()["id"] != account_id
    admin.post(f"/api/admin/accounts/{account_id}/disable")
    assert sent.taken() == [("account_changed", "account.disabled")]
    deleted = admin.post(f"/api/admin/accounts/{account_id}/delete", {"email": member.email})
    assert deleted.status_code == 204
    assert sent.taken() == [("account_deleted", "account.deleted")]
    assert sent.last["account_id"] == account_id


def test_what_the_console_does(service: Service, sent: Log, tmp_path: Path) -> None:
    people = write_csv(tmp_path / "people.csv", [person("ada"), person("grace")])
    done = service.app.test_cli_runner().invoke(accounts, ["import", str(people)])
    assert done.exit_code == 0, done.output
    assert sent.taken() == [("account_created", "account.imported")] * 2
    assert sent.last["actor_id"] is None
    done = service.app.test_cli_runner().invoke(accounts, ["users", "disable", "ada@example.org"])
    assert done.exit_code == 0, done.output
    assert sent.taken() == [("account_changed", "account.disabled")]


def test_nothing_is_sent_of_what_is_rolled_back(service: Service, sent: Log) -> None:
    uow = service.uow()
    with pytest.raises(ZeroDivisionError):
        _fail(uow)
    with uow:
        uow.record_event("mail.traced")
    assert sent == []


def _fail(uow: Any) -> None:
    with uow:
        uow.record_event("account.profile", account_id="nobody")
        raise ZeroDivisionError


def test_a_receiver_that_fails_undoes_nothing_and_silences_nobody(
    service: Service, sent: Log, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(sender: Flask, **values: Any) -> None:
        raise ZeroDivisionError

    with signed_in.connected_to(fail, service.app):
        member = service.member()
    assert member.signed_in
    assert ("signed_in", "sign-in") in sent
    assert "a receiver of sign-in failed" in caplog.text


def test_a_receiver_can_use_the_store_and_is_told_after_the_commit(service: Service) -> None:
    names = []

    def look(sender: Flask, *, account_id: str, **values: Any) -> None:
        names.append(sign_in(sender.test_client(), email="ada@example.org").id == account_id)

    with account_created.connected_to(look, service.app):
        sign_in(service.app.test_client(), email="ada@example.org")
    assert names == [True]


def test_another_app_hears_nothing(
    service: Service, mount: Callable[..., Service], sent: Log, tmp_path: Path
) -> None:
    other = mount(hosts.make_host(tmp_path / "other"))
    sign_in(other.app.test_client(), email="ada@example.org")
    assert sent == []


def test_each_signal_follows_events_that_there_are() -> None:
    assert set(SIGNAL_OF_EVENT) - set(EVENT_LABELS) == {"account.created"}
    assert set(SIGNAL_OF_EVENT.values()) == set(ALL.values())
