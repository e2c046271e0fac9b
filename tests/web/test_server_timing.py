"""``Server-Timing`` helps whoever develops, and tells nobody anything where people have accounts."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.people import Person, Service
from tests.web.endpoints import HTTPS, list_endpoints, request_endpoint

METRICS = re.compile(r'db;dur=([\d.]+);desc="(\d+) statements", render;dur=([\d.]+), total;dur=([\d.]+)')


def measured(person: Person, path: str) -> tuple[int, float, float, float]:
    """Statements, and the milliseconds of database, rendering and all, that an answer names."""
    match = METRICS.fullmatch(person.get(path).headers["Server-Timing"])
    assert match is not None
    db, statements, render, total = match.groups()
    return int(statements), float(db), float(render), float(total)


def test_in_development_an_answer_says_what_it_took(service: Service) -> None:
    member = service.member()
    for path in ("/account", "/api/account", "/account/sessions", "/de/account", "/admin/audit"):
        with service.record_statements() as recorded:
            statements, db, render, total = measured(member, path)
        assert statements == len(recorded) > 0
        assert 0 < db < total
        assert 0 <= render < total


def test_a_page_without_statements_says_so_and_makes_no_engine(service: Service) -> None:
    statements, db, render, _ = measured(service.person(), "/sign-in")
    assert (statements, db) == (0, 0)
    assert render > 0
    assert not service.site.store.has_engine


def test_each_request_is_measured_by_itself(service: Service) -> None:
    member = service.member()
    assert measured(member, "/api/account")[0] == measured(member, "/api/account")[0] == 1


@pytest.mark.parametrize("signed_in", [False, True])
def test_in_production_no_answer_has_it(make_service: Callable[..., Service], signed_in: bool) -> None:
    service = make_service(env="production", public_origin=HTTPS)
    person = service.admin() if signed_in else service.person()
    asked = [endpoint for endpoint in list_endpoints(service) if not endpoint.is_unsafe]
    for endpoint in asked:
        assert "Server-Timing" not in request_endpoint(endpoint, person).headers, endpoint
    for path in ("/api/sign-in", "/api/forgot-password", "/api/sign-up"):
        assert "Server-Timing" not in person.post(path, {"email": person.email, "password": "wrong"}).headers
    assert len(asked) > 60
