"""The page about the API: whole, small, by areas; examples are right by the models, and requests are taken."""

from __future__ import annotations

import json
import re
import shlex
from html import unescape
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from pydantic import BaseModel

from accounts.config import LOCALES
from accounts.core.errors import Problem
from accounts.core.links.link import list_links
from accounts.web import links as link_views
from accounts.web.api_docs import ApiCall, ApiReference, build_reference
from accounts.web.openapi import build_document
from tests.kit.browser import Browser
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service

MAX_PAGE_BYTES = 300_000
SHAPE_CODES = {"malformed_request", "method_not_allowed", "unsupported_media_type", "csrf_failed"}
SHAPE_ERRORS = {
    "missing",
    "extra_forbidden",
    "string_type",
    "int_type",
    "list_type",
    "bool_type",
    "dict_type",
    "literal_error",
}


@pytest.fixture
def document(service: Service) -> dict[str, Any]:
    routes = service.state.all_routes
    return build_document(routes, list_links(service.site), "https://accounts.example.org", "session")


@pytest.fixture
def reference(document: dict[str, Any]) -> ApiReference:
    return build_reference(document)


def calls_of(reference: ApiReference) -> list[ApiCall]:
    return [call for calls in reference.areas.values() for call in calls]


def models(service: Service) -> dict[str, type[BaseModel]]:
    """The models of what is sent and answered, by name."""
    routes = [route for group in service.state.all_routes for route in group.declared]
    found = [model for route in (*routes, *link_views.routes.declared) for model in (route.form, route.answers)]
    return {model.__name__: model for model in found if model is not None}


def test_every_operation_is_shown_once_in_its_area(document: dict[str, Any], reference: ApiReference) -> None:
    operations = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert sorted(call.id for call in calls_of(reference)) == sorted(operations)
    assert list(reference.areas) == [tag["name"] for tag in document["tags"]]


def test_every_example_is_right_by_its_schema_and_by_its_model(
    service: Service, document: dict[str, Any], reference: ApiReference
) -> None:
    known = models(service)
    for call in calls_of(reference):
        for name, example in ((call.request, call.body), (call.answer, call.example)):
            if not name:
                continue
            schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
            wrong = [error.message for error in OAS31Validator(schema).iter_errors(example)]
            assert wrong == [], (call.id, name)
            if name in known:
                known[name].model_validate_json(json.dumps(example))


def test_an_example_that_is_wrong_would_be_noticed(document: dict[str, Any], reference: ApiReference) -> None:
    call = next(call for call in calls_of(reference) if call.id == "account")
    schema = {"$ref": f"#/components/schemas/{call.answer}", "components": document["components"]}
    assert list(OAS31Validator(schema).iter_errors({**call.example, "x": 1}))


def run_curl(person: Person, command: str) -> Any:
    """Send what a curl command says; quotes, jar and token are those of the walk at the top of the page."""
    words = shlex.split(command.replace("\\\n", " "))
    method, headers, data, url = "GET", {}, None, ""
    arguments = iter(words[1:])
    for word in arguments:
        if word == "-X":
            method = next(arguments)
        elif word == "-H":
            name, _, value = next(arguments).partition(": ")
            headers[name] = value.replace("$TOKEN", person.csrf_token())
        elif word == "-d":
            data = next(arguments)
        elif word in ("-b", "-c"):
            assert next(arguments) == "jar"
        else:
            assert word.startswith("$ACCOUNTS/api/")
            url = word.removeprefix("$ACCOUNTS")
    return person.client.open(
        url, method=method, headers=headers, data=data, environ_base={"REMOTE_ADDR": person.network}
    )


def test_every_request_is_understood(service: Service, reference: ApiReference) -> None:
    admin = service.admin()
    for call in calls_of(reference):
        if not admin.signed_in:
            # One of the calls ends the session, another changes the password to the one of its example.
            admin.password = PASSWORD if admin.sign_in().status_code == 200 else OTHER_PASSWORD
            assert admin.sign_in().status_code == 200
        answer = run_curl(admin, call.curl)
        told = answer.get_json(silent=True) or {}
        assert answer.status_code < 500, (call.id, told)
        assert told.get("code") not in SHAPE_CODES, (call.id, told)
        errors = {each["code"] for each in told.get("errors", ())}
        assert not errors & SHAPE_ERRORS, (call.id, told, call.curl)


def test_the_page_is_small_and_comes_from_here_alone(service: Service) -> None:
    for locale in LOCALES:
        browser = Browser(service.app.test_client())
        browser.visit("/api/docs" if locale == "en" else f"/{locale}/api/docs")
        text = browser.response.get_data(as_text=True)
        assert browser.status == 200
        assert len(browser.response.data) < MAX_PAGE_BYTES
        assert f'<html lang="{locale}"' in text
        assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert "Fehlercodes" in Browser(service.app.test_client()).visit("/de/api/docs").text


def test_the_contents_lead_to_what_is_there_and_schemas_too(service: Service) -> None:
    browser = Browser(service.app.test_client())
    browser.visit("/api/docs")
    text = browser.response.get_data(as_text=True)
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    targets = {unescape(each) for each in re.findall(r'href="#([^"]+)"', text)}
    assert targets <= set(ids)
    assert {"start", "problems", "schemas", "area-1"} <= targets


def test_every_code_is_listed(service: Service, reference: ApiReference) -> None:
    codes = {problem.code for problem in reference.problems}
    assert {"terms_required", "link_used", "not_signed_in", "internal_error"} <= codes
    assert all(issubclass(problem, Problem) for problem in reference.problems)


def test_whoever_is_signed_in_has_their_header_and_language(service: Service) -> None:
    member = service.member()
    member.patch("/api/account", {"locale": "es"})
    page = member.get("/api/docs").get_data(as_text=True)
    assert '<html lang="es"' in page
    assert 'href="/account"' in page
