"""OpenAPI 3.1, made from the very declarations that the views are registered with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import BaseModel

from accounts.core.links.link import Link, list_links
from accounts.core.site import Site
from accounts.flows.sessions.session import STEP_UP_MAX_AGE
from accounts.version import __version__
from accounts.web import links as link_views
from accounts.web.kit.context import runtime, site
from accounts.web.kit.csrf import CSRF_HEADER, SAFE_METHODS
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ID_PATTERN, Route, Routes

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "RFC 9457",
    "required": ["type", "title", "status", "code"],
    "additionalProperties": False,
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; decide by this"},
        "detail": {"type": "string", "description": "what there is to say about this one occurrence"},
        "retry_after": {"type": "integer", "description": "seconds"},
        "until": {"type": "string", "format": "date-time", "description": "refused until then"},
        "again": {"type": "boolean", "description": "of a dead link: whether a fresh one may be asked for"},
        "terms": {
            "type": "object",
            "description": "of terms_required: what has to be accepted",
            "required": ["url", "version"],
            "additionalProperties": False,
            "properties": {"url": {"type": "string"}, "version": {"type": "string"}},
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "additionalProperties": False,
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
    },
}
SECURITY_SCHEMES: dict[str, dict[str, str]] = {
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The csrf_token of this session, from /api/csrf.",
    },
    "session": {"type": "apiKey", "in": "cookie", "description": "The cookie of a browser session."},
}
TAGS = {
    "/admin/accounts": "Accounts",
    "/admin/invites/batches": "Batches of invitations",
    "/admin/invites": "Invitations",
    "/admin/apps": "Apps",
    "/admin/audit": "Audit log",
    "/admin/mail": "Helpdesk",
    "/admin/links": "Helpdesk",
    "/admin/limits": "Helpdesk",
    "/admin": "Installation",
    "/account/apps": "Connected apps",
    "/account/identities": "Other sign-in services",
    "/upstream": "Other sign-in services",
    "/account": "Own account",
    "/l": "Links",
    "/mailbox": "Development",
    "/openapi.json": "This API",
    "": "Signing in and out",
}
"""The areas, by how their addresses begin; the first that fits counts."""
PROBLEM_MEDIA_TYPE = "application/problem+json"
RULE_VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
FORM_HINTS = ("input", "autocomplete", "hint", "maxlength", "required")
"""What a field's schema says about how a page asks for it."""
Schemas = dict[str, Any]


def openapi() -> Reply:
    """Return this description."""
    return Reply(json=site().get(describe_api))


def describe_api(site: Site) -> dict[str, Any]:
    """Return the description of the API of this app: made once, since that takes a fifth of a second."""
    app_runtime = runtime()
    server = site.link_signer.page_url("")
    return build_document(app_runtime.all_routes, list_links(site), server, app_runtime.session_cookie_name)


def build_document(
    all_routes: Iterable[Routes], link_kinds: Iterable[Link], server: str, cookie_name: str
) -> dict[str, Any]:
    """Return an OpenAPI document. Paths, inputs and answers come from the routes; nothing is written twice.

    :param server: the address in front of ``/api``.
    :param cookie_name: name of the session's cookie.
    """
    paths: dict[str, dict[str, Any]] = {}
    schemas: Schemas = {"Problem": PROBLEM_SCHEMA}
    for route in (route for routes_group in all_routes for route in routes_group.declared):
        if "json" in route.formats:
            path = paths.setdefault(_path_template(route.rule), {})
            path[route.method.lower()] = _describe_route(route, schemas)
    for link in link_kinds:
        for route in link_views.routes.declared:
            if "json" in route.formats:
                path = paths.setdefault(_path_template(f"/l/{link.purpose}{route.rule}"), {})
                path[route.method.lower()] = _describe_link_route(route, link, schemas)
    used_tags = {tag for path in paths.values() for operation in path.values() for tag in operation["tags"]}
    session_scheme = {**SECURITY_SCHEMES["session"], "name": cookie_name}
    return {
        "openapi": "3.1.0",
        "info": {"title": "accounts", "version": __version__},
        "servers": [{"url": server}],
        "tags": [{"name": tag} for tag in dict.fromkeys(TAGS.values()) if tag in used_tags],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {**SECURITY_SCHEMES, "session": session_scheme}},
    }


def _path_template(rule: str) -> str:
    return "/api" + RULE_VARIABLE.sub(r"{\1}", rule)


