"""What a request may cost: no connection where nobody is asked for, one statement where somebody is."""

from __future__ import annotations

from collections.abc import Callable

from tests.people import Service
from tests.web.endpoints import list_endpoints, request_endpoint

ASKS_THE_STORE = {
    "GET /health/ready",
    "GET /metrics",
    "GET /oauth/jwks",
    # Where an app begins is in its registration.
    "GET /apps/<app_id>/start",
    # And so is its picture.
    "GET /apps/<app_id>/logo",
    # A link is about somebody: whether it is alive is in the store. These are asked without a genuine token here.
}


def test_no_get_of_a_stranger_opens_a_connection(make_service: Callable[..., Service]) -> None:
    service = make_service()
    stranger = service.person()
    asked = [
        endpoint
        for endpoint in list_endpoints(service)
        if not endpoint.is_unsafe and endpoint.name not in ASKS_THE_STORE
    ]
    for endpoint in asked:
        request_endpoint(endpoint, stranger)
        assert not service.site.store.has_engine, endpoint
    assert len(asked) > 60
    request_endpoint(
        next(endpoint for endpoint in list_endpoints(service) if endpoint.name == "GET /health/ready"), stranger
    )
    assert service.site.store.has_engine


def test_what_is_no_page_and_needs_no_account_opens_no_connection_for_members_either(service: Service) -> None:
    member = service.member()
    for path in ("/health/live", "/api/csrf", "/assets/style.css"):
        with service.record_statements() as statements:
            assert member.get(path, buffered=True).status_code == 200
        assert statements == [], path


def test_a_page_says_who_is_signed_in_by_one_statement_where_a_session_is_stated(service: Service) -> None:
    member = service.member()
    for path in ("/sign-in", "/sign-up", "/forgot-password", "/check-email", "/nothing-here"):
        with service.record_statements() as statements:
            assert member.email in member.get(path).text
        assert len(statements) == 1, path


def test_mailed_links_that_nobody_signed_open_no_connection(make_service: Callable[..., Service]) -> None:
    service = make_service()
    assert service.person().get(f"/l/reset-password/{'A' * 80}.AAAAAA.{'A' * 43}/go").status_code == 400
    assert service.person().get("/api/l/reset-password?token=x").status_code == 400
    assert not service.site.store.has_engine


def test_the_own_account_is_one_statement(service: Service) -> None:
    member = service.member()
    with service.record_statements() as statements:
        assert member.get("/api/account").status_code == 200
    assert len(statements) == 1


def test_the_account_page_is_two_statements(service: Service) -> None:
    member = service.member()
    with service.record_statements() as statements:
        assert member.get("/account").status_code == 200
    assert len(statements) == 2, "who is signed in, and what the sections say"


def test_a_session_of_nobody_costs_no_statement(service: Service) -> None:
    visitor = service.person()
    visitor.get("/sign-in")
    with service.record_statements() as statements:
        assert not visitor.signed_in
    assert statements == []
