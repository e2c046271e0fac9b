"""What an act may cost: so many statements and so many commits, in JSON and from a page alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from werkzeug.test import TestResponse

from tests.conftest import on_both_databases
from tests.kit.pages import Page
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service, make_email
from tests.web.live_links import FORM_DATA, make_link_url

pytestmark = on_both_databases
ACT_BUDGETS = {"activate": (10, 1), "sign-in": (6, 1), "reset-password": (12, 1), "unlock": (6, 1)}
"""Statements and commits. The first read is for the form, and is read again in the transaction of the act. A
reset ends the sessions first, for the apps that know them and for those of which only a consent is left, and then
counts in one statement what else there is to take away."""
LOOKS = {"reset-password": 2}
"""Statements by which a link is shown, with the one that opens it: a reset says what else it takes away."""
ASK_FOR_A_LETTER = (3, 1)
LETTER_WITH_A_LINK, LETTER_WITHOUT = (5, 2), (4, 2)
"""Claimed and written, settled. That a key has signed a link is committed before the mail server is asked."""


@contextmanager
def costs(service: Service, statements: int, commits: int) -> Iterator[None]:
    """Meanwhile just so many statements run, and so often something is committed."""
    with service.record_statements() as seen:
        yield
    assert (len(seen), seen.commits) == (statements, commits), "\n".join(seen)


def visitor_of(service: Service, email: str = "") -> Person:
    """Somebody who is signed in nowhere, at a browser that has the session of a visitor."""
    person = service.person(email=email or make_email())
    person.csrf_token()
    return person


def post_page(person: Person, path: str, **data: str) -> TestResponse:
    """Send a form as a browser does that has the page."""
    values = {"csrf_token": person.csrf_token(), **data}
    return person.client.post(path, data=values, environ_base={"REMOTE_ADDR": person.network})


@pytest.mark.parametrize("path", ["/sign-up", "/forgot-password", "/sign-in/mail"])
def test_a_letter_is_asked_for_in_one_transaction_known_or_not(service: Service, path: str) -> None:
    for email in (service.member().email, make_email()):
        visitor = visitor_of(service)
        with costs(service, *ASK_FOR_A_LETTER):
            assert visitor.post(f"/api{path}", {"email": email}).status_code == 202
        with costs(service, *ASK_FOR_A_LETTER):
            assert post_page(visitor, path, email=email).status_code == 303


def test_a_sign_in_is_counted_before_the_hash_and_settled_after_it(service: Service) -> None:
    admin = service.admin()
    visitor = visitor_of(service, admin.email)
    with costs(service, 5, 2):
        answer = visitor.sign_in()
    assert answer.get_json()["groups"] == ["admins"]
    own = visitor.get("/api/account").get_json()
    own.pop("csrf_token")
    assert answer.get_json() == own, "what the act returned is what the store holds"
    visitor = visitor_of(service)
    with costs(service, 5, 2):
        assert post_page(visitor, "/sign-in", email=admin.email, password=PASSWORD).status_code == 303


def test_a_wrong_password_costs_as_much_for_an_address_of_nobody(service: Service) -> None:
    for email in (service.member().email, make_email()):
        visitor = visitor_of(service, email)
        with costs(service, 4, 2):
            assert visitor.sign_in(password=OTHER_PASSWORD).status_code == 401


def test_a_step_up_knows_who_asks_without_a_second_look(service: Service) -> None:
    member = service.member()
    member.csrf_token()
    with costs(service, 9, 2):
        answer = member.post("/api/confirm", {"password": member.password})
    own = member.get("/api/account").get_json()
    own.pop("csrf_token")
    assert answer.get_json() == own


@pytest.mark.parametrize("purpose", ACT_BUDGETS)
def test_a_link_is_shown_by_one_statement_and_used_in_one_transaction(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    visitor, token = visitor_of(service), url.split("/")[-2]
    with costs(service, LOOKS.get(purpose, 1), 0):
        assert visitor.get(f"/api/l/{purpose}?token={token}").status_code == 200
    visitor.get(url[url.index("/l/") :])
    with costs(service, LOOKS.get(purpose, 1), 0):
        page = Page(visitor.get(f"/l/{purpose}").text)
    (form,) = [form for form in page.forms if "link_id" in form.kinds]
    with costs(service, *ACT_BUDGETS[purpose]):
        assert post_page(visitor, f"/l/{purpose}", **(form.values | FORM_DATA[purpose])).status_code == 303
    with costs(service, 2, 1):
        assert visitor_of(service).post(f"/api/l/{purpose}", {"token": token} | FORM_DATA[purpose]).status_code == 410


@pytest.mark.parametrize("purpose", ACT_BUDGETS)
def test_a_link_is_used_in_one_transaction_by_json(service: Service, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    visitor, data = visitor_of(service), {"token": url.split("/")[-2]} | FORM_DATA[purpose]
    with costs(service, *ACT_BUDGETS[purpose]):
        assert visitor.post(f"/api/l/{purpose}", data).status_code in (200, 201)


def test_a_letter_is_claimed_written_and_settled(service: Service) -> None:
    member, worker = service.member(), service.state.make_worker()
    for path, email in (("/api/sign-up", make_email()), ("/api/forgot-password", member.email)):
        assert service.person().post(path, {"email": email}).status_code == 202
        with costs(service, *LETTER_WITH_A_LINK):
            assert worker.deliver_one()
    assert service.person().post("/api/sign-up", {"email": member.email}).status_code == 202
    with costs(service, *LETTER_WITHOUT):
        assert worker.deliver_one(), "that there is an account already: no link, and so no key to count"
    with service.record_statements() as seen:
        assert not worker.deliver_one()
    assert len(seen) == 1
