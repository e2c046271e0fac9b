"""The main job as people do it: in a browser, with pages and mails, with scripts and without."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from accounts.core.errors import SignInFailed
from accounts.core.link_errors import LinkUsed
from accounts.flows.account import reset_password, sign_up
from accounts.flows.invites import link as invite_link
from accounts.web.kit.language import Languages
from tests.e2e.client import mailed_url
from tests.e2e.conftest import Start
from tests.e2e.pages import follow, send
from tests.people import OTHER_PASSWORD, PASSWORD
from tests.servers.smtp import SmtpSink

pytestmark = pytest.mark.e2e

SIGN_IN, ACCOUNT, MAIL, DONE, OVERVIEW = "Sign in", "Your account", "Check your email", "Done", "Overview"
INVITED, ACTIVATE, RESET = (link.title for link in (invite_link.INVITE, sign_up.ACTIVATE, reset_password.RESET))
PASSES = [
    pytest.param("sqlite", "en", True, id="english-scripts-sqlite"),
    pytest.param("sqlite", "de", False, id="german-no_scripts-sqlite"),
    pytest.param("postgres", "en", False, id="english-no_scripts-postgres", marks=pytest.mark.postgres),
    pytest.param("postgres", "de", True, id="german-scripts-postgres", marks=pytest.mark.postgres),
]


@dataclass
class People:
    """Browsers of several people: each has cookies of its own. Whatever a browser complains of is kept."""

    browser: Browser
    origin: str
    language: str
    scripts: bool
    complaints: list[str] = field(default_factory=list)

    def one(self) -> Page:
        context = self.browser.new_context(
            base_url=self.origin,
            locale={"en": "en-GB", "de": "de-DE"}[self.language],
            java_script_enabled=self.scripts,
        )
        page = context.new_page()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("requestfailed", self._failed)
        return page

    def _failed(self, request: Request) -> None:
        # A browser gives up what a page still loads when it is left, and a visit that turns out to be a file to keep.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"{request.url}: {request.failure}")

    def _heard(self, told: ConsoleMessage) -> None:
        # Pages that refuse something are part of the job, and the browser tells of them, too.
        refused = told.text.startswith("Failed to load resource: the server responded with a status of 4")
        if told.type in ("error", "warning") and not refused:
            self.complaints.append(told.text)

    def words(self, english: str) -> str:
        """What a sentence is in the language of these people."""
        text = Languages("en").translate(self.language, english)
        assert (text == english) == (self.language == "en")
        return text

    def sees(self, page: Page, words: str) -> None:
        """The page is about this, and in this person's language."""
        expect(page.locator("h1")).to_have_text(self.words(words))
        expect(page.locator("html")).to_have_attribute("lang", self.language)


def sign_in(page: Page, email: str, password: str) -> None:
    page.goto("/sign-in")
    send(page, email=email, password=password)


def first_admin_joins_and_invites(people: People, link: str) -> Page:
    admin = people.one()
    admin.goto(link)
    assert link.split("/")[-2] not in admin.url, "the token is out of the address"
    people.sees(admin, INVITED)
    send(admin, email="admin@example.org", name="Ada Admin", password=PASSWORD)
    people.sees(admin, OVERVIEW)
    admin.goto("/")
    people.sees(admin, ACCOUNT)
    admin.goto("/admin/invites")
    send(admin, email="second@example.org", groups="editors, readers", locale=people.language)
    expect(admin.locator("tbody tr")).to_contain_text("second@example.org")
    return admin


def second_joins(people: People, link: str) -> None:
    second = people.one()
    second.goto(link)
    people.sees(second, INVITED)
    expect(second.locator("main")).to_contain_text("editors, readers")
    send(second, name="Second", password="too short")
    expect(second.locator("[name=password]")).to_have_attribute("aria-invalid", "true")
    expect(second.locator("[name=name]")).to_have_value("Second")
    send(second, password=PASSWORD)
    people.sees(second, DONE)
    second.goto("/account")
    expect(second.locator("main")).to_contain_text("second@example.org")
    second.goto(link)
    expect(second.locator("main")).to_contain_text(people.words(LinkUsed.message))


def third_signs_up(people: People, post_office: SmtpSink) -> Page:
    third = people.one()
    third.goto("/sign-up")
    send(third, email="third@example.org")
    people.sees(third, MAIL)
    third.goto(mailed_url(post_office, "third@example.org", "activate"))
    people.sees(third, ACTIVATE)
    send(third, name="Third", password=PASSWORD)
    people.sees(third, DONE)
    third.goto("/account")
    people.sees(third, ACCOUNT)
    return third


def third_forgets(people: People, post_office: SmtpSink) -> Page:
    forgetful = people.one()
    sign_in(forgetful, "third@example.org", OTHER_PASSWORD)
    expect(forgetful.locator("[role=alert]")).to_contain_text(people.words(SignInFailed.message))
    forgetful.goto("/forgot-password")
    send(forgetful, email="third@example.org")
    people.sees(forgetful, MAIL)
    forgetful.goto(mailed_url(post_office, "third@example.org", "reset-password"))
    people.sees(forgetful, RESET)
    send(forgetful, password=OTHER_PASSWORD)
    people.sees(forgetful, DONE)
    forgetful.goto("/account")
    people.sees(forgetful, SIGN_IN)  # a reset never signs in
    send(forgetful, email="third@example.org", password=OTHER_PASSWORD)
    people.sees(forgetful, ACCOUNT)
    return forgetful


def leaves_nothing_behind(people: People, page: Page) -> None:
    page.goto("/account")
    expect(page.locator("main")).to_contain_text("third@example.org")
    follow(page, "main form[action$=sign-out] button")
    people.sees(page, SIGN_IN)
    page.go_back()
    people.sees(page, SIGN_IN)
    assert "third@example.org" not in page.content()


@pytest.mark.parametrize(("empty_database", "language", "scripts"), PASSES, indirect=["empty_database"])
def test_the_main_job_works_in_a_browser(
    make_process: Start, browser: Browser, post_office: SmtpSink, language: str, scripts: bool
) -> None:
    process = make_process(locale=language)
    process.start_and_answer()
    people = People(browser, process.origin, language, scripts)
    admin = first_admin_joins_and_invites(people, process.first_admin_link)
    second_joins(people, mailed_url(post_office, "second@example.org", "invite"))
    third = third_signs_up(people, post_office)
    forgetful = third_forgets(people, post_office)
    third.goto("/account")
    people.sees(third, SIGN_IN)  # the other session is out
    admin.goto("/account")
    people.sees(admin, ACCOUNT)
    leaves_nothing_behind(people, forgetful)
    assert people.complaints == []
    assert process.stop() == 0
