"""Joining by a link for several people with a sign-in of another service. The mailbox is proven by mail, as ever."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import select

from accounts.core.errors import Conflict, NotFound, Problem
from accounts.core.link_errors import InviteFull
from accounts.core.models.account import Account
from accounts.core.models.upstream import Identity
from accounts.core.security import throttle
from accounts.flows.invites import shared
from accounts.flows.invites.join import JOIN
from accounts.flows.shared import accounts
from accounts.flows.upstream import joining
from accounts.flows.upstream.provider import UpstreamUser
from tests.conftest import on_both_databases
from tests.flows.steps import anonymous_uow
from tests.kit.concurrency import run_concurrently
from tests.kit.shared_invites import SharedLink, ask_to_join, make_shared_link, uses_of
from tests.people import Service, make_email
from tests.upstream.conftest import World, connected
from tests.upstream.issuers import Liar
from tests.web.endpoints import problem_code

JOIN_BUTTON = "/upstream/office/join"
CROWD = 12


def has_account(service: Service, email: str) -> bool:
    try:
        return bool(accounts.find_account(service.uow(), email))
    except NotFound:
        return False


def come_from_liar(world: World, link: SharedLink) -> tuple[int, str]:
    """Set out from the page of the link and come back with what the liar says; status and text of the page."""
    browser = world.browser().open(link.url)
    browser.press("/upstream/liar/join", onward=False)
    browser.come_back(browser.asked_there())
    return browser.response.status_code, browser.page.text


def test_somebody_joins_a_class_with_the_account_of_the_school(world: World) -> None:
    link = make_shared_link(world.here, next="/account/sessions")
    pupil = world.there.member("pupil")
    browser = world.browser().open(link.url).press(JOIN_BUTTON).sign_in_as(pupil.email)
    assert browser.url == f"{world.origin}/join/sent"
    assert not has_account(world.here, pupil.email), "nothing is proven yet"
    assert uses_of(world.here, link) == 0
    mailed = world.here.link_url(pupil.email, "join-shared")
    # Signed in there, and so there is nothing to type any more.
    browser.open(mailed).press(JOIN_BUTTON)
    assert browser.url == f"{world.origin}/account/sessions", "where the link leads"
    found = browser.account()
    assert (found["email"], found["groups"], found["amr"]) == (pupil.email, ["pupils"], ["ext"])
    assert (found["email_verified"], uses_of(world.here, link)) == (True, 1)
    assert "This link is no longer valid" in world.browser().open(mailed).page.text
    assert browser.open("/l/join-shared").response.status_code == 400, "the browser has let go of the link"
    other = world.browser().open("/sign-in").press("/upstream/office/sign-in").sign_in_as(pupil.email)
    assert other.account()["id"] == found["id"], "from then on they sign in with it"


@pytest.mark.parametrize("verified", [True, False, None])
def test_an_address_that_another_service_names_gets_mail_and_nothing_else(
    world: World, liar: Liar, verified: bool | None
) -> None:
    link, victim = make_shared_link(world.here), make_email("victim")
    liar.claims = {"email": victim, "email_verified": verified, "name": "Victim"}
    assert come_from_liar(world, link)[0] == 200
    assert (has_account(world.here, victim), uses_of(world.here, link)) == (False, 0)
    assert world.here.link_url(victim, "join-shared")
    with world.here.uow() as uow:
        assert not uow.session.scalars(select(Identity).where(Identity.issuer == liar.origin)).all()


@pytest.mark.parametrize(
    ("email", "told"),
    [
        (None, "email address it has for you"),
        ("", "email address it has for you"),
        ("no address", "Enter an email address we can send to"),
        ("ana@elsewhere.test", "example.org"),
    ],
)
def test_whom_no_mail_can_go_to_is_asked_for_another_address(
    world: World, liar: Liar, email: str | None, told: str
) -> None:
    link = make_shared_link(world.here, domain="example.org")
    liar.claims = {"email": email}
    browser = world.browser().open(link.url)
    browser.press("/upstream/liar/join", onward=False)
    browser.come_back(browser.asked_there())
    assert browser.response.status_code == 422
    assert told in browser.page.text
    typed = make_email("typed")
    browser.submit(email=typed)
    assert browser.url == f"{world.origin}/join/sent"
    assert world.here.link_url(typed, "join-shared")


def test_whoever_has_connected_the_sign_in_is_written_to_at_their_own_address(world: World) -> None:
    ana, employee = world.here.member("ana"), world.there.member("employee")
    connected(world, ana, employee)
    link = make_shared_link(world.here)
    browser = world.browser().open(link.url).press(JOIN_BUTTON).sign_in_as(employee.email)
    assert browser.url == f"{world.origin}/join/sent"
    assert not world.here.mails_to(employee.email)
    mailed = world.here.link_url(ana.email, "join-shared")
    browser.open(mailed)
    assert not [form for form in browser.page.forms if "/upstream/" in form.action], "a member signs in"
    assert browser.account() == {}, "asking signs nobody in"


def test_a_sign_in_that_has_an_account_takes_no_second_place(world: World) -> None:
    ana, employee, other = world.here.member("ana"), world.there.member("employee"), make_email("other")
    connected(world, ana, employee)
    link = make_shared_link(world.here)
    assert ask_to_join(world.here.person(), link, other).status_code == 202
    browser = world.browser().open(world.here.link_url(other, "join-shared")).press(JOIN_BUTTON)
    browser.sign_in_as(employee.email)
    assert browser.response.status_code == 409
    assert (uses_of(world.here, link), has_account(world.here, other)) == (0, False)


def test_a_link_that_is_taken_back_on_the_way_writes_to_nobody(world: World, liar: Liar) -> None:
    link, email = make_shared_link(world.here), make_email("late")
    liar.claims = {"email": email}
    browser = world.browser().open(link.url)
    browser.press("/upstream/liar/join", onward=False)
    asked = browser.asked_there()
    shared.revoke_shared_invite(world.here.uow(), link.id)
    browser.come_back(asked)
    assert browser.response.status_code == 410
    assert "revoked" in browser.page.text
    assert not world.here.mails_to(email)


def test_a_link_that_was_opened_meanwhile_is_not_taken_for_the_first(world: World, liar: Liar) -> None:
    first, second, email = make_shared_link(world.here), make_shared_link(world.here), make_email("two")
    liar.claims = {"email": email}
    browser = world.browser().open(first.url)
    form = browser.form("link_id", action="/upstream/liar/join")
    browser.press("/upstream/liar/join", onward=False)
    asked = browser.asked_there()
    browser.open(second.url).come_back(asked)
    assert browser.response.status_code == 409
    browser.open("/upstream/liar/join", form.values, onward=False)
    assert browser.response.status_code == 409, "nor is the form of the first one"
    assert not world.here.mails_to(email)


def test_a_class_has_a_limit_of_its_own_for_signing_in_elsewhere(world: World, liar: Liar) -> None:
    link = make_shared_link(world.here, places=1)
    liar.claims = {"email": None}
    statuses = [come_from_liar(world, link)[0] for _ in range(throttle.JOIN_SIGN_IN.amount // 2)]
    assert set(statuses) == {422}
    browser = world.browser().open(link.url)
    browser.press("/upstream/liar/join", onward=False)
    assert browser.response.status_code == 429
    assert come_from_liar(world, make_shared_link(world.here, places=1))[0] == 422, "another class goes on"


@on_both_databases
def test_of_many_with_sign_ins_and_passwords_one_gets_the_last_place(make_service: Callable[..., Service]) -> None:
    service = make_service()
    link = make_shared_link(service, places=1)
    people = [service.person(email=make_email("crowd")) for _ in range(CROWD)]
    # Each asks by a link of their own: one place lets no dozen ask.
    assert {ask_to_join(each, link).status_code for each in people} == {202}
    tokens = [service.link_token(each.email, "join-shared") for each in people]

    def join(number: int) -> str:
        if number % 3 == 0:
            data = {"token": tokens[number], "password": people[number].password}
            answer = people[number].post("/api/l/join-shared", data)
            return "in" if answer.status_code == 201 else problem_code(answer)
        # Of the others two each have the same sign-in.
        user = UpstreamUser("https://school.example", f"pupil{number // 3}", "", "Pupil")
        link_id = service.site.link_signer.verify(JOIN, tokens[number]).link_id
        try:
            joining.join_by_identity(anonymous_uow(service), JOIN, tokens[number], link_id, user, None)
        except Problem as problem:
            return problem.code
        return "in"

    outcomes = Counter(run_concurrently(CROWD, join))
    assert outcomes["in"] == 1
    assert outcomes.keys() <= {"in", InviteFull.code, Conflict.code, "identity_taken"}
    assert uses_of(service, link) == 1
    rows = service.uow().fetch_all(select(Account.id).where(Account.email.like("crowd%")))
    assert len(rows) == 1
    found = service.uow().fetch_all(select(Identity.account_id).where(Identity.issuer == "https://school.example"))
    assert [row[0] for row in found] in ([], [rows[0][0]]), "no sign-in without its account"
