"""Acts on many accounts over pages and JSON: chosen, looked at, done, reported; and who may not."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from tests.flows.helpdesk.bulk_acts import make_accounts
from tests.people import Person, Service
from tests.web.endpoints import csrf_token

BULK = "/admin/accounts/bulk"


def choose(admin: Person, **data: Any) -> TestResponse:
    """What the page of accounts sends; boxes that nobody unticked are ticked."""
    boxes = dict.fromkeys(("identities", "consents", "invites", "apps"), "on")
    fields = {"csrf_token": csrf_token(admin), "scope": "ticked", "groups": "", **boxes, **data}
    return admin.client.post(BULK, data=fields, headers={"Accept-Language": "en"})


def lines(answer: TestResponse) -> list[dict[str, Any]]:
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def id_of(person: Person) -> str:
    return str(person.get("/api/account").get_json()["id"])


def test_ticked_accounts_are_disabled_without_scripts(service: Service) -> None:
    admin, one, two = service.admin(), service.member("one"), service.member("two")
    people = [id_of(admin), id_of(one)]
    page = admin.get("/admin/accounts").text
    assert all(f'name="who" value="{each}"' in page for each in (*people, id_of(two)))
    answer = choose(admin, who=people, act="disable")
    assert answer.status_code == 303, answer.text
    page = admin.client.get(answer.location).text
    assert "Preview" in page
    assert "Skipped: your own account" in page
    assert "Apply to 1 account" in page
    assert one.signed_in, "looking changes nothing"
    running = admin.client.post(f"{answer.location}/run", data={"csrf_token": csrf_token(admin)})
    assert "0 of 1 done, 1 left" in running.text
    assert "Done: 1. Skipped: 1." in running.text
    assert (one.signed_in, two.signed_in, admin.signed_in) == (False, True, True)
    page = admin.client.get(answer.location).text
    assert "Results" in page
    assert "/run" not in page
    rows = [*csv.reader(io.StringIO(admin.client.get(f"{answer.location}/report").get_data().decode("utf-8-sig")))]
    assert sorted(rows[1:]) == sorted(
        [[admin.email, "Admin", people[0], "skipped", "your own account"], [one.email, "One", people[1], "done", ""]]
    )
    assert "Disable" in admin.get(f"{BULK}/acts").text
    asked = admin.get(f"{answer.location}/discard").text
    assert "What was done to 1 account stays done" in asked
    discarded = admin.client.post(f"{answer.location}/discard", data={"csrf_token": csrf_token(admin)})
    assert "The change was discarded." in admin.client.get(discarded.location).text
    assert admin.client.get(answer.location).status_code == 404


def test_all_on_a_page_are_ticked_by_a_link_and_all_that_match_by_a_button(service: Service) -> None:
    admin = service.admin()
    make_accounts(service, 8, group="staff")
    page = admin.get("/admin/accounts?q=crowd&limit=3").text
    assert (page.count('name="who"'), page.count(" checked>")) == (3, 4), "what enabling takes away"
    assert "All results: 8" in page
    link = re.search(r'href="([^"]*ticked=1[^"]*)"', page)
    assert link is not None
    ticked = admin.get(link[1].replace("&amp;", "&")).text
    assert (ticked.count('name="who"'), ticked.count(" checked>")) == (3, 7)
    answer = choose(admin, scope="matching", q="crowd", group="staff", limit="3", act="sign-out")
    assert ">8</dd>" in admin.client.get(answer.location).text


def test_what_was_ticked_stays_when_something_is_missing(service: Service) -> None:
    admin = service.admin()
    ids = make_accounts(service, 8)
    nobody = choose(admin, act="disable", q="crowd", limit="3", order="desc")
    assert (nobody.status_code, nobody.location) == (303, "/admin/accounts?q=crowd&limit=3&order=desc")
    shown = admin.client.get(nobody.location).text
    assert re.search(r'class="notice bad" id="notice"[^>]*>Select at least one account\.<', shown)
    assert shown.count('name="who"') == 3
    page = choose(admin, act="add-groups", who=ids[3:5], q="crowd", limit="3", after=ids[2])
    assert page.status_code == 422
    assert "Enter at least one group." in page.text
    assert re.search(r'id="field-groups"[^>]*aria-invalid="true"', page.text)
    assert re.findall(r'value="([^"]+)" aria-labelledby="[^"]+" checked', page.text) == ids[3:5]
    assert '<option value="add-groups" selected>' in page.text
    german = admin.client.post(f"/de{BULK}", data={"csrf_token": csrf_token(admin), "act": "disable"})
    assert "Wählen Sie mindestens ein Konto aus." in admin.client.get(german.location).text


def test_json_makes_an_act_does_it_by_lines_and_says_how_it_stands(service: Service) -> None:
    admin, one = service.admin(), service.member("one")
    answer = admin.post(f"/api{BULK}", {"act": "add-groups", "groups": ["staff"], "who": [one.email, "gone"]})
    made = answer.get_json()
    assert (answer.status_code, made["unknown"], made["left"], made["state"]) == (201, ["gone"], 1, "ready")
    assert made["made_by"] == id_of(admin)
    path = f"/api{BULK}/{made['id']}"
    shown = admin.get(path).get_json()
    assert shown["list"] == [
        {
            "number": 1, "account": id_of(one), "email": one.email, "name": "One",
            "verdict": "due", "reason": "", "detail": "",
        }
    ]  # fmt: skip
    assert lines(admin.post(f"{path}/run")) == [
        {"done": 0, "skipped": 0, "left": 1, "finished": False},
        {"done": 1, "skipped": 0, "left": 0, "finished": False},
        {"done": 1, "skipped": 0, "left": 0, "finished": True},
    ]
    assert one.get("/api/account").get_json()["groups"] == ["staff"]
    assert admin.get(path).get_json()["state"] == "done"
    assert [each["id"] for each in admin.get(f"/api{BULK}").get_json()["acts"]] == [made["id"]]
    (reported,) = lines(admin.get(f"{path}/report"))
    assert (reported["email"], reported["verdict"]) == (one.email, "done")
    again = admin.post(f"/api{BULK}", {"act": "add-groups", "groups": ["staff"], "who": [one.email]}).get_json()
    assert (again["left"], again["skipped"]) == (0, {"member": 1})
    audit = admin.get("/api/admin/audit?kind=account.groups").get_json()["lines"]
    assert audit[0]["facts"] == {"bulk": made["id"], "added": ["staff"]}
    assert admin.post(f"{path}/discard").get_json() == {"left": 0, "letters": 0}
    assert admin.get(path).status_code == 404


def test_discarding_says_how_many_emails_it_cancels(service: Service) -> None:
    admin, ids = service.admin(), make_accounts(service, 3)
    made = [admin.post(f"/api{BULK}", {"act": "send-reset", "who": who}).get_json()["id"] for who in (ids, ids[:2])]
    for each in made:
        assert admin.get(f"/api{BULK}/{each}").get_json()["letters"] == 0
        admin.post(f"/api{BULK}/{each}/run").get_data()
    page = admin.get(f"{BULK}/{made[0]}").text
    assert "Unsent emails" in page
    assert "3 unsent emails are cancelled." in admin.get(f"{BULK}/{made[0]}/discard").text
    assert admin.get(f"/api{BULK}/{made[0]}").get_json()["letters"] == 3
    assert admin.post(f"/api{BULK}/{made[0]}/discard").get_json() == {"left": 0, "letters": 3}
    answer = admin.client.post(f"{BULK}/{made[1]}/discard", data={"csrf_token": csrf_token(admin)})
    assert "2 unsent emails were cancelled" in admin.client.get(answer.location).text


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "act"),
        ({"act": "delete", "who": ["x"]}, "act"),
        ({"act": "disable"}, "who"),
        ({"act": "disable", "who": "x"}, "who"),
        ({"act": "disable", "who": [1]}, "who"),
        ({"act": "disable", "who": ["x" * 300]}, "who"),
        ({"act": "disable", "who": ["x\x00"]}, "who"),
        ({"act": "disable", "scope": "all"}, "scope"),
        ({"act": "disable", "scope": "matching", "state": "lost"}, "state"),
        ({"act": "add-groups", "scope": "matching", "groups": ["a b"]}, "groups"),
        ({"act": "add-groups", "scope": "matching", "groups": ["admins"]}, "groups"),
        ({"act": "disable", "scope": "matching", "everybody": True}, "everybody"),
    ],
)
def test_what_cannot_be_asked_for_is_told_at_its_field(service: Service, data: dict[str, Any], field: str) -> None:
    answer = service.admin().post(f"/api{BULK}", data)
    assert answer.status_code == 422, answer.text
    assert answer.get_json()["errors"][0]["field"].startswith(field)


def test_an_act_needs_a_fresh_proof_and_its_dry_run_does_not(service: Service) -> None:
    admin, one = service.admin(), service.member("one")
    assert admin.sign_in(remember=True).status_code == 200
    answer = choose(admin, who=[id_of(one)], act="disable")
    page = admin.client.get(answer.location).text
    assert f'href="/confirm?next={answer.location}"' in page.replace("%2F", "/")
    assert "/run" not in page
    refused = admin.post(f"/api{answer.location}/run")
    assert (refused.status_code, refused.get_json()["code"]) == (403, "confirmation_required")
    assert one.signed_in
