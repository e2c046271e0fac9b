"""What an admin takes along of a batch: letters and links in the order of the list, in piles, and a report."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from accounts.core.models.invites import SentInvite
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import report
from tests.people import PASSWORD, Person, Service, make_email
from tests.web.admin.printed_letters import parse_letters
from tests.web.endpoints import csrf_token

BATCHES = "/admin/invites/batches"
PEOPLE = ("Zoë", "anna", "Ümit", "Bob", "Cid")
GROUPS = ("class-b pupils", "class-a pupils", "class-b pupils", "class-a pupils", "")


def handed_in(admin: Person, more: str = "", **form: Any) -> tuple[str, dict[str, str]]:
    """A batch of five that is sent, and the addresses by the names."""
    emails = {name: make_email(f"p{number}") for number, name in enumerate(PEOPLE)}
    rows = [f"{emails[name]},{name},{groups}" for name, groups in zip(PEOPLE, GROUPS, strict=True)]
    data = {"name": "Autumn", "people": "email,name,groups\n" + "\n".join(rows) + "\n" + more, **form}
    answer = admin.post(f"/api{BATCHES}", data)
    assert answer.status_code == 201, answer.text
    batch = answer.get_json()["id"]
    assert '"finished":true' in admin.post(f"/api{BATCHES}/{batch}/send").text
    return batch, emails


def take(admin: Person, batch: str, what: str, **form: str) -> TestResponse:
    answer = admin.client.post(f"{BATCHES}/{batch}/{what}", data={"csrf_token": csrf_token(admin), **form})
    assert answer.status_code == 200, answer.text
    return answer


def table(answer: TestResponse) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(("form", "names"), [
    ({}, ["Zoë", "anna", "Ümit", "Bob", "Cid"]),
    ({"order": "line"}, ["Zoë", "anna", "Ümit", "Bob", "Cid"]),
    ({"order": "name"}, ["anna", "Bob", "Cid", "Ümit", "Zoë"]),
    ({"order": "email"}, ["Zoë", "anna", "Ümit", "Bob", "Cid"]),
    ({"order": "group"}, ["anna", "Bob", "Ümit", "Zoë", "Cid"]),
    ({"group": "class-b"}, ["Zoë", "Ümit"]),
    ({"group": "class-b", "order": "name"}, ["Ümit", "Zoë"]),
    ({"group": "nobody"}, []),
])  # fmt: skip
def test_links_and_letters_come_in_the_order_that_is_asked_for(
    service: Service, form: dict[str, str], names: list[str]
) -> None:
    admin = service.admin()
    batch, _ = handed_in(admin)
    assert [row[1] for row in table(take(admin, batch, "links", **form))[1:]] == names
    page = take(admin, batch, "letters", **form).text
    assert re.findall(r"<article.*?</h1>\s*<p>(.*?)</p>", page, re.DOTALL) == names
    lines = admin.post(f"/api{BATCHES}/{batch}/links", form).text.splitlines()
    assert [json.loads(line)["name"] for line in lines] == names


def test_lines_of_the_list_stand_beside_the_links(service: Service) -> None:
    admin = service.admin()
    batch, _ = handed_in(admin)
    assert [row[6] for row in table(take(admin, batch, "links"))] == ["line", "2", "3", "4", "5", "6"]


def test_by_group_each_pile_has_a_sheet_in_front_and_each_letter_is_there_once(service: Service) -> None:
    admin = service.admin()
    batch, _ = handed_in(admin)
    page = take(admin, batch, "letters", order="group").text
    marks = re.findall(r'<section class="pile">\s*<h1>(.*?)</h1>|<p class="link">\S+?/l/(invite)/', page, re.DOTALL)
    assert [pile or letter for pile, letter in marks] == [
        "class-a, pupils", "invite", "invite", "class-b, pupils", "invite", "invite", "No group", "invite",
    ]  # fmt: skip
    assert len(parse_letters(page)) == 5
    assert 'class="pile"' not in take(admin, batch, "letters").text


def test_a_cover_sheet_says_who_has_accepted_and_holds_no_link_that_lets_in(service: Service) -> None:
    admin = service.admin()
    batch, emails = handed_in(admin)
    token = service.link_token(emails["Bob"], "invite")
    visitor = service.app.test_client()
    accepted = visitor.post("/api/l/invite", json={"token": token, "password": PASSWORD})
    assert accepted.status_code == 201, accepted.text
    revoked = service.uow().session.query(SentInvite).filter_by(email=emails["Cid"]).one().id
    manage_invites.revoke_invite(service.uow(), revoked)
    assert "cover" not in re.sub(r"<style.*?</style>", "", take(admin, batch, "letters").text, flags=re.DOTALL)
    page = take(admin, batch, "letters", cover="on", order="name").text
    (cover,) = re.findall(r'<section class="cover">(.*?)</section>', page, re.DOTALL)
    assert "/l/invite" not in cover
    assert f"{BATCHES}/{batch}" in cover
    lists = re.findall(r"<h2>([^<]*)</h2>\s*<ol>(.*?)</ol>", cover, re.DOTALL)
    assert {heading: re.findall(r"<li>(\S+) ", people) for heading, people in lists} == {
        "Not accepted yet": ["anna", "Ümit", "Zoë"], "Accepted": ["Bob"], "Expired or revoked": ["Cid"],
    }  # fmt: skip
    german = admin.client.post(
        f"/de{BATCHES}/{batch}/letters", data={"csrf_token": csrf_token(admin), "cover": "on", "group": "class-a"}
    ).text
    assert "Angenommen" in german
    assert "Zoë" not in german


def test_a_report_says_what_became_of_each_row_also_of_those_left_out(service: Service) -> None:
    admin = service.admin()
    more = "not an address,Doe,\n=cmd@example.org,=1+1,\n"
    batch, emails = handed_in(admin, more + f"{make_email('off')},Off,admins\n")
    token = service.link_token(emails["anna"], "invite")
    accepted = service.app.test_client().post("/api/l/invite", json={"token": token, "password": PASSWORD})
    assert accepted.status_code == 201, accepted.text
    answer = admin.client.get(f"{BATCHES}/{batch}/report")
    assert answer.mimetype == "text/csv"
    heading, *rows = table(answer)
    assert tuple(heading) == report.HEADINGS
    assert [(row[0], row[1], row[5]) for row in rows] == [
        ("2", "Zoë", "pending"), ("3", "anna", "accepted"), ("4", "Ümit", "pending"), ("5", "Bob", "pending"),
        ("6", "Cid", "pending"), ("7", "", "malformed"), ("8", "'=1+1", "pending"), ("9", "Off", "refused"),
    ]  # fmt: skip
    assert [bool(row[10]) for row in rows].count(True) == 1
    assert rows[7][6] == "Invite admins one by one, not with a list."
    assert rows[6][2] == "'=cmd@example.org", "no cell begins as a formula does"
    assert "/l/invite" not in answer.text
    lines = [json.loads(line) for line in admin.get(f"/api{BATCHES}/{batch}/report").text.splitlines()]
    assert [(line["line"], line["state"], line["reason"]) for line in lines][5:] == [
        (7, "malformed", "email"), (8, "pending", ""), (9, "refused", "admins"),
    ]  # fmt: skip
    admin.post(f"/api{BATCHES}/{batch}/discard")
    kept = [json.loads(line)["line"] for line in admin.get(f"/api{BATCHES}/{batch}/report").text.splitlines()]
    assert kept == [2, 3, 4, 5, 6, 8], "what was sent stays in the ledger, in its order"


def test_reports_are_for_admins(service: Service) -> None:
    admin, member = service.admin(), service.member()
    batch, _ = handed_in(admin)
    assert member.get(f"/api{BATCHES}/{batch}/report").status_code == 403
    assert admin.get(f"/api{BATCHES}/nothing/report").status_code == 404


def test_printed_letters_say_name_words_and_app_in_the_language_of_the_row(service: Service) -> None:
    admin = service.admin()
    uri = "https://wiki.example.org/"
    app = {"name": "Wiki", "redirect_uris": [f"{uri}cb"], "initiate_login_uri": uri}
    assert admin.post("/api/admin/apps", app).status_code == 201
    people = f"email,name,language,message\n{make_email()},Ann,de,\n{make_email()},Bob,en,Bring a <hat>."
    answer = admin.post(f"/api{BATCHES}", {"name": "Own", "people": people, "message": "Hallo.", "app": "Wiki"})
    batch = answer.get_json()["id"]
    assert '"finished":true' in admin.post(f"/api{BATCHES}/{batch}/send").text
    page = take(admin, batch, "letters").text
    ann, bob = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert "Sie sind eingeladen, Wiki zu nutzen" in ann
    assert "<blockquote>Hallo.</blockquote>" in ann
    assert "You are invited to use Wiki" in bob
    assert "<blockquote>Bring a &lt;hat&gt;.</blockquote>" in bob


def test_words_of_ones_own_need_a_fresh_proof(service: Service) -> None:
    admin = service.admin()
    assert admin.sign_in(remember=True).status_code == 200
    answer = admin.post("/api/admin/invites", {"email": make_email(), "message": "Hello."})
    assert (answer.status_code, answer.get_json()["code"]) == (403, "confirmation_required")
    assert admin.post("/api/admin/invites", {"email": make_email(), "name": "Ann"}).status_code == 202
