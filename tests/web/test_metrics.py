"""``GET /metrics``: who may read it, in which format, and what it tells of an installation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, text, update

from accounts.core import mail_lanes, outbox
from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.meters import PROCESS_MEASURES
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.outbox import MailLane, OutboxRow
from accounts.flows.helpdesk import mail_lanes as lane_acts
from accounts.flows.helpdesk.health import DEGRADED_CODES, REASON_CODES
from accounts.flows.helpdesk.mail_lanes import LATE_AFTER
from accounts.flows.helpdesk.outbox_counts import MAX_COUNTED
from accounts.web.metrics import SITE_MEASURES
from tests.conftest import on_both_databases
from tests.kit.metrics import BEARER, OPENMETRICS, TOKEN, scrape
from tests.people import Service

PRODUCTION = {"env": "production", "public_origin": "https://accounts.example.org"}
MakeService = Callable[..., Service]


def enqueue(service: Service, **changes: Any) -> None:
    with service.site.store.engine.begin() as connection:
        id = outbox.enqueue(connection, "sign-up", "anna@example.org", {}, "en")
        if changes:
            connection.execute(update(OutboxRow).where(OutboxRow.id == id).values(**changes))


def ago(seconds: float) -> Any:
    return now() - timedelta(seconds=seconds)


def test_without_a_token_of_its_own_production_has_no_such_page(make_service: MakeService) -> None:
    answer = make_service(**PRODUCTION).person().get("/metrics", headers=BEARER)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "not_found")


def test_development_shows_it_to_whoever_asks(service: Service) -> None:
    assert scrape(service).value("accounts_ready") == 1


@pytest.mark.parametrize("env", [{}, PRODUCTION], ids=["development", "production"])
@pytest.mark.parametrize(
    ("authorization", "error"),
    [
        (None, ""),
        ("", ""),
        (f"Bearer {TOKEN}x", "invalid_token"),
        (f"Bearer {TOKEN[:-1]}", "invalid_token"),
        (f"Basic {TOKEN}", "invalid_token"),
        (f"Bearer {TOKEN} {TOKEN}", "invalid_token"),
        ("Bearer", "invalid_token"),
        ("Bearer Prüfung\xff", "invalid_token"),
        (TOKEN, "invalid_token"),
    ],
)
def test_only_the_token_opens_it(
    make_service: MakeService, env: dict[str, str], authorization: str | None, error: str
) -> None:
    service = make_service(metrics_token=TOKEN, **env)
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = service.person().get("/metrics", headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "invalid_token")
    assert answer.mimetype == "application/problem+json"
    challenge = 'Bearer realm="accounts"' + (f', error="{error}"' if error else "")
    assert answer.headers["WWW-Authenticate"] == challenge
    assert TOKEN not in answer.text
    assert not service.site.store.has_engine
    assert scrape(service, BEARER | {"Authorization": f"bearer {TOKEN}"}).value("accounts_ready") == 1


def test_it_needs_no_session_makes_none_and_is_only_read(make_service: MakeService) -> None:
    service = make_service(metrics_token=TOKEN)
    answer = service.person().get("/metrics", headers={**BEARER, "Origin": "https://elsewhere.example"})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert service.person().post("/metrics", headers=BEARER).status_code == 405
    assert service.person().get("/de/metrics", headers=BEARER).status_code == 404
    assert service.person().get("/api/metrics", headers=BEARER).status_code == 404


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html,*/*;q=0.8", "text/plain; version=0.0.4; charset=utf-8"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text;version=one", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=2.x.<b>, text/plain;version=a", "text/plain; version=0.0.4"),
        ("application/openmetrics-text;version=;;=;,,version=1..0", "text/plain; version=0.0.4"),
    ],
)
def test_both_formats_say_the_same(service: Service, accept: str, media_type: str) -> None:
    answer = service.person().get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith(media_type)
    told = scrape(service, {"Accept": accept})
    assert {(each.name, each.type) for each in told.families.values()} >= {
        (each.name.removesuffix("_total"), each.kind) for each in SITE_MEASURES
    }
    assert told.value("accounts_database_info", dialect="sqlite", revision=schema.head_revision()) == 1
    assert not [name for name, _ in told.samples if name.endswith("_created")]


def test_names_and_texts_keep_the_conventions_of_prometheus() -> None:
    for measure in (*SITE_MEASURES, *PROCESS_MEASURES):
        assert measure.name.startswith("accounts_")
        assert measure.name.endswith("_total") is (measure.kind == "counter")
        assert measure.kind != "histogram" or measure.name.endswith("_seconds")
        assert not measure.meaning.endswith(".")


@on_both_databases
def test_what_waits_is_told_by_lane_and_state(service: Service) -> None:
    enqueue(service, not_before=ago(90))
    enqueue(service, lease_until=ago(-86400))
    enqueue(service, not_before=ago(-86400), lane="slow")
    enqueue(service, lane="bulk", batch="b")
    enqueue(service, lane="bulk", batch="b", dead_at=ago(1))
    with service.uow() as uow:
        uow.session.add(UnreachableAddress(email_key="a", mail_id="m", purpose="p", status="5.1.1", said=""))
    told = scrape(service)
    assert told.nonzero("accounts_outbox_items", "lane", "state") == {
        ("direct", "due"): 2,
        ("slow", "later"): 1,
        ("bulk", "due"): 1,
        ("bulk", "failed"): 1,
    }
    assert len(told.families["accounts_outbox_items"].samples) == 12
    oldest = told.value("accounts_mail_oldest_due_seconds")
    assert oldest is not None
    assert 90 <= oldest < 3600
    assert told.value("accounts_mail_unreachable_addresses") == 1


@on_both_databases
def test_no_more_rows_are_counted_than_is_cheap(service: Service) -> None:
    fill = text("""
        INSERT INTO outbox (id, purpose, subject, facts, locale, created_at, not_before, attempts, lane)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
        SELECT i, 'invite', 'somebody', '{}', 'en', :due, :due, 0, 'bulk' FROM n
    """).bindparams(bindparam("due", type_=OutboxRow.not_before.type))
    with service.site.store.engine.begin() as connection:
        connection.execute(fill, {"count": MAX_COUNTED + 10, "due": ago(60)})
    assert scrape(service).nonzero("accounts_outbox_items", "lane", "state") == {("bulk", "due"): MAX_COUNTED}


def test_a_lane_that_stands_still_is_told_with_the_kind_of_its_reason(service: Service) -> None:
    lane_acts.pause_mail(service.uow(), "slow")
    with service.site.store.engine.begin() as connection:
        mail_lanes.pause_lane(connection, "direct", f"{lane_acts.SERVER_AWAY}: refused by anna@example.org")
        mail_lanes.pause_lane(connection, "bulk", "550 5.7.1 go away, anna@example.org")
    told = scrape(service)
    assert told.nonzero("accounts_mail_lane_paused", "lane", "reason") == {
        ("slow", "admin"): 1,
        ("direct", "unreachable"): 1,
        ("bulk", "refused"): 1,
    }
    assert "anna" not in service.person().get("/metrics").text


@on_both_databases
def test_it_says_what_ready_says(make_service: MakeService) -> None:
    service = make_service(sign_up="approval")
    late = LATE_AFTER.total_seconds() + 60
    enqueue(service, not_before=ago(late))
    with service.site.store.engine.begin() as connection:
        mail_lanes.pause_lane(connection, "bulk", "550 no")
        connection.execute(update(MailLane).values(paused_at=ago(late)))
    service.site.heartbeats["mail"] = 0
    told = scrape(service)
    ready = service.person().get("/health/ready").get_json()
    codes = {each["code"] for each in ready["reasons"]}
    assert codes == {"letters_late", "mail_paused", "thread_silent", "no_admin"}
    reasons = told.labelled("accounts_health_reason", "code")
    assert reasons.keys() == set(REASON_CODES)
    assert {code for code, value in reasons.items() if value} == codes <= set(DEGRADED_CODES)
    assert told.value("accounts_ready") == 1


def test_a_database_that_cannot_be_used_is_told_and_nothing_is_made_up(service: Service) -> None:
    member = service.member()
    scrape(service)
    member.get("/sign-in")
    Path(str(service.site.store.engine.url.database)).unlink()
    told = scrape(service)
    assert told.value("accounts_ready") == 0
    assert {code for code, value in told.labelled("accounts_health_reason", "code").items() if value} == {
        "database_replaced"
    }
    assert told.value("accounts_mail_oldest_due_seconds") is None
    assert "accounts_outbox_items" not in told.families
    assert told.value("accounts_http_request_duration_seconds_count", route="/sign-in", method="GET", status="2xx")


@on_both_databases
def test_a_scrape_costs_two_statements_more_than_a_probe_and_locks_nothing(service: Service) -> None:
    person = service.person()
    with service.record_statements() as probe:
        person.get("/health/ready")
    with service.record_statements() as statements:
        person.get("/metrics")
    assert len(statements) - len(probe) == 2
    assert statements.commits == 0
    assert not [each for each in statements if not each.lstrip().upper().startswith(("SELECT", "PRAGMA"))]
    assert not [each for each in statements if " FOR " in each.upper() and "UPDATE" in each.upper()]
