"""Inviting by lists over pages and JSON: uploads, streams, links to take along, and who may not."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import InviteBatch, SentInvite
from accounts.core.security.throttle import INVITE_LETTERS
from accounts.flows.invites.link import INVITE
from tests.flows.steps import link_state
from tests.people import Person, Service, make_email, token_of_url
from tests.web.admin.printed_letters import parse_letters
from tests.web.endpoints import csrf_token
from tests.web.parsed_page import check_skeleton, submit_form

BATCHES = "/admin/invites/batches"
LIST = "E-Mail;Name;Gruppen\r\nann{n}@example.org;Änn;editors\r\nbob{n}@example.org;=1+1;\r\nnobody;;\r\n"


def handed_in(admin: Person, people: str, name: str = "Spring", **more: Any) -> dict[str, Any]:
    answer = admin.post(f"/api{BATCHES}", {"name": name, "people": people, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.get_json()
    return found


def lines(answer: TestResponse) -> list[dict[str, Any]]:
    assert (answer.status_code, answer.mimetype) == (200, "application/x-ndjson"), answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def upload(admin: Person, raw: bytes, **fields: str) -> TestResponse:
    data = {"csrf_token": csrf_token(admin), "name": "By file", **fields, "file": (io.BytesIO(raw), "people.csv")}
    return admin.client.post(BATCHES, data=data, content_type="multipart/form-data")


def test_a_file_is_handed_in_looked_at_and_sent_without_scripts(service: Service) -> None:
    admin, n = service.admin(), make_email("").partition("@")[0]
    answer = upload(admin, LIST.format(n=n).encode("cp1252"), groups="readers", days="3", locale="de")
    assert answer.status_code == 303, answer.text
    page = admin.client.get(answer.location).text
    assert "Änn" in page
    assert "Enter an email address we can send to, such as name@example.org." in page
    assert page.index("Rows that need your attention") < page.index("Summary"), "what is wrong comes first"
    assert "Send 2 invitations" in admin.client.get(f"{answer.location}/send").text
    sending = admin.client.post(f"{answer.location}/send", data={"csrf_token": csrf_token(admin)})
    assert sending.mimetype == "text/html"
    assert "2 of 2 done" in sending.text
    assert "Done: 2. Skipped: 1." in sending.text
    assert service.link_url(f"ann{n}@example.org", "invite")
    assert "Gruppen: readers" in str(service.mails_to(f"bob{n}@example.org")[-1].message.get_body(("plain",)))


@pytest.mark.parametrize("german", [False, True], ids=["en", "de"])
def test_a_list_that_cannot_be_taken_comes_back_with_a_reason_at_its_field(service: Service, german: bool) -> None:
    admin = service.admin()
    prefix, text = ("/de", "Diese Liste enthält keine Einträge.") if german else ("", "This list has no entries.")
    data = {"csrf_token": csrf_token(admin), "name": "Nobody", "people": " "}
    answer = admin.client.post(prefix + BATCHES, data=data)
    assert (answer.status_code, text in answer.text) == (422, True)
    assert re.search(r'id="field-people"[^>]*aria-invalid="true"', answer.text)


def test_json_takes_text_and_files_and_answers_with_a_line_for_every_step(service: Service) -> None:
    admin, one, two = service.admin(), make_email(), make_email()
    first = handed_in(admin, one)
    assert (first["state"], first["rows"], first["left"], first["invites"]) == ("ready", {"new": 1}, 1, {})
    raw = base64.b64encode(f"email\n{two}\n{one}".encode("utf-16")).decode()
    answer = admin.post(f"/api{BATCHES}", {"name": "File", "file": raw})
    assert answer.status_code == 201
    second = answer.get_json()["id"]
    assert (
        admin.post(f"/api{BATCHES}", {"name": "Bad", "file": "not base64!"}).get_json()["errors"][0]["field"]
        == "file"
    )
    sent = lines(admin.post(f"/api{BATCHES}/{first['id']}/send"))
    assert sent == [
        {"done": 0, "skipped": 0, "left": 1, "finished": False},
        {"done": 1, "skipped": 0, "left": 0, "finished": False},
        {"done": 1, "skipped": 0, "left": 0, "finished": True},
    ]
    assert lines(admin.post(f"/api{BATCHES}/{second}/send"))[-1] == {
        "done": 1, "skipped": 1, "left": 0, "finished": True,
    }  # fmt: skip
    shown = admin.get(f"/api{BATCHES}/{second}").get_json()
    assert [(row["email"], row["verdict"]) for row in shown["list"]] == [(two, "sent"), (one, "open")]
    assert {batch["name"]: batch["state"] for batch in admin.get(f"/api{BATCHES}").get_json()["batches"]} == {
        "Spring": "sent", "File": "sent",
    }  # fmt: skip


def test_rows_and_invitations_are_paged(service: Service) -> None:
    admin = service.admin()
    batch = handed_in(admin, "\n".join(f"p{number}@example.org" for number in range(120)))
    page = admin.get(f"/api{BATCHES}/{batch['id']}").get_json()
    rest = admin.get(f"/api{BATCHES}/{batch['id']}?verdict=new&after={page['next']}").get_json()
    assert (len(page["list"]), len(rest["list"]), rest["next"]) == (100, 20, None)
    lines(admin.post(f"/api{BATCHES}/{batch['id']}/send"))
    first = admin.get(f"/api/admin/invites?batch={batch['id']}&limit=80&q=p1").get_json()
    assert first["next"] is None
    assert all(invite["email"].startswith("p1") for invite in first["invites"])
    first = admin.get(f"/api/admin/invites?batch={batch['id']}&limit=80").get_json()
    more = admin.get(f"/api/admin/invites?batch={batch['id']}&limit=80&after={first['next']}").get_json()
    assert len({invite["id"] for invite in first["invites"] + more["invites"]}) == 120
    for query in ("state=lost", "q=%00", "batch='", "limit=501", "limit=x"):
        assert admin.get(f"/api/admin/invites?{query}").status_code == 422, query
    assert admin.get("/api/admin/invites?after=9999999999999999.x").status_code == 200
    for query in ("verdict=lost", "after=-1", "after=99999999999999999999"):
        assert admin.get(f"/api{BATCHES}/{batch['id']}?{query}").status_code == 422, query
    assert "p119@example.org" in admin.get("/admin/invites?q=p119&state=pending").text


def test_some_are_ticked_on_the_page_and_revoked(service: Service) -> None:
    admin, emails = service.admin(), [make_email() for _ in range(3)]
    ids = [admin.post("/api/admin/invites", {"email": email}).get_json()["id"] for email in emails]
    assert f'value="{ids[0]}"' in admin.get("/admin/invites").text
    data = {"csrf_token": csrf_token(admin), "ids": ids[:2], "act": "revoke", "days": "14"}
    answer = admin.client.post("/admin/invites/some", data=data)
    assert answer.location == "/admin/invites"
    assert "2 invitations were revoked." in admin.client.get(answer.location).text
    states = {each["email"]: each["state"] for each in admin.get("/api/admin/invites").get_json()["invites"]}
    assert states == dict(zip(emails, ["revoked", "revoked", "pending"], strict=True))
    extended = admin.post(f"/api/admin/invites/{ids[2]}/extend", {"days": 30})
    assert extended.status_code == 202
    assert (
        admin.post("/api/admin/invites/some", {"ids": [ids[2]], "act": "burn"}).get_json()["errors"][0]["field"]
        == "act"
    )


def test_a_batch_is_looked_after_as_a_whole(service: Service) -> None:
    admin = service.admin()
    batch = handed_in(admin, f"{make_email()}\n{make_email()}")["id"]
    lines(admin.post(f"/api{BATCHES}/{batch}/send"))
    assert admin.post(f"/api{BATCHES}/{batch}/resend").get_json() == {"count": 2}
    assert admin.post(f"/api{BATCHES}/{batch}/extend", {"days": 20}).get_json() == {"count": 2}
    assert admin.post(f"/api{BATCHES}/{batch}/revoke").get_json() == {"count": 2}
    assert admin.get(f"/api{BATCHES}/{batch}").get_json()["state"] == "revoked"
    assert admin.post(f"/api{BATCHES}/{batch}/discard").get_json() == {"rows": 2}


def test_each_act_on_a_list_asks_with_its_counts_and_says_what_it_did(service: Service) -> None:
    admin = service.admin()
    batch = handed_in(admin, f"{make_email()}\n{make_email()}\nnobody")["id"]
    lines(admin.post(f"/api{BATCHES}/{batch}/send"))
    listed = check_skeleton(admin.client.get(f"{BATCHES}/{batch}"))
    for act, asks, says in (
        ("resend", "2 people get the email again.", "2 invitations of this list were sent again."),
        ("extend", "2 people who haven't accepted", "2 invitations of this list were extended and sent again."),
        ("revoke", "2 open invitations stop working at once.", "The list was revoked: 2 open invitations"),
        ("discard", "2 invitations that were already sent are kept.", "The list “Spring” was discarded."),
    ):
        path = f"{BATCHES}/{batch}/{act}"
        assert listed.find_all("a", href=path)
        shown = admin.client.get(path)
        page = check_skeleton(shown)
        assert asks in page.text("main")
        assert "Spring" in page.text("h1")
        assert page.find_all("a", href=f"{BATCHES}/{batch}", **{"class": "button"}), "a way back"
        answer = submit_form(admin.client, path, shown, **({"days": "20"} if act == "extend" else {}))
        assert says in check_skeleton(admin.client.get(answer.location)).text("main")


def test_a_list_that_was_read_says_how_many_rows_it_has(service: Service) -> None:
    admin = service.admin()
    answer = upload(admin, b"ann@example.org\nbob@example.org\n")
    page = check_skeleton(admin.client.get(answer.location))
    assert "2 rows of “By file” were read. Nothing has been sent yet." in page.text("main")
    assert page.find_all("li", **{"aria-current": "step"})


def test_links_to_take_along_work_are_harmless_in_spreadsheets_and_are_noted(service: Service) -> None:
    admin, n = service.admin(), make_email("").partition("@")[0]
    batch = handed_in(admin, LIST.format(n=n) + f"=cmd{n}@example.org;-SUM(1);\r\n")["id"]
    lines(admin.post(f"/api{BATCHES}/{batch}/send"))
    answer = admin.client.post(f"{BATCHES}/{batch}/links", data={"csrf_token": csrf_token(admin)})
    assert (answer.mimetype, answer.headers["Cache-Control"]) == ("text/csv", "no-store")
    assert "attachment" in answer.headers["Content-Disposition"]
    heading, *rows = csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"), newline=""))
    assert heading == ["email", "name", "groups", "language", "valid until", "link", "line", "app", "message"]
    assert {(row[0], row[1]) for row in rows} == {
        (f"ann{n}@example.org", "Änn"), (f"bob{n}@example.org", "'=1+1"), (f"'=cmd{n}@example.org", "'-SUM(1)"),
    }  # fmt: skip
    assert {link_state(service, INVITE, token_of_url(row[5])) for row in rows} == {"alive"}
    results = lines(admin.post(f"/api{BATCHES}/{batch}/links"))
    assert {link_state(service, INVITE, token_of_url(each["url"])) for each in results} == {"alive"}
    note = select(AuditRow.facts).where(AuditRow.kind == "batch.exported")
    assert [row[0] for row in service.uow().fetch_all(note)] == [{"batch": batch, "form": "links", "count": 3}] * 2


def test_letters_have_a_page_each_in_the_language_of_whoever_is_invited(service: Service) -> None:
    admin, one = service.admin(), make_email("one")
    batch = handed_in(admin, f"email,name,language\n{one},<b>Ann</b>,de\n{make_email('two')},Bob,en")["id"]
    lines(admin.post(f"/api{BATCHES}/{batch}/send"))
    page = admin.client.post(f"{BATCHES}/{batch}/letters", data={"csrf_token": csrf_token(admin)}).text
    assert page.count("<article") == page.count("<svg") == 2
    assert f"Diese Einladung gilt für {one}." in page
    assert "&lt;b&gt;Ann" in page
    assert "<style" not in page
    assert " style=" not in page
    for letter in parse_letters(page):
        assert letter.scanned == letter.printed
        assert link_state(service, INVITE, token_of_url(letter.scanned)) == "alive"


@pytest.mark.parametrize("what", ["send", "links", "letters"])
def test_sending_and_taking_along_need_a_fresh_proof(service: Service, what: str) -> None:
    admin = service.admin()
    batch = handed_in(admin, make_email())["id"]
    assert admin.sign_in(remember=True).status_code == 200
    answer = admin.client.post(f"{BATCHES}/{batch}/{what}", data={"csrf_token": csrf_token(admin)})
    assert answer.status_code == 403
    assert service.uow().fetch_all(select(SentInvite.id).where(SentInvite.batch_id == batch)) == []
    if what == "send":
        assert f"/confirm?next={BATCHES}/{batch}/send" in answer.text
        assert admin.client.get(f"{BATCHES}/{batch}/send").location == f"/confirm?next={BATCHES}/{batch}/send"


def test_a_member_hands_in_nothing_and_more_than_the_bound_is_refused_unread(service: Service) -> None:
    admin, member = service.admin(), service.member()
    assert upload(member, b"a@example.org").status_code == 403
    assert member.post(f"/api{BATCHES}", {"name": "x", "people": "a@example.org"}).status_code == 403
    large = b"a@example.org\n" * 600_000
    as_form = admin.client.post(BATCHES, data=large, content_type="multipart/form-data; boundary=x")
    assert as_form.status_code == 413
    assert admin.post(f"/api{BATCHES}", {"name": "x", "people": large.decode()}).status_code == 413
    assert upload(admin, b"\n".join(b"r%d@example.org" % n for n in range(20_001))).status_code == 422
    assert admin.post("/api/admin/invites", {"email": "x" * 70_000}).status_code == 413
    assert service.uow().fetch_all(select(InviteBatch.id)) == []


def test_a_stream_that_is_held_up_says_so_in_its_last_line(service: Service) -> None:
    admin = service.admin()
    batch = handed_in(admin, "\n".join(f"held{number}@example.org" for number in range(150)))["id"]
    account = admin.get("/api/account").get_json()["id"]
    service.site.throttle.reserve(INVITE_LETTERS.by(account, cost=19_900))
    answer = admin.post(f"/api{BATCHES}/{batch}/send")
    *steps, last = lines(answer)
    assert [step["done"] for step in steps] == [0, 100]
    assert (last["problem"]["code"], last["problem"]["retry_after"] > 0) == ("too_many_requests", True)
    page = admin.client.post(f"{BATCHES}/{batch}/send", data={"csrf_token": csrf_token(admin)}).text
    assert "Too many attempts." in page
