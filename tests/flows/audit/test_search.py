"""The audit log as it is read: filtered, paged, streamed as files, and never changed but in one place."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from accounts.core import csv_files
from accounts.core.audit.log import RequestInfo
from accounts.core.database.page import MAX_ROWS_PER_PAGE
from accounts.core.models.audit import AuditRow
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit import search as audit_search
from accounts.flows.audit.export import stream_events
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.audit.search import AuditFilterForm, AuditSearchForm
from tests.conftest import on_both_databases
from tests.core.sites import make_site
from tests.people import Service, make_email

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
FLOORS = ("core", "flows", "post", "web")


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    made = make_site(database)
    yield made
    made.store.close()


def write(site: Site, count: int, *, same_time: bool = False) -> None:
    rows: list[dict[str, Any]] = [
        {
            "id": f"line{number:08}",
            "at": BEGAN + timedelta(hours=0 if same_time else number),
            "kind": ("sign-in", "sign-in.failed", "mail.sent", "mailing")[number % 4],
            "account": f"account{number % 3}",
            "actor": None if number % 2 else "admin1",
            "network": f"192.0.2.{number % 5}",
            "agent": "",
            "request_id": "",
            "facts": {},
        }
        for number in range(count)
    ]
    with site.store.engine.begin() as connection:
        connection.execute(insert(AuditRow), rows)


def numbers(site: Site, **data: str) -> list[int]:
    with UnitOfWork(site) as uow:
        page = audit_search.search_events(uow, AuditSearchForm.model_validate({"limit": MAX_ROWS_PER_PAGE, **data}))
    return [int(line.id[4:]) for line in page.rows]


@on_both_databases
def test_every_filter_lets_through_what_it_says_and_all_together_too(site: Site) -> None:
    write(site, 24)
    everything = list(range(23, -1, -1))
    assert numbers(site) == everything
    assert numbers(site, kind="mail") == [n for n in everything if n % 4 == 2], "mailing is no mail."
    assert numbers(site, kind="mail.") == [n for n in everything if n % 4 == 2]
    assert numbers(site, kind="sign-in") == [n for n in everything if n % 4 in (0, 1)]
    assert numbers(site, kind="sign-in.failed") == [n for n in everything if n % 4 == 1]
    assert numbers(site, kind="sign%") == []
    assert numbers(site, account="account1") == [n for n in everything if n % 3 == 1]
    assert numbers(site, actor="admin1") == [n for n in everything if n % 2 == 0]
    assert numbers(site, network="192.0.2.4") == [n for n in everything if n % 5 == 4]
    assert numbers(site, since="2026-01-01 20:00") == [23, 22, 21, 20]
    assert numbers(site, until="2026-01-01T02:00:00Z") == [1, 0]
    assert numbers(site, since="2026-01-02") == []
    assert numbers(site, kind="sign-in", account="account1", actor="admin1", since="2026-01-01 10:00") == [16]
    assert numbers(site, account="nobody@example.org", actor="nobody@example.org") == []


@pytest.mark.parametrize("same_time", [False, True])
@on_both_databases
def test_pages_follow_each_other_without_gap_or_repetition(site: Site, same_time: bool) -> None:
    write(site, 23, same_time=same_time)
    seen: list[int] = []
    place: str | None = ""
    pages = 0
    while place is not None:
        with UnitOfWork(site) as uow:
            page = audit_search.search_events(uow, AuditSearchForm(after=place, limit=5))
        seen += [int(line.id[4:]) for line in page.rows]
        place, pages = page.next, pages + 1
    assert (seen, pages) == (list(range(22, -1, -1)), 5)


@pytest.mark.parametrize("after", ["x", "1.2.3", "9" * 18 + ".a", "-1.a", "a.b", ".", "99999999999999999999.x"])
def test_any_text_as_a_cursor_is_answered(service: Service, after: str) -> None:
    answer = service.admin().get(f"/api/admin/audit?after={after}")
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.get_json()["errors"]] == ["after"]


@pytest.mark.parametrize(
    "said", ["since=yesterday", "until=2026-13-01", "since=2026-11-25%2025:00", "kinds=x", "kind=a&kind=b"]
)
def test_what_is_no_filter_is_refused(service: Service, said: str) -> None:
    admin = service.admin()
    assert admin.get(f"/api/admin/audit?{said}").status_code in (400, 422)
    assert admin.get(f"/admin/audit?{said}").status_code in (400, 422)


@on_both_databases
def test_files_hold_every_line_once_oldest_first(site: Site) -> None:
    write(site, 2501, same_time=True)
    read = list(csv.reader(io.StringIO("".join(stream_events(site, (), "csv")), newline="")))
    assert read[0] == list(audit_search.AuditEvent.__dataclass_fields__)
    assert [row[0] for row in read[1:]] == [f"line{number:08}" for number in range(2501)]
    results = [json.loads(line) for line in "".join(stream_events(site, (), "ndjson")).splitlines()]
    assert [line["id"] for line in results] == [row[0] for row in read[1:]]
    assert results[0]["at"] == "2026-01-01T00:00:00.000000Z"
    with UnitOfWork(site) as uow:
        only = audit_search.build_filter(uow, AuditFilterForm(kind="mail", account="account1")).all_conditions
    assert {json.loads(line)["account"] for line in "".join(stream_events(site, only, "ndjson")).splitlines()} == {
        "account1"
    }


def test_a_file_needs_no_more_memory_for_more_lines(site: Site) -> None:
    peaks = []
    for count in (2000, 20000):
        with site.store.engine.begin() as connection:
            connection.execute(AuditRow.__table__.delete())  # type: ignore[attr-defined] # a Table, which deletes
        write(site, count)
        for _ in stream_events(site, (), "csv"):
            pass
        tracemalloc.start()
        for _ in stream_events(site, (), "csv"):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0], peaks


def test_a_slow_reader_holds_no_connection(site: Site) -> None:
    write(site, 2500)
    parts = stream_events(site, (), "ndjson")
    next(parts)
    assert site.store.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # of the queue pool in use


@pytest.mark.parametrize("evil", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1"])
def test_no_cell_is_run_by_a_spreadsheet(evil: str) -> None:
    assert csv_files.format_row([evil, "plain"]).startswith("\"'")
    assert csv_files.format_row(["plain"]) == '"plain"\r\n'


@on_both_databases
def test_what_a_stranger_wrote_comes_out_of_a_file_as_text(service: Service) -> None:
    admin, evil = service.admin(), "=HYPERLINK('https://evil.example'),\r\n\""
    uow = UnitOfWork(service.site, RequestInfo(network=evil, agent=evil, request_id="=1+1"))
    with uow:
        uow.record_event("=cmd", facts={evil: evil})
    answer = admin.post("/api/admin/audit/export", {"format": "csv"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="audit-')
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert {len(row) for row in rows} == {11}
    assert not [value for row in rows for value in row if value.startswith(("=", "+", "-", "@"))]


def test_taking_the_log_away_is_a_line_of_it_and_says_not_whom_somebody_looked_for(service: Service) -> None:
    admin = service.admin()
    answer = admin.post("/api/admin/audit/export", {"format": "ndjson", "account": "somebody@example.org"})
    assert (answer.mimetype, answer.text) == ("application/x-ndjson", "")
    (line,) = admin.get("/api/admin/audit?kind=audit.exported").get_json()["lines"]
    assert line["facts"] == {"format": "ndjson", "filters": ["account"]}
    assert line["actor"] == admin.get("/api/account").get_json()["id"]


def test_lines_about_an_address_are_found_by_it(service: Service) -> None:
    admin, member, unknown = service.admin(), service.member_by_mail(), make_email()
    service.person().post("/api/forgot-password", {"email": unknown})
    service.deliver()
    for email, kinds in (
        (unknown, ["mail.dropped", "password.reset-asked"]),
        (member.email, ["sign-in", "account.activated", "mail.sent", "sign-up.asked"]),
    ):
        found = admin.get(f"/api/admin/audit?account={email}").get_json()["lines"]
        assert [line["kind"] for line in found] == kinds


def test_no_code_changes_or_deletes_a_line_but_retention_and_tags_are_cleared() -> None:
    """Whatever updates or deletes names the table in the call: ``update(AuditRow)``, ``delete(AuditRow)``."""
    found: set[tuple[str, str]] = set()
    changed_by_tags: set[str | None] = set()
    for path in (ROOT / "accounts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
                if name in ("update", "delete") and "AuditRow" in {
                    each.id for each in node.args if isinstance(each, ast.Name)
                }:
                    found.add((path.stem, name))
                if (path.stem, name) == ("address_index", "values"):
                    changed_by_tags.update(keyword.arg for keyword in node.keywords)
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                text = node.value.lower()
                assert "update audit" not in text, path
                assert "delete from audit" not in text, path
    assert found == {("retention", "update"), ("address_index", "update")}
    assert changed_by_tags == {"address_tag"}, "which is no part of a line"


def test_every_kind_of_line_is_said_in_words() -> None:
    """Every text in the code that is spelled as a kind, and begins as one does."""
    begins = "|".join({kind.partition(".")[0] for kind in EVENT_LABELS})
    spelled = re.compile(rf'(?<!getLogger\()"((?:{begins})\.(?!html)[a-z-]+)"')
    sources = [path for floor in FLOORS for path in (ROOT / "accounts" / floor).rglob("*.py")]
    found = {kind for path in sources for kind in spelled.findall(path.read_text("utf-8"))}
    others = {
        "account.emailaddress": "a model of allauth",
        "accounts.id": "a column",
        "accounts.state": "a name in the environ of WSGI",
        "account.created": "a signal",
        "email.com": "a provider of mail",
        "mail.com": "another",
    }
    assert found - set(EVENT_LABELS) == set(others)
