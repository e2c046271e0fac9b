"""Every endpoint of a service, read from its route map: a new route turns up in every table by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from accounts.web import links as link_views
from accounts.web.kit.routes import Route
from tests.people import Person, Service

SAMPLE_VALUES = {"token": "x.y.z", "name": "style.css"}
LANGUAGE_PREFIX = re.compile(r"<any\(([a-z, ]+)\):prefix>")
HTTPS = "https://accounts.example.org"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one address."""

    method: str
    rule: str
    format: str
    prefix: str
    purpose: str
    route: Route | None
    is_form: bool

    @property
    def name(self) -> str:
        """``POST /sign-in``: without the language that stands in front."""
        rule = self.rule.removeprefix(f"/{self.prefix}") if self.prefix else self.rule
        return f"{self.method} {rule or '/'}"

    @property
    def is_unsafe(self) -> bool:
        return self.method not in ("GET", "HEAD", "OPTIONS")

    @property
    def csrf_required(self) -> bool:
        """Whether it acts by the authority of a session, so that JSON needs a token, too."""
        return self.route is not None and self.route.needs_csrf_token

    def path(self, **values: str) -> str:
        """Its address with sample values filled in."""
        return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: (values | SAMPLE_VALUES).get(found[1], "nobody"), self.rule)


def list_endpoints(service: Service) -> list[Endpoint]:
    """All of them, in a stable order."""
    all_routes = (*service.state.all_routes, link_views.routes)
    routes = {route.name: route for routes_group in all_routes for route in routes_group.declared}
    endpoints = []
    for rule, prefix in _rules_by_language(service):
        hidden_values = rule.defaults or {}
        name = rule.endpoint.rpartition(".")[2]
        is_form = name not in routes and name.endswith("_form")
        route = routes.get(name.removesuffix("_form") if is_form else name)
        endpoints += [
            Endpoint(
                method,
                LANGUAGE_PREFIX.sub(prefix, rule.rule),
                hidden_values.get("format", "html"),
                prefix,
                hidden_values.get("purpose", ""),
                route,
                is_form,
            )
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        ]
    return sorted(endpoints, key=lambda endpoint: (endpoint.rule, endpoint.method))


def _rules_by_language(service: Service) -> Iterator[tuple[Rule, str]]:
    """Each rule, once for each language that may stand in front."""
    for rule in service.app.url_map.iter_rules():
        languages = LANGUAGE_PREFIX.search(rule.rule)
        yield from ((rule, prefix) for prefix in (languages[1].split(", ") if languages else [""]))


def request_endpoint(
    endpoint: Endpoint, person: Person, data: dict[str, Any] | None = None, **options: Any
) -> TestResponse:
    """Send a request in the format of the endpoint, with the right CSRF token unless ``token`` says otherwise."""
    path = endpoint.path(**options.pop("values", {}))
    token = options.pop("token", None)
    base = {"REMOTE_ADDR": person.network}
    if not endpoint.is_unsafe:
        return person.client.open(path, method=endpoint.method, environ_base=base, buffered=True, **options)
    if token is None:
        token = csrf_token(person)
    headers = dict(options.pop("headers", {}))
    body: dict[str, Any] = {"json": data or {}}
    if endpoint.format == "json":
        headers |= {"X-CSRF-Token": token} if token else {}
    else:
        body = {"data": {**(data or {}), **({"csrf_token": token} if token else {})}}
    return person.client.open(path, method=endpoint.method, headers=headers, environ_base=base, **body, **options)


def csrf_token(person: Person) -> str:
    """The CSRF token of somebody's session; a visitor gets a session with it."""
    return person.csrf_token()


def problem_code(response: TestResponse) -> str:
    """The stable code of a JSON problem; "" for a success."""
    body = json.loads(response.get_data() or b"{}")
    return str(body.get("code", ""))
