"""Who may come in: each policy at each entrance, alike for addresses with and without an account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from accounts import Accounts
from accounts.core.models.outbox import OutboxRow
from accounts.extension import get_app_state
from tests.conftest import KEY
from tests.flows.steps import count_rows
from tests.kit.browser import Browser
from tests.people import Person, Service, make_email, token_of_url
from tests.web import entrances
from tests.web.answer_checks import AnswerChecker
from tests.web.entrances import IN, Visit, new_visit
from tests.web.test_enumeration import ask, seen

POLICIES: dict[str, dict[str, str]] = {
    "open": {},
    "invited": {"sign_up": "invited"},
    "listed": {"sign_up": "domains", "sign_up_domains": "example.com, Example.ORG."},
    "unlisted": {"sign_up": "domains", "sign_up_domains": ".example.com"},
    "approval": {"sign_up": "approval"},
}
"""Newcomers are of example.org."""
CHECK_MAIL = "page of /check-email"
HOST_CHECK_MAIL = "page of /auth/check-email"
# (open, invited, a listed domain, another domain, approval)
ROWS: dict[Callable[[Visit], str], tuple[str, str, str, str, str]] = {
    entrances.sign_up_by_page: (CHECK_MAIL, "no form", CHECK_MAIL, "403", CHECK_MAIL),
    entrances.sign_up_by_forged_form: (CHECK_MAIL, "403", CHECK_MAIL, "403", CHECK_MAIL),
    entrances.sign_up_by_json: ("202", "sign_up_closed", "202", "sign_up_closed", "202"),
    entrances.use_earlier_link: (IN, "link_sign_up_closed", IN, "link_sign_up_closed", "link_sign_up_closed"),
    entrances.resend_earlier_link: (
        "202",
        "link_sign_up_closed",
        "202",
        "link_sign_up_closed",
        "link_sign_up_closed",
    ),
    entrances.read_earlier_letter: ("a letter", "no letter", "a letter", "no letter", "no letter"),
    entrances.accept_invitation: (IN,) * 5,
    entrances.join_by_link_for_several: (IN,) * 5,
    entrances.become_first_admin: (IN,) * 5,
    entrances.come_from_app: (
        "page of /sign-up",
        "closed page of /oauth/authorize",
        "page of /sign-up",
        "page of /sign-up",
        "page of /sign-up",
    ),
    entrances.sign_in_by_unknown_identity: ("identity_unknown",) * 5,
    entrances.accept_invitation_by_identity: (IN,) * 5,
    entrances.join_by_link_for_several_by_identity: (IN,) * 5,
    entrances.accept_invitation_of_console: (IN,) * 5,
    entrances.come_from_forward_auth: (
        "page of /sign-up",
        "no form",
        "page of /sign-up",
        "page of /sign-up",
        "page of /sign-up",
    ),
    entrances.sign_up_by_form_of_host: (HOST_CHECK_MAIL, "403", HOST_CHECK_MAIL, "403", HOST_CHECK_MAIL),
    entrances.sign_in_with_account_from_before: (IN,) * 5,
}
LETTERS = {
    entrances.sign_up_by_page: ("activate", "", "activate", "", "request-account"),
    entrances.sign_up_by_forged_form: ("activate", "", "activate", "", "request-account"),
    entrances.sign_up_by_json: ("activate", "", "activate", "", "request-account"),
    entrances.sign_up_by_form_of_host: ("activate", "", "activate", "", "request-account"),
    entrances.resend_earlier_link: ("activate", "", "activate", "", ""),
}
"""What is due to the newcomer then, by its purpose."""


@pytest.mark.parametrize(
    ("entrance", "policy"),
    list(product(ROWS, POLICIES)),
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_a_policy_decides_at_an_entrance(
    make_service: Callable[..., Service], entrance: Callable[[Visit], str], policy: str
) -> None:
    visit = new_visit(make_service(**POLICIES[policy]), make_service())
    column = list(POLICIES).index(policy)
    assert entrance(visit) == ROWS[entrance][column]
    assert visit.has_account == (ROWS[entrance][column] == IN)
    if entrance in LETTERS:
        with visit.service.uow() as uow:
            due = [row.purpose for row in uow.session.query(OutboxRow).filter_by(subject=visit.email)]
        assert "".join(due) == LETTERS[entrance][column]


@pytest.mark.parametrize("format", ["html", "json"])
@pytest.mark.parametrize("policy", POLICIES)
def test_the_answer_is_the_same_whether_or_not_the_address_has_an_account(
    make_service: Callable[..., Service], policy: str, format: str
) -> None:
    known = make_service().member().email
    service = make_service(**POLICIES[policy])
    unknown = known.replace("member", "nobody")
    answers = []
    for email in (known, unknown):
        with service.record_statements() as statements:
            answers.append(seen(ask(service.person(), "/sign-up", email, format), email))
        assert not any("accounts" in statement for statement in statements), "nobody is looked up"
        if answers[0][0] == 403:
            assert not statements, "decided by the text of the address"
    assert answers[0] == answers[1]


def test_who_is_refused_leaves_nothing_behind(make_service: Callable[..., Service]) -> None:
    service = make_service(sign_up="invited")
    answer = service.person().post("/api/sign-up", {"email": make_email()})
    assert answer.get_json() == {
        "type": "about:blank",
        "title": "Accounts are by invitation only.",
        "status": 403,
        "code": "sign_up_closed",
    }
    assert count_rows(service) == {}


def test_who_has_another_address_is_told_which_will_do(make_service: Callable[..., Service]) -> None:
    service = make_service(sign_up="domains", sign_up_domains="lab.test .münchen.example", support="help@lab.test")
    body = service.person().post("/api/sign-up", {"email": make_email()}).get_json()
    assert (body["status"], body["code"]) == (403, "sign_up_closed")
    assert body["errors"] == [
        {
            "field": "email",
            "code": "other_domain",
            "detail": "Use an email address from lab.test, münchen.example, *.münchen.example.",
        }
    ]
    browser = Browser(service.app.test_client())
    assert "for addresses at lab.test" in browser.visit("/sign-up").text
    browser.submit(email=make_email())
    assert browser.status == 403
    assert "Use an email address from lab.test" in browser.page.text
    assert 'href="mailto:help@lab.test"' in browser.response.text


DOMAIN_CASES = [
    ("example.org", "ana@example.org", True),
    ("example.org", "ana@EXAMPLE.org", True),
    ("example.org", "ana@lab.example.org", False),
    ("example.org", "ana@notexample.org", False),
    ("example.org", "ana@example.org.evil.test", False),
    (".example.org", "ana@example.org", True),
    (".example.org", "ana@a.b.example.org", True),
    (".example.org", "ana@notexample.org", False),
    ("MÜNCHEN.example.", "ana@münchen.example", True),
    ("MÜNCHEN.example", "ana@xn--mnchen-3ya.example", True),
    (".xn--mnchen-3ya.example", "ana@Bau.München.example", True),
    ("example.org", '"@example.org"@evil.test', False),
]


@pytest.mark.parametrize(("domains", "email", "accepted"), DOMAIN_CASES)
def test_an_address_is_of_a_domain_whatever_way_both_are_written(
    make_service: Callable[..., Service], domains: str, email: str, accepted: bool
) -> None:
    service = make_service(sign_up="domains", sign_up_domains=domains)
    status = service.person().post("/api/sign-up", {"email": email}).status_code
    assert status == 202 if accepted else status in (403, 422)


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_closed_page_says_how_to_get_in_and_leads_to_signing_in(
    make_service: Callable[..., Service], language: str
) -> None:
    service = make_service(sign_up="invited", support="https://example.org/help?from=a&b")
    browser = Browser(service.app.test_client(), language)
    page = browser.visit("/sign-up?next=/account/sessions")
    assert browser.status == 200
    assert not page.forms
    assert 'href="https://example.org/help?from=a&amp;b"' in browser.response.text
    browser.click("/sign-in")
    assert browser.url == "/sign-in?next=/account/sessions"
    assert {"en": "Create an account", "de": "Konto erstellen"}[language] not in browser.page.text
    browser.click("/sign-up")
    assert browser.url == "/sign-up?next=/account/sessions"


def test_the_description_of_the_api_names_the_refusal(service: Service) -> None:
    checker = AnswerChecker(service)
    described = checker.find_operation("POST", "/api/sign-up")["responses"]
    assert described["403"]["description"] == "`sign_up_closed`"


@pytest.mark.parametrize("policy", ["invited", "unlisted"])
def test_a_refusal_is_as_it_is_described(make_service: Callable[..., Service], policy: str) -> None:
    service = make_service(**POLICIES[policy])
    AnswerChecker(service).check("POST", service.person().post("/api/sign-up", {"email": make_email()}))


def test_a_host_app_sets_the_policy_in_its_configuration(tmp_path: Path, database: str) -> None:
    app = Flask("host", instance_path=str(tmp_path))
    app.config.update(
        # Else it would serve in development, with threads that deliver mail long after this test.
        TESTING=True,
        ACCOUNTS_DATABASE_URL=database,
        ACCOUNTS_SECRET_KEYS=[KEY],
        ACCOUNTS_SIGN_UP="domains",
        ACCOUNTS_SIGN_UP_DOMAINS=["lab.test", ".Example.COM"],
    )
    accounts = Accounts(url_prefix="/auth")
    accounts.init_app(app)
    client = app.test_client()
    answers = [
        client.post("/auth/api/sign-up", json={"email": email}).status_code
        for email in ("ana@example.org", "ana@lab.test", "ana@a.example.com")
    ]
    assert answers == [403, 202, 202]
    get_app_state(app).site.store.close()


WAYS_IN = [
    (
        "invited",
        "You need an invitation to get an account",
        "You need an invitation to create an account",
        "/sign-in",
    ),
    (
        "unlisted",
        "Accounts are only available for addresses at example.com, *.example.com",
        "Accounts are for email addresses from example.com, *.example.com",
        "/sign-up",
    ),
    ("approval", "New accounts are approved by an admin", "New accounts need approval from an admin", "/sign-up"),
]


@pytest.mark.parametrize(("policy", "told", "detail", "way"), WAYS_IN, ids=[row[0] for row in WAYS_IN])
@pytest.mark.parametrize("age", [timedelta(0), timedelta(days=30)], ids=["new", "expired"])
def test_a_closed_link_says_how_to_get_in_and_leads_there(
    make_service: Callable[..., Service], policy: str, told: str, detail: str, way: str, age: timedelta
) -> None:
    before, service = make_service(), make_service(**POLICIES[policy], support="help@example.org")
    email = make_email()
    assert before.person().post("/api/sign-up", {"email": email}).status_code == 202
    url = before.link_url(email, "activate")
    with time_machine.travel(datetime.now(UTC) + age):
        browser = Browser(service.app.test_client())
        page = browser.visit(url)
        body = service.person().get("/api/l/activate", query_string={"token": token_of_url(url)}).get_json()
    assert browser.status == 410
    assert "the sign-up rules have changed" in page.text
    assert told in page.text
    assert not page.forms
    assert way in page.links
    assert (body["code"], body["again"]) == ("link_sign_up_closed", False)
    assert body["detail"].startswith(detail)
    if policy != "approval":
        assert "help@example.org" in page.text
        assert "help@example.org" in body["detail"]


def test_the_doctor_says_that_the_policy_has_changed(make_service: Callable[..., Service]) -> None:
    before, service = make_service(), make_service(sign_up="invited")
    admin: Person = service.admin()
    email = make_email()
    assert before.person().post("/api/sign-up", {"email": email}).status_code == 202
    found = admin.post("/api/admin/links/explain", {"link": before.link_url(email, "activate")}).get_json()
    assert (found["outcome"], found["cause"]["code"]) == ("link_sign_up_closed", "sign_up_closed")
    assert "send an invitation" in found["advice"][0]["text"]