def _describe_route(route: Route, schemas: Schemas) -> dict[str, Any]:
    operation = _describe_operation(route, route.rule, schemas)
    parameters = [_path_parameter(name) for name in RULE_VARIABLE.findall(route.rule)]
    if route.query is not None:
        schema = _input_schema(route.query, schemas)
        required = schema.get("required", ())
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": each}
            for name, each in schema.get("properties", {}).items()
        ]
    if parameters:
        operation["parameters"] = parameters
    if route.form is not None:
        schemas[route.form.__name__] = _input_schema(route.form, schemas)
        operation["requestBody"] = _request_body(route.form.__name__)
    return operation


def _describe_link_route(route: Route, link: Link, schemas: Schemas) -> dict[str, Any]:
    operation = _describe_operation(route, f"/l/{link.purpose}{route.rule}", schemas)
    operation["summary"] = f"{link.title}: {route.summary}"
    operation["operationId"] = f"{route.name}_{link.purpose.replace('-', '_')}"
    token = {"type": "string", "description": "the part of the mailed link between the purpose and /go"}
    if route.method == "GET":
        operation["parameters"] = [{"name": link_views.TOKEN_FIELD, "in": "query", "required": True, "schema": token}]
        return operation
    # A fresh link asks for nothing but the old one; the act for what the link's form asks, too.
    schema = _input_schema(link.form if route.name == link_views.act.__name__ else link_views.LinkTokenForm, schemas)
    schema["properties"] = {**schema.get("properties", {}), link_views.TOKEN_FIELD: token}
    schema["required"] = [link_views.TOKEN_FIELD, *schema.get("required", ())]
    schemas[f"{schema['title']}ByLink"] = schema
    operation["requestBody"] = _request_body(f"{schema['title']}ByLink")
    return operation


def _describe_operation(route: Route, rule: str, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.name,
        "tags": [next(tag for prefix, tag in TAGS.items() if f"{rule}/".startswith(f"{prefix}/"))],
        "security": _list_security(route),
        "responses": {
            **{str(status): _success_response(route, status, schemas) for status in route.statuses},
            **{str(refusal.status): _problem_response(f"`{refusal.code}`") for refusal in route.refusals},
            "default": _problem_response("a problem"),
        },
    }
    if route.step_up:
        minutes = int(STEP_UP_MAX_AGE.total_seconds() // 60)
        operation["description"] = f"Needs a password verified in this session within the last {minutes} minutes."
    return operation


def _success_response(route: Route, status: int, schemas: Schemas) -> dict[str, Any]:
    if status == 204:
        return {"description": "done"}
    content = {name: {"schema": _line_schema(route.line, schemas)} for name in route.media_types}
    if route.answers is not None:
        content["application/json"] = {"schema": _answer_reference(route.answers, schemas)}
    return {"description": "done", "content": content}


def _problem_response(description: str) -> dict[str, Any]:
    content = {PROBLEM_MEDIA_TYPE: {"schema": _schema_reference("Problem")}}
    return {"description": description, "content": content}


def _line_schema(model: type[BaseModel] | None, schemas: Schemas) -> dict[str, Any]:
    if model is None:
        return {"type": "string"}
    problem = {"type": "object", "required": ["problem"], "properties": {"problem": _schema_reference("Problem")}}
    line = {"anyOf": [_answer_reference(model, schemas), problem]}
    return {**line, "description": "one line; the last may say what went wrong on the way"}


def _list_security(route: Route) -> list[dict[str, list[str]]]:
    needed: dict[str, list[str]] = {"session": []}
    if route.method not in SAFE_METHODS and route.needs_csrf_token:
        needed["csrf"] = []
    if route.access:
        return [needed]
    # Nobody needs a session; but whoever has one shows its token.
    return [needed, {}] if "csrf" in needed else []


def _path_parameter(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if name.endswith("_id"):
        schema["pattern"] = f"^{ID_PATTERN.pattern}$"
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _request_body(schema_name: str) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": _schema_reference(schema_name)}}}


def _answer_reference(model: type[BaseModel], schemas: Schemas) -> dict[str, Any]:
    schemas[model.__name__] = _model_schema(model, "serialization", schemas)
    return _schema_reference(model.__name__)


def _input_schema(model: type[BaseModel], schemas: Schemas) -> dict[str, Any]:
    schema = _model_schema(model, "validation", schemas)
    # How a page asks for a field is nobody's business here.
    for property_schema in schema.get("properties", {}).values():
        for key in FORM_HINTS:
            property_schema.pop(key, None)
        if property_schema.get("default", "") is None:
            del property_schema["default"]
    return schema


def _model_schema(model: type[BaseModel], mode: Literal["serialization", "validation"], schemas: Schemas) -> Schemas:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}", mode=mode)
    schemas.update(schema.pop("$defs", {}))
    return schema


def _schema_reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}
