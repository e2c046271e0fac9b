"""The audit log as a page: events and people in words, filters to choose from, a way on where nothing is found."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest

from accounts.core.audit.log import RequestInfo
from accounts.flows.audit import retention
from accounts.flows.audit.facts import FACT_LABELS, read_facts
from accounts.flows.audit.labels import EVENT_LABELS, EVENT_TOPICS
from tests.apps import register_app
from tests.conftest import on_both_databases
from tests.people import Person, Service, make_email


def id_of(person: Person) -> str:
    return str(person.get("/api/account").get_json()["id"])


def record(service: Service, kind: str, *, by: str | None = None, **options: Any) -> None:
    uow = service.uow(RequestInfo(account_id=by, network="203.0.113.7" if by else "", agent="Firefox on Linux"))
    with uow:
        uow.record_event(kind, **options)


def rows(page: str) -> list[str]:
    """The rows of the table as text, what is folded away left out."""
    body = re.sub(r"<details.*?</details>", " ", page[page.index("<tbody") : page.index("</tbody>")], flags=re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in body.split("</tr>")[:-1]]


@on_both_databases
def test_people_stand_in_the_place_of_ids(service: Service) -> None:
    admin, ben, gone = service.admin(), service.member("ben"), service.member("gone")
    admin_id, ben_id, gone_id = map(id_of, (admin, ben, gone))
    record(service, "account.disabled", by=admin_id, account_id=ben_id)
    record(service, "account.profile", by=ben_id, account_id=ben_id)
    record(service, "account.disabled", by=admin_id, account_id=gone_id)
    record(service, "account.disabled", account_id=ben_id)
    assert admin.post(f"/api/admin/accounts/{gone_id}/delete", {"email": gone.email}).status_code in (200, 204)
    shown = rows(admin.get("/admin/audit?kind=account&order=oldest").text)
    mine = [row for row in shown if "203.0.113.7" in row or "Service or command line" in row]
    assert len(mine) == 4
    assert mine[0].startswith("Account disabled")
    assert f"Ben {ben.email} Admin {admin.email} 203.0.113.7 Firefox on Linux" in mine[0]
    assert f"Ben {ben.email} Account owner" in mine[1]
    assert f"Deleted account Admin {admin.email}" in mine[2]
    assert f"Ben {ben.email} Service or command line" in mine[3]
    assert not any(id in row for row in shown for id in (admin_id, ben_id, gone_id))


def test_json_has_the_ids_and_who_they_are(service: Service) -> None:
    admin, app = service.admin(), register_app(service).app
    record(service, "app.consent", by="nobody", account_id=id_of(admin), app_id=app.id)
    answer = admin.get("/api/admin/audit?kind=app.consent").get_json()
    assert answer["people"] == {id_of(admin): {"email": admin.email, "name": "Admin"}}
    assert answer["app_names"] == {app.id: "Wiki"}
    assert answer["lines"][0]["account"] == id_of(admin)
    assert "Wiki" in rows(admin.get("/admin/audit?kind=app.consent").text)[0]


def test_who_everybody_is_takes_one_statement_for_the_page(service: Service) -> None:
    admin = service.admin()
    for _ in range(5):
        record(service, "account.profile", by=id_of(service.member()), account_id=id_of(service.member()))
    with service.record_statements() as statements:
        admin.get("/api/admin/audit")
    assert len([each for each in statements if "FROM accounts" in each and "FROM audit" not in each]) <= 2, statements


def test_pseudonyms_stay_and_nobody_is_looked_up_for_them(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    admin, ben = service.admin(), service.member("ben")
    ben_id = id_of(ben)
    record(service, "account.profile", by=ben_id, account_id=ben_id)
    monkeypatch.setattr(retention, "MIN_DAYS_WITH_PERSON", 0)
    retention.pseudonymize_events(service.uow(), 0)
    page = admin.get("/admin/audit?kind=account").text
    assert ben.email not in page
    assert ben_id not in page
    assert re.search(r"<code>~[\w-]+</code>", page)


def test_raw_facts_are_folded_away_and_moments_are_written_out(service: Service) -> None:
    admin = service.admin()
    record(
        service, "sign-in", by="someone", facts={"ends": 1577880000, "odd": {"x": 1}, "locked": False, "amr": ["pwd"]}
    )
    page = admin.get("/admin/audit?kind=sign-in&actor=someone").text
    (folded,) = re.findall(r'<details class="raw">.*?</details>', page, re.DOTALL)
    assert "1577880000" not in page
    for said in ("Session expires", "1 January 2020", "<code>sign-in</code>", "<dt>odd</dt>", "x: 1", "pwd", "No"):
        assert said in folded, said
    assert "2020" not in "".join(rows(page)), "it is folded away"


def test_facts_of_a_host_are_shown_whatever_they_are() -> None:
    values: list[Any] = [
        None,
        "",
        "text",
        10**30,
        -1,
        float("inf"),
        True,
        [],
        {},
        "2026-11-29",
        "2026-11-29T10:00:00Z",
    ]
    for value in values:
        for name in ("until", "odd"):
            (fact,) = read_facts({name: value})
            assert fact.label == FACT_LABELS.get(name, name)
            assert isinstance(fact.value, str | bool | datetime)


def test_every_kind_of_ours_can_be_chosen_in_words(service: Service) -> None:
    assert sorted(kind for topic in EVENT_TOPICS for kind in topic.kinds) == sorted(EVENT_LABELS)
    admin = service.admin()
    record(service, "course.joined", account_id=id_of(admin))
    page = admin.get("/admin/audit?kind=course.joined").text
    select = page[page.index("<select") : page.index("</select>")]
    assert set(re.findall(r'<option value="([^"]+)"', select)) >= set(EVENT_LABELS)
    assert "<option selected>course.joined</option>" in select, "a kind of a host app"
    assert select.count(" selected") == 1
    for kind in ("mail", "account.disabled", "account"):
        select = admin.get(f"/admin/audit?kind={kind}").text
        chosen = re.findall(r'<option(?: value="([^"]+)")? selected>([^<]+)', select)
        assert [value or text for value, text in chosen] == [kind]


@pytest.mark.parametrize("said", ["2026-11-25 13:30", "2026-11-25T13:30", "2026-11-25T13:30:00Z"])
def test_moments_are_chosen_and_stay(service: Service, said: str) -> None:
    page = service.admin().get("/admin/audit", query_string={"since": said, "account": "a@example.org"}).text
    assert re.search(r'<input type="datetime-local" id="field-since" name="since" value="2026-11-25T13:30:00"', page)
    assert re.search(r'id="field-account" name="account" value="a@example.org"', page)


def test_filters_stay_on_the_next_page_in_the_other_order_and_in_the_file(service: Service) -> None:
    admin = service.admin()
    for number in range(3):
        record(service, "account.profile", by=id_of(admin), facts={"fields": [str(number)]})
    query = f"actor={admin.email}&kind=account.profile&limit=2&order=oldest"
    page = admin.get(f"/admin/audit?{query}").text
    (following,) = re.findall(r'rel="next" href="([^"]+)"', page)
    assert admin.get(following.replace("&amp;", "&")).text.count("Profile changed</th>") <= 1
    assert len(rows(admin.get(following.replace("&amp;", "&")).text)) == 1
    assert 'aria-sort="ascending"' in page
    (turned,) = re.findall(r'class="sort" href="([^"]+)"', page)
    assert {"order=newest", "kind=account.profile", "limit=2"} <= set(turned.partition("?")[2].split("&amp;"))
    (export,) = re.findall(r'href="(/admin/audit/export[^"]+)"', page)
    form = admin.get(export.replace("&amp;", "&")).text
    assert f'name="actor" value="{admin.email}"' in form
    assert '<option value="account.profile" selected>' in form


@on_both_databases
def test_the_oldest_come_first_where_they_are_asked_for(service: Service) -> None:
    admin = service.admin()
    for _ in range(3):
        record(service, "account.profile", account_id=id_of(admin))
    newest = [each["id"] for each in admin.get(f"/api/admin/audit?account={admin.email}").get_json()["lines"]]
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        path = f"/api/admin/audit?account={admin.email}&order=oldest&limit=2&after={after}"
        answer = admin.get(path).get_json()
        seen, after = [*seen, *(each["id"] for each in answer["lines"])], answer["next"]
    assert seen == newest[::-1]
    assert admin.get("/api/admin/audit?order=odd").status_code == 422


def test_where_nothing_matches_the_page_says_what_to_do(service: Service) -> None:
    page = service.admin().get(f"/admin/audit?account={make_email('nobody')}&kind=app.consent").text
    assert "No entries match." in page
    assert "remove the filters" in page
    assert page.count(">Clear filters</a>") == 2
    assert "Export these entries" not in page
