"""Headers of every answer, whatever its status."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.people import Person, Service
from tests.web.endpoints import HTTPS, csrf_token, list_endpoints, request_endpoint

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PUBLISHED = ("GET /.well-known/openid-configuration", "GET /oauth/jwks")
"""Read by scripts of any origin, and kept for a while: nothing of anybody stands there."""
HSTS = "max-age=63072000; includeSubDomains"
ASKED: dict[int, Callable[[Person], TestResponse]] = {
    200: lambda person: person.get("/sign-in"),
    303: lambda person: person.get("/account"),
    400: lambda person: person.get("/l/activate/x/go"),
    401: lambda person: person.get("/api/account"),
    403: lambda person: person.client.post("/sign-up", data={"email": "a@example.org"}),
    404: lambda person: person.get("/nowhere"),
    405: lambda person: person.delete("/sign-in"),
    413: lambda person: person.client.post("/sign-up", data={"csrf_token": csrf_token(person), "a": "x" * 70_000}),
    415: lambda person: person.client.post("/api/sign-up", data="x"),
    422: lambda person: person.post("/api/sign-up"),
    500: lambda person: person.get("/boom"),
}


def broken() -> str:
    raise RuntimeError("the secret reason")


def served(make_service: Callable[..., Service], **changes: str) -> Service:
    service = make_service(options={}, **changes)
    service.app.testing = False
    service.app.add_url_rule("/boom", view_func=broken)
    return service


def check(answer: TestResponse) -> None:
    for name, value in FIXED.items():
        assert answer.headers.getlist(name) == [value], name
    policy = answer.headers["Content-Security-Policy"]
    for directive in ("default-src 'none'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert directive in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert answer.headers["X-Request-ID"]
    assert "X-Powered-By" not in answer.headers
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("status", ASKED)
def test_an_answer_of_every_status_has_all_headers(make_service: Callable[..., Service], status: int) -> None:
    answer = ASKED[status](served(make_service, public_origin=HTTPS).person())
    assert answer.status_code == status
    check(answer)
    assert answer.headers.getlist("Strict-Transport-Security") == [HSTS]


def test_over_plain_http_nothing_is_promised_about_https(make_service: Callable[..., Service]) -> None:
    service = served(make_service)
    for ask in ASKED.values():
        assert "Strict-Transport-Security" not in ask(service.person()).headers


def test_every_endpoint_answers_with_all_headers(make_service: Callable[..., Service]) -> None:
    service = make_service(public_origin=HTTPS)
    person = service.person()
    for endpoint in list_endpoints(service):
        answer = request_endpoint(endpoint, person)
        if endpoint.name.startswith("GET /assets"):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "max-age=31536000" in answer.headers["Cache-Control"]
        elif endpoint.name in PUBLISHED:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "public, max-age=3600"
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
        else:
            check(answer)


def test_two_answers_have_two_request_ids(service: Service) -> None:
    answers = [service.person().get("/sign-in", headers={"X-Request-ID": "mine"}) for _ in range(2)]
    ids = [answer.headers["X-Request-ID"] for answer in answers]
    assert ids[0] != ids[1]
    assert "mine" not in "".join(ids)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:8000"])
def test_no_other_origin_is_let_in_by_cors(service: Service, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = service.person().client.options("/api/sign-in", headers=asked)
    assert not [name for name, _ in answer.headers if name.startswith("Access-Control")]


def test_no_page_loads_anything_from_elsewhere_or_runs_inline(service: Service) -> None:
    admin = service.admin()
    for endpoint in list_endpoints(service):
        page = request_endpoint(endpoint, admin)
        if page.mimetype == "text/html" and "Location" not in page.headers:
            text = page.get_data(as_text=True)
            for forbidden in (' src="http', ' src="//', 'href="http', " style=", " onclick=", "<style", "<script>"):
                assert forbidden not in text, f"{endpoint.name}: {forbidden}"
