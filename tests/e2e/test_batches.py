"""Inviting by a list as an admin does it in a browser, and with the process killed in the middle of it."""

from __future__ import annotations

import contextlib
import json
from http.client import HTTPException
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import func, select

from accounts.core.database.store import Store
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.web.kit.language import Languages
from tests.e2e.conftest import Start, Visit, on_either_database
from tests.e2e.pages import follow, send
from tests.e2e.test_killed import first_admin
from tests.e2e.test_main_job_browser import People
from tests.people import PASSWORD

BATCHES = "/admin/invites/batches"
PEOPLE = 2_000


def hands_in(people: People, link: str, folder: Path) -> Page:
    """Becomes the first admin, and hands in a list as Excel writes it."""
    file = folder / "people.csv"
    rows = [f"crowd{number}@example.org;Änn {number};editors" for number in range(230)]
    text = "\r\n".join(["E-Mail;Name;Gruppen;Telefon", *rows, "nobody@;X;", "boss@example.org;B;admins"])
    file.write_text(text, encoding="utf-16")
    admin = people.one()
    admin.goto(link)
    send(admin, email="admin@example.org", password=PASSWORD)
    admin.goto(BATCHES)
    admin.fill("[name=name]", "Summer school")
    admin.set_input_files("[name=file]", file)
    admin.click("main .primary")
    expect(admin.locator("main")).to_contain_text("Telefon")
    expect(admin.locator("tbody tr")).to_have_count(25)
    return admin


@pytest.mark.e2e
@pytest.mark.parametrize(("language", "scripts"), [("en", True), ("de", False)], ids=["scripts", "no_scripts"])
def test_an_admin_hands_in_a_list_sends_it_and_takes_links_along(
    browser: Browser, make_process: Start, tmp_path: Path, language: str, scripts: bool
) -> None:
    served = make_process(locale=language)
    served.start_and_answer()
    people = People(browser, served.origin, language, scripts)
    admin = hands_in(people, served.first_admin_link, tmp_path)
    follow(admin, ".tabs a[href*='verdict=malformed']")
    expect(admin.locator("tbody tr")).to_have_count(1)
    follow(admin, "a[href$='/send']")
    admin.locator("form[data-stream] .primary").click()
    if not scripts:
        text = Languages("en").translate(
            language, "Done: %(count)s. Skipped: %(skipped)s.", {"count": 230, "skipped": 2}
        )
        expect(admin.locator(".notice.good")).to_have_text(text)
        expect(admin.locator(".steps li")).to_have_count(5)
        admin.click(".act .primary")
    expect(admin.locator("#invited")).to_be_visible()
    expect(admin.locator("#invited + dl dd")).to_have_text("230")
    with admin.expect_download() as download:
        admin.locator("form[action$='/links'] button:not([formaction])").click()
    lines = download.value.path().read_text("utf-8-sig").splitlines()
    assert len(lines) == 231
    with admin.expect_popup() as popup:
        admin.locator("button[formaction$='/letters']").click()
    expect(popup.value.locator("article")).to_have_count(230)
    box = popup.value.locator("article svg").first.bounding_box()
    assert box is not None
    assert box["width"] > 200
    follow(admin, "a[href$='/revoke']")
    follow(admin, "main .danger")
    expect(admin.locator("#notice")).to_contain_text("230")
    assert people.complaints == []


@pytest.mark.faults
@on_either_database
def test_a_process_that_is_killed_while_it_sends_leaves_a_batch_that_goes_on(
    make_process: Start, visit: Visit, empty_database: str
) -> None:
    process = make_process()
    process.start_and_answer()
    client = visit(process)
    first_admin(process, client)
    rows = "\n".join(f"killed{number}@example.org" for number in range(PEOPLE))
    batch = client.post(f"/api{BATCHES}", {"name": "Killed", "people": rows}).json
    client.send("POST", f"/api{BATCHES}/{batch['id']}/send", {}, client.get("/api/csrf").json["csrf_token"])
    stream = client.connection.getresponse()
    assert [json.loads(stream.readline())["done"] for _ in range(3)] == [0, 100, 200]
    process.kill()
    with contextlib.suppress(OSError, HTTPException):
        stream.read()
    again = make_process()
    again.start_and_answer()
    client = visit(again)
    assert client.post("/api/sign-in", {"email": "admin@example.org", "password": PASSWORD}).status == 200
    left = client.get(f"/api{BATCHES}/{batch['id']}").json["left"]
    assert 0 < left <= PEOPLE - 200
    results = client.post(f"/api{BATCHES}/{batch['id']}/send", {}).text.splitlines()
    assert json.loads(results[-1]) == {"done": PEOPLE, "skipped": 0, "left": 0, "finished": True}
    store = Store(empty_database)
    with store.engine.connect() as connection:
        total, different = connection.execute(
            select(func.count(), func.count(SentInvite.email_key.distinct())).select_from(SentInvite)
        ).one()
        assert (total, different) == (PEOPLE, PEOPLE)
        letters = connection.execute(select(func.count()).select_from(OutboxRow)).scalar_one()
        assert letters <= PEOPLE
    store.close()
