"""What is said at the doors: only JSON where JSON is spoken, only the fields there are, of the type they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from accounts.core.links.link import get_link
from accounts.web.kit.forms import CSRF_FIELD
from accounts.web.kit.request_state import MAX_BODY_BYTES
from tests.kit.tables import dump_tables
from tests.people import Person, Service
from tests.web.endpoints import Endpoint, csrf_token, list_endpoints, problem_code, request_endpoint
from tests.web.test_csrf import Scene

WRONG: list[Any] = [[], ["a"], {}, {"a": "b"}, 1, 1.5, 10**400, True, None, [[[]]]]
ODD = [
    "",
    "\x00",
    "\ud800",
    "\u202e",
    "x" * 5000,
    "\r\nBcc: x@example.org",
    "%s%n{0}{{7*7}}",
    "'; DROP TABLE accounts; --",
]


ENDS = ("sign_out", "confirm_logout")


@pytest.fixture
def scene(service: Service) -> Scene:
    return Scene(service)


def changing(service: Service, speaks: str) -> list[Endpoint]:
    # Not signing out: that would end the session of the test.
    found = [endpoint for endpoint in list_endpoints(service) if endpoint.is_unsafe and endpoint.format == speaks]
    return [
        endpoint
        for endpoint in found
        if endpoint.route and endpoint.route.csrf is not False and endpoint.route.name not in ENDS
    ]


def values(scene: Scene) -> dict[str, str]:
    return scene.values


def raw(endpoint: Endpoint, person: Person, scene: Scene, data: bytes | str, media_type: str) -> Any:
    headers = {"X-CSRF-Token": csrf_token(person), "Content-Type": media_type}
    return person.client.open(endpoint.path(**values(scene)), method=endpoint.method, data=data, headers=headers)


FORMS = (
    "application/x-www-form-urlencoded",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/json5",
    "x",
)


def test_json_endpoints_take_no_form_and_no_text(service: Service, scene: Scene) -> None:
    before = dump_tables(service, "rate_limits")
    sign_out = [endpoint for endpoint in list_endpoints(service) if endpoint.name == "POST /api/sign-out"]
    for endpoint in [*changing(service, "json"), *sign_out]:
        for media_type in FORMS:
            answer = raw(endpoint, scene.admin, scene, "email=a@example.org", media_type)
            found = (answer.status_code, problem_code(answer))
            assert found == (415, "unsupported_media_type"), f"{endpoint.name}: {media_type}"
    assert dump_tables(service, "rate_limits") == before
    assert scene.admin.signed_in


NO_OBJECTS = [
    *("", "{", "[]", '"x"', "1", "null", "NaN", "\ufeff{}", '{"a"', "\x00", "\xff"),
    *("[" * 30_000, '{"a":' * 10_000),
]


def test_what_is_no_json_object_is_refused(service: Service, scene: Scene) -> None:
    before = dump_tables(service, "rate_limits")
    for endpoint in changing(service, "json"):
        for body in NO_OBJECTS:
            answer = raw(endpoint, scene.admin, scene, body.encode("latin-1", "replace"), "application/json")
            assert answer.status_code == 400, f"{endpoint.name}: {body[:6]!r}"
    assert dump_tables(service, "rate_limits") == before


def test_a_field_given_twice_is_refused(service: Service, scene: Scene) -> None:
    before = dump_tables(service, "rate_limits")
    for endpoint in changing(service, "json"):
        twice = '{"email": "a@example.org", "email": "b@example.org"}'
        assert raw(endpoint, scene.admin, scene, twice, "application/json").status_code == 400, endpoint.name
    for endpoint in changing(service, "html"):
        if endpoint.route and endpoint.route.form:
            fields = [(CSRF_FIELD, csrf_token(scene.admin)), ("email", "a@example.org"), ("email", "b@example.org")]
            data = "&".join(f"{name}={value}" for name, value in fields)
            answer = raw(endpoint, scene.admin, scene, data, "application/x-www-form-urlencoded")
            assert answer.status_code == 400, endpoint.name
    assert dump_tables(service, "rate_limits") == before


def test_a_body_over_64_kb_or_the_limit_of_its_endpoint_is_refused(service: Service, scene: Scene) -> None:
    before = dump_tables(service, "rate_limits")
    for endpoint in changing(service, "json"):
        long = "x" * ((endpoint.route and endpoint.route.max_bytes) or MAX_BODY_BYTES)
        answer = raw(endpoint, scene.admin, scene, json.dumps({"email": long}), "application/json")
        assert (answer.status_code, problem_code(answer)) == (413, "too_large"), endpoint.name
    for endpoint in changing(service, "html"):
        long = "x" * ((endpoint.route and endpoint.route.max_bytes) or MAX_BODY_BYTES)
        data = f"{CSRF_FIELD}={csrf_token(scene.admin)}&email={long}"
        assert raw(endpoint, scene.admin, scene, data, "application/x-www-form-urlencoded").status_code == 413, (
            endpoint.name
        )
    assert dump_tables(service, "rate_limits") == before


def test_a_form_of_a_thousand_parts_is_refused(service: Service, scene: Scene) -> None:
    for endpoint in changing(service, "html"):
        part = '--x\r\nContent-Disposition: form-data; name="a{}"\r\n\r\nb\r\n'
        data = "".join(part.format(number) for number in range(1000)) + "--x--\r\n"
        answer = raw(endpoint, scene.admin, scene, data, "multipart/form-data; boundary=x")
        assert 400 <= answer.status_code < 500, endpoint.name


def test_every_text_field_takes_text_only_and_nothing_breaks_on_odd_text(service: Service, scene: Scene) -> None:
    checked = set()
    for endpoint in changing(service, "json"):
        good = scene.body(endpoint)
        for name, value in good.items():
            if name == "token" or not isinstance(value, str):
                continue
            checked.add(name)
            for wrong in WRONG:
                if name == "groups" and wrong in ([], ["a"]):
                    continue
                answer = request_endpoint(endpoint, scene.admin, {**good, name: wrong}, values=values(scene))
                assert answer.status_code in (422, 429), f"{endpoint.name} {name}={wrong!r}"
    assert checked >= {"email", "password", "current_password", "name", "locale", "groups"}


def test_nothing_breaks_on_odd_text(service: Service, scene: Scene) -> None:
    for endpoint in [*changing(service, "json"), *changing(service, "html")]:
        if endpoint.prefix or (endpoint.route and endpoint.route.name == "change_password"):
            continue
        for name, value in scene.body(endpoint).items():
            for odd in ODD if isinstance(value, str) else []:
                data = {**scene.body(endpoint), name: odd}
                if endpoint.format == "html":
                    data = {key: str(text).encode("utf-8", "replace").decode() for key, text in data.items()}
                answer = request_endpoint(endpoint, scene.admin, data, values=values(scene))
                assert answer.status_code < 500, f"{endpoint.name} {name}={odd[:9]!r}"


FOREIGN = ["id", "is_admin", "groups", "status", "auth_epoch", "password_hash", "version", "link_id", "__class__"]


def test_fields_that_there_are_not_are_refused(service: Service, scene: Scene) -> None:
    before = dump_tables(service, "rate_limits")
    for endpoint in [*changing(service, "json"), *changing(service, "html")]:
        data, page = scene.body(endpoint), endpoint.format == "html"
        if endpoint.route is None or not (endpoint.route.form or (endpoint.route.name == "act" and not page)):
            continue
        form = endpoint.route.form or get_link(service.site, endpoint.purpose).form
        known = set(data) | set(form.model_fields)
        for field in set(FOREIGN) - known - ({"link_id"} if page else set()):
            answer = request_endpoint(endpoint, scene.admin, {**data, field: "admins"}, values=values(scene))
            assert answer.status_code == 422, f"{endpoint.name}: {field}"
            if not page:
                errors = [(error["field"], error["code"]) for error in answer.get_json()["errors"]]
                assert errors == [(field, "extra_forbidden")]
    assert dump_tables(service, "rate_limits") == before


IDS = ["%00" * 70, "x" * 5000, "..%2f", "%ff", "é", "a b", "%0a", "'"]


def test_ids_of_any_shape_are_nobodys(service: Service, scene: Scene) -> None:
    token = csrf_token(scene.admin)
    for endpoint in list_endpoints(service):
        if "_id>" in endpoint.rule and endpoint.is_unsafe:
            how: dict[str, Any] = {"data": {"csrf_token": token}} if endpoint.format == "html" else {"json": {}}
            for id in IDS:
                path = endpoint.rule.replace("<invite_id>", id).replace("<session_id>", id)
                headers = {"X-CSRF-Token": token}
                answer = scene.admin.client.open(path, method=endpoint.method, headers=headers, **how)
                assert answer.status_code == 404, f"{endpoint.name}: {id[:9]}"
