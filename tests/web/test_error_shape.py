"""The shape of errors: RFC 9457 under /api, a page elsewhere, and not a word about the inside."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from werkzeug.test import TestResponse

from accounts.core import errors, link_errors
from accounts.core.errors import Problem
from accounts.core.link_kinds.parts import auth_epoch
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.uow import UnitOfWork
from accounts.flows.account import reset_password
from tests.conftest import on_both_databases
from tests.people import Person, Service
from tests.web.endpoints import list_endpoints, request_endpoint

MakeService = Callable[..., Service]


def all_problems(kind: type[Problem] = Problem) -> set[type[Problem]]:
    found = {kind}.union(*(all_problems(each) for each in kind.__subclasses__()))
    return {each for each in found if each.__module__.startswith("accounts.")}  # other tests have some of hosts


CODES = {problem.code for problem in all_problems() if problem is not link_errors.DeadLink}
DEAD = {problem.code for problem in all_problems(link_errors.DeadLink)} - {link_errors.DeadLink.code}


def check_problem(answer: TestResponse) -> dict[str, Any]:
    """That a body is a problem of ours; returns it."""
    assert answer.mimetype == "application/problem+json"
    data: dict[str, Any] = answer.get_json()
    assert (
        {"type", "title", "status", "code"}
        <= set(data)
        <= {"type", "title", "status", "code", "errors", "retry_after", "again"}
    )
    assert ("again" in data) == (data["code"] in DEAD), "of dead links it is told whether a fresh one is to be had"
    assert data.get("again", False) in (True, False)
    assert data["type"] == "about:blank"
    assert data["status"] == answer.status_code
    assert data["code"] in CODES
    for error in data.get("errors", []):
        assert set(error) == {"field", "code", "detail"}
        assert "%(" not in error["detail"]
    return data


def test_codes_are_unique_and_each_has_one_status_and_one_message() -> None:
    assert len(CODES) == len({problem.code: problem for problem in all_problems()})
    for problem in all_problems():
        assert 400 <= problem.status < 600
        assert problem.message.endswith(".")


def test_every_error_of_every_json_endpoint_has_one_shape(service: Service) -> None:
    for person in (service.person(), service.member()):
        for endpoint in list_endpoints(service):
            answer = request_endpoint(endpoint, person)
            if endpoint.format == "json" and answer.status_code >= 400:
                check_problem(answer)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/nowhere", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("POST", "/api/l/nothing", 404, "not_found"),
        ("POST", "/api//sign-in", 404, "not_found"),
        ("DELETE", "/api/sign-in", 405, "method_not_allowed"),
        ("GET", "/api/sign-in", 405, "method_not_allowed"),
        ("TRACE", "/api/sign-in", 405, "method_not_allowed"),
        ("PURGE", "/api/account", 405, "method_not_allowed"),
    ],
)
def test_addresses_and_methods_that_there_are_not_have_that_shape_too(
    service: Service, method: str, path: str, status: int, code: str
) -> None:
    answer = service.person().client.open(path, method=method)
    assert answer.status_code == status
    assert check_problem(answer)["code"] == code
    if status == 405:
        assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/nowhere", "/apinowhere", "/de/nowhere", "/l", "/static/x", "/a//b"])
def test_elsewhere_errors_are_pages(service: Service, path: str) -> None:
    answer = service.person().get(path)
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_errors_are_in_the_language_of_the_request(service: Service) -> None:
    said = service.person().get("/api/account", headers={"Accept-Language": "de"}).get_json()
    assert said["code"] == "not_signed_in"
    assert said["title"] != errors.NotSignedIn.message


def explode(uow: UnitOfWork, opened: OpenedLink, said: object) -> ActResult:
    raise RuntimeError("hunter2 and /etc/passwd")


BROKEN = Link(
    purpose="broken",
    lifetime=reset_password.RESET.lifetime,
    about="account",
    dies_with=(auth_epoch,),
    act=explode,
    letter=lambda uow, intent: None,
    title="T",
    explanation="E",
    button="B",
    done="D",
)


def check_silent(answer: TestResponse) -> None:
    text = answer.get_data(as_text=True)
    for inside in ("hunter2", "passwd", "Traceback", "RuntimeError", "SELECT", "accounts.", "sqlalchemy", "psycopg"):
        assert inside not in text


@pytest.fixture
def broken(make_service: MakeService) -> tuple[Person, str]:
    service = make_service(options={"links": [BROKEN]})
    service.app.testing = False
    member = service.member()
    uow = service.uow()
    with uow:
        from accounts.flows.shared import accounts

        token = uow.site.link_signer.sign(BROKEN, accounts.subject_of(accounts.find_account(uow, member.email)))
    return member, token


def test_an_error_nobody_thought_of_tells_nothing_as_json(broken: tuple[Person, str]) -> None:
    member, token = broken
    answer = member.post("/api/l/broken", {"token": token})
    assert answer.status_code == 500
    assert check_problem(answer) == {
        "type": "about:blank",
        "title": Problem.message,
        "status": 500,
        "code": "internal_error",
    }
    check_silent(answer)


def test_an_error_nobody_thought_of_tells_nothing_as_a_page(broken: tuple[Person, str]) -> None:
    member, token = broken
    member.get(f"/l/broken/{token}/go")
    page = member.get("/l/broken").get_data(as_text=True)
    form = {
        "csrf_token": member.get("/api/csrf").get_json()["csrf_token"],
        "link_id": page.partition('name="link_id" value="')[2].partition('"')[0],
    }
    answer = member.client.post("/l/broken", data=form)
    assert answer.status_code == 500
    assert answer.mimetype == "text/html"
    check_silent(answer)


@on_both_databases
def test_a_store_without_its_tables_tells_nothing(service: Service) -> None:
    member = service.member()
    with service.site.store.engine.begin() as connection:
        connection.execute(text("DROP TABLE memberships"))
    answer = member.get("/api/account")
    assert answer.status_code in (500, 503)
    check_problem(answer)
    check_silent(answer)
    check_silent(member.get("/account"))
