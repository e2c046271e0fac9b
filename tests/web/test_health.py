"""What probes are told: ready, degraded and why, or not ready and why, and a line in the log at each change."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from sqlalchemy import update

from accounts.core import outbox
from accounts.core.clock import now
from accounts.core.models.outbox import OutboxRow
from accounts.core.signing import known_keys
from accounts.core.signing.keys import new_key
from accounts.flows.helpdesk.health import MAX_CLOCK_SECONDS, MAX_SILENCE_SECONDS
from accounts.flows.helpdesk.mail_lanes import LATE_AFTER
from tests.conftest import on_both_databases
from tests.people import Service


def ask(service: Service) -> tuple[int, dict[str, Any]]:
    answer = service.person().get("/health/ready")
    return answer.status_code, answer.get_json()


def enqueue(service: Service, **changes: Any) -> None:
    with service.site.store.engine.begin() as connection:
        id = outbox.enqueue(connection, "sign-up", "anna@example.org", {}, "en")
        if changes:
            connection.execute(update(OutboxRow).where(OutboxRow.id == id).values(**changes))


def ago(seconds: float) -> Any:
    return now() - timedelta(seconds=seconds)


@on_both_databases
def test_a_service_that_is_well_says_only_that(service: Service) -> None:
    service.site.heartbeats["mail"] = time.time()
    enqueue(service)
    assert ask(service) == (200, {"status": "ok"})


@on_both_databases
def test_a_letter_that_is_late_is_told_with_its_age(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    enqueue(service, not_before=ago(LATE_AFTER.total_seconds() + 60))
    enqueue(service, not_before=ago(5))
    service.site.heartbeats["mail"] = time.time() - 7
    status, told = [ask(service) for _ in range(3)][-1]
    assert (status, told["status"]) == (200, "degraded")
    assert [each["code"] for each in told["reasons"]] == ["letters_late"]
    assert told["oldest_due_seconds"] == told["reasons"][0]["seconds"] >= LATE_AFTER.total_seconds() + 60
    assert told["threads"]["mail"] >= 7
    assert len([line for line in caplog.messages if line.startswith("degraded: letters_late")]) == 1


@pytest.mark.parametrize(
    "not_due",
    [
        {"dead_at": ago(1)},
        {"lease_until": ago(-86400)},
        {"not_before": ago(-86400)},
    ],
    ids=["given up", "under way", "put off"],
)
def test_letters_that_nobody_has_to_take_now_are_not_late(service: Service, not_due: dict[str, Any]) -> None:
    enqueue(service, **{"not_before": ago(86400)} | not_due)
    assert ask(service) == (200, {"status": "ok"})


def test_a_letter_whose_lease_ended_long_ago_is_late(service: Service) -> None:
    enqueue(service, not_before=ago(86400), lease_until=ago(1))
    assert ask(service)[1]["status"] == "degraded"


def test_a_thread_without_a_sign_of_life_is_named(service: Service) -> None:
    service.site.heartbeats |= {"mail": time.time() - MAX_SILENCE_SECONDS - 5, "calls": time.time()}
    status, told = ask(service)
    assert (status, told["status"]) == (200, "degraded")
    (reason,) = told["reasons"]
    assert (reason["code"], reason["thread"]) == ("thread_silent", "mail")
    assert reason["seconds"] > MAX_SILENCE_SECONDS


def test_a_process_that_delivers_nothing_is_not_judged_by_its_threads(service: Service) -> None:
    assert service.site.heartbeats == {}
    assert ask(service) == (200, {"status": "ok"})


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_off_the_databases_is_told(
    service: Service, minutes: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert ask(service) == (200, {"status": "ok"})
    with time_machine.travel(now() + timedelta(minutes=minutes)):
        status, told = ask(service)
    assert (status, told["status"]) == (200, "degraded")
    (reason,) = told["reasons"]
    assert reason["code"] == "clock_off"
    assert abs(reason["seconds"] - minutes * 60) < MAX_CLOCK_SECONDS
    assert any(line.startswith("degraded: clock_off") for line in caplog.messages)


def test_a_deleted_file_is_not_ready_and_takes_no_writes(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    member = service.member()
    Path(str(service.site.store.engine.url.database)).unlink()
    status, told = ask(service)
    assert (status, told) == (503, {"status": "not ready", "reasons": [{"code": "database_replaced"}]})
    refused = member.client.patch(
        "/api/account", json={"name": "Lost", "locale": "en"}, headers={"X-CSRF-Token": csrf(member)}
    )
    assert (refused.status_code, refused.get_json()["code"]) == (503, "unavailable")
    assert service.person().post("/api/sign-up", {"email": "anna@example.org"}).status_code == 503
    assert any(line.startswith("not ready: ") for line in caplog.messages)


def csrf(member: Any) -> str:
    return str(member.get("/api/csrf").get_json()["csrf_token"])


def test_keys_that_the_database_has_never_seen_are_not_ready(make_service: Callable[..., Service]) -> None:
    service = make_service()
    known_keys.join(service.site.store, service.site.ring)
    assert ask(service) == (200, {"status": "ok"})
    other = make_service(secret_keys=[new_key()])
    assert ask(other) == (503, {"status": "not ready", "reasons": [{"code": "keys_unknown"}]})


def test_the_log_says_when_it_is_well_again(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.site.heartbeats["mail"] = 0
    ask(service)
    service.site.heartbeats["mail"] = time.time()
    with caplog.at_level(logging.INFO, "accounts.health"):
        ask(service)
    assert [line.partition(":")[0] for line in caplog.messages if line.startswith(("ok", "degraded"))] == [
        "degraded",
        "ok",
    ]
