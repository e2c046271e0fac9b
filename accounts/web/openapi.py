"""OpenAPI 3.1, made from the very declarations that the views are registered with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Response
from pydantic import BaseModel

from accounts.core.links.link import Link
from accounts.version import __version__
from accounts.web import links as link_views
from accounts.web.kit.context import runtime
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import JSON, Route, Routes

routes: Routes = Routes()
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "stable; decide by this"},
        "retry_after": {"type": "integer", "description": "seconds"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {name: {"type": "string"} for name in ("field", "code", "detail")},
            },
        },
    },
}


@routes.get("/openapi.json", formats=JSON)
def openapi() -> Reply:
    """This description."""
    app_runtime = runtime()
    return Reply(
        json=build_document(app_runtime.all_routes, app_runtime.site.links.values(), app_runtime.site.url_prefix)
    )


@routes.get("/docs", formats=JSON)
def docs() -> Response:
    """This description, for people."""
    app_runtime = runtime()
    api = build_document(app_runtime.all_routes, app_runtime.site.links.values(), app_runtime.site.url_prefix)
    return Response(app_runtime.templates.render("api.html", api=api), content_type="text/html; charset=utf-8")


def build_document(all_routes: Iterable[Routes], link_kinds: Iterable[Link], mount: str) -> dict[str, Any]:
    """The whole description. Paths, inputs and answers come from the routes; nothing is written twice."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Problem": PROBLEM_SCHEMA}
    for routes_group in all_routes:
        for route in routes_group.declared:
            if "json" in route.formats:
                path = _path_template(f"{mount}/api{route.rule}")
                paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    for link in link_kinds:
        for route in link_views.routes.declared:
            if "json" in route.formats:
                path = _path_template(f"{mount}/api/l/{link.purpose}{route.rule}")
                paths.setdefault(path, {})[route.method.lower()] = _link_operation(route, link, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "accounts", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _path_template(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": route.summary, "operationId": route.name, "responses": _responses(route)}
    names = re.findall(r"<(?:\w+:)?(\w+)>", route.rule)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    if route.query is not None:
        properties = _model_schema(route.query, schemas).get("properties", {})
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": properties[name]} for name in properties
        ]
    if parameters:
        operation["parameters"] = parameters
    if route.form is not None:
        operation["requestBody"] = _request_body(_schema_ref(route.form, schemas))
    return operation


def _link_operation(route: Route, link: Link, schemas: dict[str, Any]) -> dict[str, Any]:
    name = f"{route.name}_{link.purpose.replace('-', '_')}"
    operation: dict[str, Any] = {"summary": f"{link.title}: {route.summary}", "operationId": name}
    operation["responses"] = _responses(route)
    token = {"type": "string", "description": "the part of the mailed link between the purpose and /go"}
    if route.method == "GET":
        operation["parameters"] = [{"name": link_views.TOKEN_FIELD, "in": "query", "required": True, "schema": token}]
        return operation
    schema = _model_schema(link.form, schemas)
    schema["properties"] = {link_views.TOKEN_FIELD: token, **schema.get("properties", {})}
    schema["required"] = [link_views.TOKEN_FIELD, *schema.get("required", ())]
    schemas[f"{schema['title']}ByLink"] = schema
    operation["requestBody"] = _request_body({"$ref": f"#/components/schemas/{schema['title']}ByLink"})
    return operation


def _responses(route: Route) -> dict[str, Any]:
    success = {str(status): {"description": "done"} for status in route.statuses}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {**success, "default": {"description": "a problem", "content": problem}}


def _request_body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _schema_ref(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schemas[model.__name__] = _model_schema(model, schemas)
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _model_schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schema.pop("$defs", {}))
    # How a page asks for a field is nobody's business here.
    for property_schema in schema.get("properties", {}).values():
        for key in ("input", "autocomplete", "hint", "maxlength", "required"):
            property_schema.pop(key, None)
    return schema
