"""The store is away: people are told to come back in a moment, and whoever needs no account notices nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.people import Person, Service
from tests.web.endpoints import csrf_token, list_endpoints, problem_code, request_endpoint

MakeService = Callable[..., Service]


@pytest.fixture(params=["sqlite", "postgres"])
def cut_off(request: pytest.FixtureRequest, make_service: MakeService, tmp_path: Path) -> tuple[Service, Person]:
    """A service whose store cannot be reached, and somebody with a session from before."""
    member = make_service().member()
    folder = tmp_path / "a-folder.db"
    folder.mkdir()
    urls = {"sqlite": f"sqlite:///{folder}", "postgres": "postgresql://nobody:hunter2@127.0.0.1:9/nothing"}
    service = make_service(database_url=urls[request.param])
    cookie = member.client.get_cookie("session")
    assert cookie is not None
    somebody = service.person()
    somebody.client.set_cookie("session", cookie.value)
    return service, somebody


def test_every_endpoint_answers_and_those_that_need_the_store_with_503(cut_off: tuple[Service, Person]) -> None:
    service, somebody = cut_off
    for endpoint in list_endpoints(service):
        answer = request_endpoint(endpoint, somebody)
        needs = endpoint.route is not None and (endpoint.route.access or endpoint.name == "GET /")
        if needs or (endpoint.csrf_required and endpoint.format == "json"):
            assert answer.status_code == 503, endpoint.name
            assert int(answer.headers["Retry-After"]) > 0
            assert "hunter2" not in answer.text
            if endpoint.format == "json":
                assert problem_code(answer) == "unavailable"
                assert answer.get_json()["retry_after"] > 0
            else:
                assert answer.mimetype == "text/html"
        assert answer.status_code < 500 or answer.status_code == 503, endpoint.name


def test_a_session_is_neither_dropped_nor_trusted_meanwhile(cut_off: tuple[Service, Person]) -> None:
    _, somebody = cut_off
    for path in ("/api/account", "/account"):
        answer = somebody.get(path)
        assert answer.status_code == 503
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"


def test_pages_for_everybody_go_on(cut_off: tuple[Service, Person]) -> None:
    _, somebody = cut_off
    for path in (
        "/sign-in",
        "/sign-up",
        "/forgot-password",
        "/check-email",
        "/health/live",
        "/api/openapi.json",
    ):
        assert somebody.get(path).status_code == 200
    ready = somebody.get("/health/ready")
    assert (ready.status_code, ready.get_json()) == (
        503,
        {"status": "not ready", "reasons": [{"code": "database_away"}]},
    )
    assert ready.headers["Retry-After"]


@pytest.mark.parametrize("path", ["/sign-in", "/sign-up", "/forgot-password"])
def test_forms_that_cannot_be_worked_on_say_so(cut_off: tuple[Service, Person], path: str) -> None:
    service, _ = cut_off
    visitor = service.person()
    data = {"email": "a@example.org", **({"password": "some long password"} if path == "/sign-in" else {})}
    answer = visitor.post(f"/api{path}", data)
    assert (answer.status_code, problem_code(answer)) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    page = visitor.client.post(path, data={**data, "csrf_token": csrf_token(visitor)})
    assert page.status_code == 503
    assert page.headers["Retry-After"]
    assert "some long password" not in page.text


def test_a_store_that_goes_in_the_middle_of_a_form_is_told_as_such(service: Service) -> None:
    admin = service.admin()
    with service.site.store.engine.begin() as connection:
        connection.execute(text("DROP TABLE sent_invites"))
    data = {"email": "a@example.org", "csrf_token": csrf_token(admin)}
    page = admin.client.post("/admin/invites", data=data)
    assert page.status_code == 503
    assert page.mimetype == "text/html"


def test_when_the_store_is_back_the_same_session_goes_on(make_service: MakeService, tmp_path: Path) -> None:
    service = make_service()
    member = service.member()
    file = Path(str(service.site.store.engine.url.database))
    service.site.store.close()
    away = tmp_path / "away.db"
    file.rename(away)
    file.mkdir()
    assert member.get("/api/account").status_code == 503
    file.rmdir()
    away.rename(file)
    assert member.signed_in
