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
from accounts.web.kit.routes import JSON, Room, Route

room: Room = Room()
PROBLEM = {
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


@room.get("/openapi.json", speaks=JSON)
def openapi() -> Reply:
    """This description."""
    state = runtime()
    return Reply(says=document(state.rooms, state.house.links.values(), state.house.url_prefix))


@room.get("/docs", speaks=JSON)
def docs() -> Response:
    """This description, for people."""
    state = runtime()
    described = document(state.rooms, state.house.links.values(), state.house.url_prefix)
    return Response(state.pages.render("api.html", api=described), content_type="text/html; charset=utf-8")


def document(rooms: Iterable[Room], links: Iterable[Link], mount: str) -> dict[str, Any]:
    """The whole description. Paths, inputs and answers come from the routes; nothing is written twice."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Problem": PROBLEM}
    for each in rooms:
        for route in each.routes:
            if "json" in route.speaks:
                path = _path(f"{mount}/api{route.rule}")
                paths.setdefault(path, {})[route.method.lower()] = _operation(route, schemas)
    for link in links:
        for route in link_views.room.routes:
            if "json" in route.speaks:
                path = _path(f"{mount}/api/l/{link.purpose}{route.rule}")
                paths.setdefault(path, {})[route.method.lower()] = _link_operation(route, link, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "accounts", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _path(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"summary": route.summary, "operationId": route.name, "responses": _responses(route)}
    names = re.findall(r"<(?:\w+:)?(\w+)>", route.rule)
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]
    if route.query is not None:
        told = _schema(route.query, schemas).get("properties", {})
        parameters += [{"name": name, "in": "query", "required": False, "schema": told[name]} for name in told]
    if parameters:
        said["parameters"] = parameters
    if route.asks is not None:
        said["requestBody"] = _body(_ref(route.asks, schemas))
    return said


def _link_operation(route: Route, link: Link, schemas: dict[str, Any]) -> dict[str, Any]:
    name = f"{route.name}_{link.purpose.replace('-', '_')}"
    said: dict[str, Any] = {"summary": f"{link.title}: {route.summary}", "operationId": name}
    said["responses"] = _responses(route)
    token = {"type": "string", "description": "the part of the mailed link between the purpose and /go"}
    if route.method == "GET":
        said["parameters"] = [{"name": link_views.TOKEN, "in": "query", "required": True, "schema": token}]
        return said
    schema = _schema(link.form, schemas)
    schema["properties"] = {link_views.TOKEN: token, **schema.get("properties", {})}
    schema["required"] = [link_views.TOKEN, *schema.get("required", ())]
    schemas[f"{schema['title']}ByLink"] = schema
    said["requestBody"] = _body({"$ref": f"#/components/schemas/{schema['title']}ByLink"})
    return said


def _responses(route: Route) -> dict[str, Any]:
    good = {str(status): {"description": "done"} for status in route.statuses}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {**good, "default": {"description": "a problem", "content": problem}}


def _body(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _ref(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    schemas[model.__name__] = _schema(model, schemas)
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _schema(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, Any]:
    made = model.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(made.pop("$defs", {}))
    # How a page asks for a field is nobody's business here.
    for told in made.get("properties", {}).values():
        for key in ("input", "autocomplete", "hint", "maxlength", "required"):
            told.pop(key, None)
    return made
