"""Moments on pages: one element everywhere, that a script writes in the zone of the browser."""

from __future__ import annotations

import re
from datetime import timedelta

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.models.account import Account
from accounts.web.kit.templates import STATIC_FOLDER, TEMPLATES_FOLDER
from tests.people import Service, make_email
from tests.web.parsed_page import ParsedPage, submit_form

TIME = re.compile(
    r'<time datetime="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" data-format="(?:absolute|relative)">[^<]+ UTC</time>'
)


def test_no_template_writes_a_moment_by_itself() -> None:
    for path in TEMPLATES_FOLDER.rglob("*.html"):
        source = path.read_text()
        assert "<time" not in source, path
        assert not re.search(r"isoformat|strftime", source), path


def test_a_moment_is_an_element_with_its_moment_in_utc(service: Service) -> None:
    page = service.member().client.get("/account/sessions").text
    assert len(TIME.findall(page)) >= 2
    assert page.count("<time") == len(TIME.findall(page))


def test_a_moment_in_a_text_stays_an_element(service: Service) -> None:
    member = service.member()
    member.post("/api/account/close")
    link = service.link_url(member.email, "close-account").removeprefix(service.site.settings.public_origin)
    shown = member.client.get(link, follow_redirects=True)
    uow = service.uow()
    with uow:
        account = uow.session.scalars(select(Account).where(Account.email == member.email)).one()
        account.anchor_email = account.anchor_key = make_email("former")
        account.anchor_until = now() + timedelta(hours=1)
    answer = submit_form(member.client, "/l/close-account", shown)
    assert answer.status_code == 409
    assert re.search(f"Try again after {TIME.pattern}\\.", answer.text)


def test_signing_in_takes_three_requests_and_forty_kilobytes(service: Service) -> None:
    stranger = service.app.test_client()
    answer = stranger.get("/sign-in")
    page = ParsedPage(answer)
    styles, scripts = page.find_all("link", rel="stylesheet"), page.find_all("script")
    assert len(styles) == len(scripts) == 1
    files = [stranger.get(each, buffered=True).data for each in (styles[0]["href"], scripts[0]["src"])]
    assert sum(map(len, [answer.data, *files])) <= 40_000
    assert len((STATIC_FOLDER / "page.js").read_bytes()) < 4_000
