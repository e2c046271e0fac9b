"""What ``/metrics`` tells of what a process has done: requests, password hashes, deliveries; and of nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder

from accounts import Accounts, Settings
from accounts.core.errors import Unavailable
from accounts.core.meters import METHODS, Meters
from accounts.core.security import passwords
from accounts.core.security.passwords import Passwords
from accounts.core.site import Site
from accounts.extension import get_app_state
from tests.kit.metrics import BEARER, TOKEN, Scrape, scrape
from tests.people import Service
from tests.servers.smtp import SmtpSink

COUNT = "accounts_http_request_duration_seconds_count"
MakeService = Callable[..., Service]


@pytest.fixture
def measured(make_service: MakeService) -> Service:
    return make_service(metrics_token=TOKEN)


def test_requests_are_told_by_rule_method_and_class_of_status(measured: Service) -> None:
    person = measured.person()
    for path in ("/sign-in", "/de/sign-in", "/en/sign-in?next=/account", "/api/account", "/l/invite/some-token/go"):
        person.get(path)
    person.post("/api/sign-in", {"email": person.email, "password": person.password})
    told = scrape(measured, BEARER)
    assert told.value(COUNT, route="/sign-in", method="GET", status="2xx") == 3
    assert told.value(COUNT, route="/api/account", method="GET", status="4xx") == 1
    assert told.value(COUNT, route="/api/sign-in", method="POST", status="4xx") == 1
    assert told.value(COUNT, route="/l/invite/<anything:address>", method="GET", status="4xx") == 1
    buckets = told.labelled("accounts_http_request_duration_seconds_bucket", "le")
    assert buckets["+Inf"] == sum(told.labelled(COUNT, "route").values())


def list_labels(told: Scrape) -> set[tuple[str, str]]:
    return {pair for _, labels in told.samples for pair in labels if pair[0] not in ("le", "route")}


def test_nothing_that_a_stranger_sends_becomes_a_label(measured: Service) -> None:
    rules = {rule.rule for rule in measured.app.url_map.iter_rules()}
    client = measured.person().client
    scrape(measured, BEARER)
    before = list_labels(scrape(measured, BEARER))
    for number in range(4):
        for path in (
            f"/nobody-{number}",
            f"/l/invite/secret-{number}/go",
            f"/join/secret-{number}",
            f"/admin/accounts/id-{number}",
            f"/api/l/reset-password?token=secret-{number}",
            f"/assets/../{number}%00%0a",
            f"/%F0%9F%98%80{number}",
            f"//evil-{number}.example/",
        ):
            for method in ("GET", "POST", f"X-{number}", "get", 'A"}'):
                environ = EnvironBuilder(path=path, method=method).get_environ()
                environ |= {
                    "REQUEST_METHOD": method,
                    "HTTP_HOST": f"host-{number}.example",
                    "HTTP_USER_AGENT": f"agent-{number}",
                    "HTTP_X_FORWARDED_FOR": f"192.0.2.{number}",
                }
                client.run_wsgi_app(environ)
    told = scrape(measured, BEARER)
    assert list_labels(told) - before <= {("method", each) for each in METHODS | {"other"}} | {
        ("status", f"{each}xx") for each in range(2, 6)
    }
    assert set(told.labelled(COUNT, "route")) <= rules | {"none"}
    assert told.labelled(COUNT, "method")["other"] > 0
    text = measured.person().get("/metrics", headers=BEARER).text
    assert not [word for word in ("secret-", "nobody-", "evil-", "host-", "agent-", "192.0.2") if word in text]


def test_nobody_is_named(measured: Service) -> None:
    member = measured.member_by_mail("anna")
    account = member.get("/api/account").get_json()
    text = measured.person().get("/metrics", headers=BEARER).text
    assert not [each for each in (member.email, member.email.partition("@")[0], account["id"], TOKEN) if each in text]


@pytest.fixture
def misbehaving(sink: SmtpSink) -> Iterator[SmtpSink]:
    yield sink
    sink.behave()


def test_deliveries_are_told_by_lane_and_how_they_went(measured: Service, misbehaving: SmtpSink) -> None:
    def ask(answer: str = "") -> None:
        if answer:
            misbehaving.misbehave("RCPT", answer, times=1)
        person = measured.person()
        assert person.post("/api/sign-up", {"email": person.email}).status_code == 202
        measured.deliver()

    ask()
    ask("550 5.1.1 no such user")
    ask("451 4.3.0 later")
    ask()
    assert scrape(measured, BEARER).nonzero("accounts_deliveries_total", "lane", "outcome") == {
        ("direct", "sent"): 2,
        ("direct", "failed"): 1,
        ("direct", "put_off"): 1,
    }


def test_hashes_are_told_with_their_wait(measured: Service) -> None:
    person = measured.person()
    person.post("/api/sign-in", {"email": person.email, "password": person.password})
    told = scrape(measured, BEARER)
    assert told.value("accounts_password_hash_duration_seconds_count") == 1
    assert told.value("accounts_password_hash_wait_seconds_count") == 1
    assert told.value("accounts_password_hashes_waiting") == 0
    assert told.value("accounts_password_hashes_refused_total") == 0


def read_meters(meters: Meters) -> Scrape:
    return Scrape(meters.collect())


def test_a_queue_that_is_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "QUEUED_HASHES_PER_THREAD", 2)
    meters = Meters(is_wanted=True)
    hasher = Passwords(threads=1, memory_kib=8, passes=1, meters=meters)
    entered, may_go = threading.Event(), threading.Event()

    def hold() -> None:
        entered.set()
        assert may_go.wait(60)

    first = threading.Thread(target=lambda: hasher._run_in_pool(hold))
    second = threading.Thread(target=lambda: hasher.hash("correct horse"))
    first.start()
    assert entered.wait(60)
    second.start()
    while read_meters(meters).value("accounts_password_hashes_waiting") != 1:
        assert second.is_alive()
    with pytest.raises(Unavailable):
        hasher.hash("battery staple")
    assert read_meters(meters).value("accounts_password_hashes_refused_total") == 1
    may_go.set()
    first.join(60)
    second.join(60)
    told = read_meters(meters)
    assert told.value("accounts_password_hashes_waiting") == 0
    assert told.value("accounts_password_hash_duration_seconds_count") == 2


def test_a_thread_that_delivers_leaves_when_it_was_seen(measured: Service) -> None:
    measured.deliver()
    seen = scrape(measured, BEARER).labelled("accounts_delivery_heartbeat_timestamp_seconds", "thread")
    assert seen == {"mail": measured.site.heartbeats["mail"]}


def test_where_nobody_may_read_nothing_is_measured(make_service: MakeService) -> None:
    service = make_service()
    service.person().get("/sign-in")
    assert list(service.site.meters.collect()) == []


def test_two_apps_and_the_metrics_of_a_host_do_not_meet(make_service: MakeService) -> None:
    one, other = (make_service(metrics_token=TOKEN) for _ in range(2))
    one.person().get("/sign-in")
    assert scrape(one, BEARER).value(COUNT, route="/sign-in", method="GET", status="2xx") == 1
    assert scrape(other, BEARER).value(COUNT, route="/sign-in", method="GET", status="2xx") is None
    from prometheus_client import REGISTRY

    assert not [each.name for each in REGISTRY.collect() if each.name.startswith("accounts_")]


def test_in_a_host_app_only_our_requests_count(settings: Callable[..., Settings]) -> None:
    app = Flask("host")
    app.secret_key = "of-the-host-and-long-enough-for-it"
    Accounts(app, settings=settings(metrics_token=TOKEN), url_prefix="/auth")
    app.add_url_rule("/own", view_func=lambda: "own")
    client = app.test_client()
    try:
        for path in ("/own", "/auth/sign-in", "/auth/de/sign-in", "/auth/nobody", "/nobody"):
            client.get(path)
        answer = client.get("/auth/metrics", headers=BEARER)
        assert answer.status_code == 200
        site: Site = get_app_state(app).site
        assert read_meters(site.meters).labelled(COUNT, "route") == {"/auth/sign-in": 2, "/auth/metrics": 1}
    finally:
        get_app_state(app).site.store.close()
