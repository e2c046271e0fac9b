"""The page where admins begin: each figure is right, and leads to its list."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.flows.helpdesk.health import DEGRADED_CODES, REASON_MESSAGES
from tests.conftest import on_both_databases
from tests.people import Person, Service, make_email


def overview(admin: Person, query: str = "") -> dict[str, Any]:
    answer = admin.get(f"/api/admin{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def write_sign_ins(service: Service, at: datetime, count: int, kind: str = "sign-in") -> None:
    facts = {"session": "", "epoch": 0, "ends": 0}
    rows = [{"id": new_id(), "at": at, "kind": kind, "network": "", "agent": "",
             "request_id": "", "facts": facts} for _ in range(count)]  # fmt: skip
    with service.site.store.engine.begin() as connection:
        connection.execute(insert(AuditRow), rows)


@on_both_databases
def test_accounts_are_counted_by_state_and_new_ones_once(service: Service) -> None:
    admin, members = service.admin(), [service.member() for _ in range(4)]
    ids = [member.get("/api/account").get_json()["id"] for member in members]
    for id in ids[:1]:
        assert admin.post(f"/api/admin/accounts/{id}/disable").status_code == 200
    moment = now()
    with service.site.store.engine.begin() as connection:
        connection.execute(update(Account).where(Account.id == ids[1]).values(locked_at=moment))
        connection.execute(update(Account).where(Account.id == ids[2]).values(locked_at=moment - timedelta(days=1)))
        connection.execute(update(Account).where(Account.id == ids[3]).values(created_at=moment - timedelta(days=8)))
    # Joining more groups by another invitation makes nobody new.
    assert overview(admin)["accounts"] == {"total": 5, "active": 4, "disabled": 1, "locked": 1, "new": 4}


@on_both_databases
@pytest.mark.usefixtures("stopped_clock")
def test_sign_ins_are_counted_by_days_in_utc(service: Service) -> None:
    admin = service.admin()
    today = now().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    write_sign_ins(service, today, 2)
    write_sign_ins(service, today - timedelta(microseconds=1), 3)
    write_sign_ins(service, today - timedelta(days=13), 4)
    write_sign_ins(service, today - timedelta(days=14), 5)
    write_sign_ins(service, today - timedelta(days=1), 6, "sign-in.failed")
    write_sign_ins(service, today, 7, "sign-in.by-mail")
    fortnight = overview(admin)["sign_ins"]
    assert [each["day"] for each in fortnight] == [f"{today - timedelta(days=n):%Y-%m-%d}" for n in range(13, -1, -1)]
    assert [each["count"] for each in fortnight] == [4, *[0] * 11, 3, 2 + 1], "with that of the admin"
    assert [each["failed"] for each in fortnight] == [*[0] * 12, 6, 0]
    write_sign_ins(service, today + timedelta(microseconds=1), 1)
    month = overview(admin, "?days=30")["sign_ins"]
    assert len(month) == 30
    assert month[16:29] == fortnight[:13], "days that are over are not counted again"
    assert month[29]["count"] == 4, "today is"
    assert month[15]["count"] == 5
    assert admin.get("/api/admin?days=15").status_code == 422
    assert admin.get("/admin?days=15").status_code == 422


@on_both_databases
def test_invitations_are_counted_by_what_became_of_them(service: Service) -> None:
    admin, moment = service.admin(), now()
    states = [{}, {}, {"accepted_at": moment}, {"revoked_at": moment}, {"expires_at": moment - timedelta(days=1)}]
    rows = [
        {"id": f"invite{number}", "email": "a@b.org", "email_key": "a@b.org", "groups": [], "locale": "en",
         "inviter_id": "x", "created_at": moment, "expires_at": moment + timedelta(days=1), "accepted_at": None,
         "revoked_at": None, "sent": 1} | state
        for number, state in enumerate(states)
    ]  # fmt: skip
    before = overview(admin)["invitations"]
    with service.site.store.engine.begin() as connection:
        connection.execute(insert(SentInvite), rows)
    after = overview(admin)["invitations"]
    assert {name: after[name] - before[name] for name in after} == {"open": 2, "accepted": 1, "expired": 1}


@on_both_databases
def test_emails_are_counted_with_the_age_of_the_oldest(service: Service) -> None:
    admin, moment = service.admin(), now().replace(microsecond=0)
    nothing = {"waiting": 0, "dead": 0, "oldest_waiting": None, "oldest_failed": None}
    service.deliver()
    assert overview(admin)["mail"] == nothing
    ages = [("direct", 60, None), ("bulk", 3600, None), ("slow", -600, None), ("direct", 0, 30), ("bulk", 0, 7200)]
    rows: list[dict[str, Any]] = [
        {"id": f"mail{number}", "purpose": "invite", "subject": "a", "facts": {}, "locale": "en", "lane": lane,
         "created_at": moment, "not_before": moment - timedelta(seconds=due), "attempts": 0,
         "dead_at": None if dead is None else moment - timedelta(seconds=dead)}
        for number, (lane, due, dead) in enumerate(ages)
    ]  # fmt: skip
    rows.append(rows[0] | {"id": "call", "lane": "calls", "not_before": moment - timedelta(days=9)})
    with service.site.store.engine.begin() as connection:
        connection.execute(insert(OutboxRow), rows)
    mail = overview(admin)["mail"]
    assert (mail["waiting"], mail["dead"]) == (3, 2), "what other programs are told is no email"
    assert datetime.fromisoformat(mail["oldest_waiting"]) == moment - timedelta(hours=1)
    assert datetime.fromisoformat(mail["oldest_failed"]) == moment - timedelta(hours=2)
    page = admin.get("/admin").text
    assert "Oldest waiting for about a minute" not in page
    assert re.search(r"Oldest waiting for 60 minutes|Oldest waiting for 1 hour", page)
    assert "oldest 2 hours ago" in page


def test_health_is_that_of_the_probe(service: Service) -> None:
    admin = service.admin()
    assert overview(admin)["health"] == {"status": "ok", "reasons": []}
    assert "All good" in admin.get("/admin").text
    late = {"id": "late", "purpose": "activate", "subject": make_email(), "facts": {}, "locale": "en",
            "lane": "direct", "not_before": now() - timedelta(hours=1), "attempts": 0}  # fmt: skip
    with service.site.store.engine.begin() as connection:
        connection.execute(insert(OutboxRow), [late])
    assert service.person().get("/health/ready").get_json()["status"] == "degraded"
    assert overview(admin)["health"] == {"status": "degraded", "reasons": ["letters_late"]}
    assert REASON_MESSAGES["letters_late"] in admin.get("/admin").text
    assert set(REASON_MESSAGES) == set(DEGRADED_CODES)


def test_the_plot_is_drawn_without_style_and_script_and_has_a_table(service: Service) -> None:
    admin = service.admin()
    page = admin.get("/admin?days=30").text
    (plot,) = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert not re.search(r"style=|<script|<style|onload", plot)
    assert 'role="img" aria-label="Sign-ins per day from ' in plot
    assert plot.count('class="bar"') == 30
    heights = [float(height) for height in re.findall(r'class="bar" .*?height="([\d.]+)"', plot)]
    assert max(heights) == heights[-1] == 119, "whoever signed in today is the only one"
    assert page.count('<th role="rowheader"') == 30


@pytest.mark.parametrize("language", ["de", "fr", "es"])
def test_every_figure_leads_to_its_list(service: Service, language: str) -> None:
    admin = service.admin()
    page = admin.get(f"/{language}/admin").text
    main = page[page.index("<main") : page.index("</main>")]
    for path in set(re.findall(r'href="(/[^"#]*)', main)):
        answer = admin.get(path.replace("&amp;", "&"))
        assert answer.status_code == 200, path


def test_the_page_asks_the_database_a_known_number_of_times(service: Service) -> None:
    admin = service.admin()
    admin.get("/admin")
    with service.record_statements() as statements:
        assert admin.get("/admin").status_code == 200
    few = len(statements)
    for _ in range(3):
        service.member()
    with service.record_statements() as statements:
        admin.get("/admin?days=30")
    assert len(statements) == few == 11, statements
