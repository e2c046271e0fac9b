"""The OpenAPI document: it is one, it describes every JSON route whole, and real answers are as it says."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from accounts.core.models.apps import App
from accounts.delivery.message import LetterMessage
from accounts.delivery.transports import Mailbox
from accounts.web import links as link_views
from accounts.web.kit.routes import Route
from tests.apps import sign_in_to_apps
from tests.people import Service, token_of_url
from tests.web.answer_checks import AnswerChecker
from tests.web.endpoints import Endpoint, list_endpoints, request_endpoint
from tests.web.live_links import FORM_DATA, browser_for_link, make_link_url
from tests.web.test_csrf import Scene

LAST = (
    "revoke_invite",
    "change_some_invites",
    "revoke_batch",
    "discard_batch",
    "discard_bulk_act",
    "end_old_app_secret",
    "disconnect_app",
    "disable_app",
    "enable_app",
    "remove_app_logo",
    "remove_app",
    "end_account_session",
    "sign_out_account",
    "disable_account",
    "enable_account",
    "delete_account",
    "end_session",
    "end_other_sessions",
    "change_password",
    "close_account",
    "sign_out",
)
"""What ends something that others need, in an order in which each still finds what it ends."""
UPSTREAM_ONLY = {"sign_in_with", "connect_with", "disconnect_identity", "disconnect_account_identity"}
"""What needs another sign-in service: see tests/upstream."""
TERMS_ONLY = {"accept_terms", "show_terms"}
"""What needs terms that are set: see test_terms_changed.py."""


def json_routes(service: Service) -> list[Route]:
    routes = [route for group in service.state.all_routes for route in group.declared]
    return [route for route in (*routes, *link_views.routes.declared) if "json" in route.formats]


def json_endpoints(service: Service) -> list[Endpoint]:
    """Every JSON operation; what only looks first, what ends something last."""
    found = [endpoint for endpoint in list_endpoints(service) if endpoint.format == "json" and endpoint.route]

    def rank(endpoint: Endpoint) -> tuple[int, int]:
        name = endpoint.route.name if endpoint.route else ""
        return (LAST.index(name) if name in LAST else -1, endpoint.is_unsafe)

    return sorted(found, key=rank)


@pytest.fixture
def checker(service: Service) -> AnswerChecker:
    return AnswerChecker(service)


def test_it_is_an_openapi_document(checker: AnswerChecker) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(checker.document).iter_errors()] == []


def test_it_describes_every_json_route_and_no_other(service: Service, checker: AnswerChecker) -> None:
    there = {(endpoint.method, endpoint.path(token="", name="")) for endpoint in json_endpoints(service)}
    for method, path in there:
        assert checker.find_operation(method, path)
    assert sum(len(path) for path in checker.document["paths"].values()) == len(there)


def test_every_json_route_says_what_a_success_answers(service: Service) -> None:
    for route in json_routes(service):
        has_body = route.answers is not None or bool(route.media_types)
        assert has_body == (route.statuses != (204,)), route.name


def test_every_operation_has_a_tag_its_security_and_the_parameters_of_its_path(checker: AnswerChecker) -> None:
    tags = [tag["name"] for tag in checker.document["tags"]]
    assert len(tags) == len(set(tags))
    for path, operations in checker.document["paths"].items():
        for operation in operations.values():
            assert set(operation["tags"]) <= set(tags)
            named = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_security_is_what_the_routes_ask_for(service: Service, checker: AnswerChecker) -> None:
    operations = checker.operations()
    for route in (route for group in service.state.all_routes for route in group.declared if "json" in route.formats):
        needed = operations[route.name]["security"]
        assert ({} not in needed and bool(needed)) == route.access.signed_in, route.name
        assert any("csrf" in each for each in needed) == (route.method != "GET" and route.needs_csrf_token)


def sign_out_of_app(service: Service, scene: Scene) -> str:
    """Sign a member out of an app; the token that says what became of it."""
    member = service.member()
    app = service.uow().session.get(App, scene.app_id)
    assert app is not None
    sign_in_to_apps(service, member, app)
    return member.post("/api/sign-out").headers["Link"].partition("about=")[2].partition(">")[0]


def test_answers_are_as_described(service: Service, checker: AnswerChecker, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Mailbox(show=None)
    box.send(
        LetterMessage(
            "Hello", ["a@example.org"], "Hello\nhttps://a.example/l\n", sender="b@example.org", html="<p>Hello"
        )
    )
    monkeypatch.setattr(service.state, "mailbox", box)
    scene = Scene(service)
    about = sign_out_of_app(service, scene)
    (session,) = scene.other.get("/api/account/sessions").get_json()["sessions"]
    for endpoint in (each for each in json_endpoints(service) if not each.purpose):
        name = endpoint.route.name if endpoint.route else ""
        if not scene.admin.signed_in:
            scene.admin.sign_in()
        data: dict[str, Any] = {"data": scene.body(endpoint)} if endpoint.is_unsafe else {}
        if name == "signed_out":
            data["query_string"] = {"about": about}
        if name == "show_shared_link":
            data["query_string"] = {"token": scene.shared_token}
        values = scene.values | ({"session_id": session["id"]} if name == "end_account_session" else {})
        # A lane: of the batch nothing waits any more, after it was cancelled.
        values |= {"batch_id": "slow"} if name in {"pause_mail", "resume_mail"} else {}
        checker.check(endpoint.method, request_endpoint(endpoint, scene.admin, values=values, **data))
    expected = {
        route.name for group in service.state.all_routes for route in group.declared if "json" in route.formats
    }
    assert expected - checker.succeeded == UPSTREAM_ONLY | TERMS_ONLY


def test_an_answer_that_is_not_as_described_is_noticed(service: Service, checker: AnswerChecker) -> None:
    member = service.member()
    checker.check("GET", member.get("/api/account"))
    del checker.document["components"]["schemas"]["AccountWithTokenOut"]["properties"]["locale"]
    with pytest.raises(AssertionError, match="'locale' was unexpected"):
        checker.check("GET", member.get("/api/account"))
    del checker.find_operation("POST", "/api/confirm")["responses"]["200"]
    with pytest.raises(AssertionError, match="200 is not described"):
        checker.check("POST", member.post("/api/confirm", {"password": member.password}))


@pytest.mark.parametrize("purpose", FORM_DATA)
def test_answers_of_links_are_as_described(service: Service, checker: AnswerChecker, purpose: str) -> None:
    url = make_link_url(service, purpose, service.admin())
    browser, token, path = browser_for_link(service, purpose, url), token_of_url(url), f"/api/l/{purpose}"
    checker.check("GET", browser.get(f"{path}?token={token}"))
    checker.check("POST", browser.post(path, {"token": token, **FORM_DATA[purpose]}))
    checker.check("POST", browser.post(path, {"token": token, **FORM_DATA[purpose]}))
    checker.check("POST", browser.post(f"{path}/again", {"token": token}))
    name = purpose.replace("-", "_")
    assert {f"show_{name}", f"act_{name}"} <= checker.succeeded


def test_the_answer_to_asking_for_a_fresh_link_is_as_described(service: Service, checker: AnswerChecker) -> None:
    token = token_of_url(make_link_url(service, "reset-password", service.admin()))
    checker.check("POST", service.person().post("/api/l/reset-password/again", {"token": token}))
    assert checker.succeeded == {"again_reset_password"}


def test_problems_are_as_described(service: Service, checker: AnswerChecker) -> None:
    member, visitor = service.member(), service.person()
    for endpoint in json_endpoints(service):
        for person in (visitor, member):
            if endpoint.route is not None and endpoint.route.name != "sign_out":
                checker.check(endpoint.method, request_endpoint(endpoint, person, {"surprise": 1}))


def is_strict(endpoint: Endpoint) -> bool:
    """Whether names that nobody declared are refused: docs/api.md, Queries."""
    if endpoint.format == "json":
        return True
    return endpoint.route is not None and endpoint.rule.startswith("/admin") and endpoint.route.name != "app_tried"


def test_names_that_nobody_declared_are_refused_in_queries_alike(service: Service) -> None:
    scene = Scene(service)
    strict = 0
    for endpoint in list_endpoints(service):
        if endpoint.prefix or not (endpoint.format == "json" or endpoint.method == "GET"):
            continue
        asked = request_endpoint(endpoint, scene.admin, {}, values=scene.values, query_string={"utm_source": "x"})
        if is_strict(endpoint):
            strict += 1
            assert asked.status_code == 422, endpoint.name
            if endpoint.format == "json":
                errors = [(error["field"], error["code"]) for error in asked.get_json()["errors"]]
                assert ("utm_source", "extra_forbidden") in errors, endpoint.name
        else:
            plain = request_endpoint(endpoint, scene.admin, {}, values=scene.values)
            assert asked.status_code == plain.status_code, endpoint.name
    assert strict > 100


LISTS = {
    "/api/admin/accounts": "accounts",
    "/api/admin/accounts/bulk": "acts",
    "/api/admin/audit": "lines",
    "/api/admin/invites": "invites",
    "/api/admin/invites/batches": "batches",
    "/api/admin/mail": "letters",
}


@pytest.mark.parametrize(("path", "rows"), list(LISTS.items()))
def test_every_list_has_pages_of_one_shape(service: Service, path: str, rows: str) -> None:
    admin, _ = service.admin(), [service.member() for _ in range(2)]
    for number in range(3):
        admin.post("/api/admin/invites/batches", {"name": f"b{number}", "people": f"p{number}@example.org"})
        admin.post("/api/admin/invites", {"email": f"i{number}@example.org"})
        admin.post("/api/admin/accounts/bulk", {"act": "send-reset", "scope": "matching"})
    everything = admin.get(path).get_json()
    assert everything["next"] is None
    seen: list[Any] = []
    after: str | None = ""
    while after is not None:
        page = admin.get(f"{path}?limit=1&after={after}").get_json()
        assert len(page[rows]) <= 1
        seen, after = seen + page[rows], page["next"]
        assert after is None or isinstance(after, str)
    assert seen == everything[rows]
    for wrong in ("limit=0", "limit=501", "limit=x", "after=%00", "after=" + "1." * 15):
        assert admin.get(f"{path}?{wrong}").status_code in (404, 422), wrong
