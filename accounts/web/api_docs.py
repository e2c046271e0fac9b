"""Show the API to people: by areas, with a request and an answer for each call, from the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accounts.core import errors, link_errors
from accounts.core.errors import Problem
from accounts.core.site import Site
from accounts.web.api_examples import ID, REFERENCE_PREFIX, ExampleMaker, Schema, quote_for_shell
from accounts.web.kit import context
from accounts.web.kit.context import site
from accounts.web.kit.csrf import CSRF_HEADER
from accounts.web.kit.reply import Reply
from accounts.web.openapi import describe_api

PATH_EXAMPLES = {"upstream_id": "office"}
JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field of a table: what it is called, what is in it, and of which other schema."""

    name: str
    type: str
    schema: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One operation as the page shows it.

    :ivar needs: "session", "token" (a session and its token), or "".
    :ivar request, answer: names of the schemas of what is sent and answered; "" for none.
    :ivar body, example: examples of both, as JSON values; None for none.
    """

    id: str
    method: str
    path: str
    summary: str
    description: str
    needs: str
    query: tuple[FieldRow, ...]
    request: str
    fields: tuple[FieldRow, ...]
    body: Any
    answer: str
    example: Any
    media_type: str
    statuses: tuple[str, ...]
    curl: str

    @property
    def example_text(self) -> str:
        """The example of the answer, as it is read."""
        return json.dumps(self.example, ensure_ascii=False, indent=1)


@dataclass(frozen=True, slots=True)
class ApiReference:
    """All of the page.

    :ivar areas: calls by area, in the order of the document.
    :ivar schemas: fields of what is answered, and of what these refer to, by the schema's name.
    :ivar problems: the class of each code.
    """

    version: str
    server: str
    areas: Mapping[str, Sequence[ApiCall]]
    schemas: Mapping[str, tuple[FieldRow, ...]]
    problems: Sequence[type[Problem]]


def docs() -> Reply:
    """Show the API to people."""
    context.load_account()
    return Reply(template="api.html", context={"api": site().get(describe_for_people)})


def describe_for_people(site: Site) -> ApiReference:
    """Return what the page shows: made once. The document is made for it anew: one thing is made at a time."""
    return build_reference(describe_api(site))


def build_reference(document: Mapping[str, Any]) -> ApiReference:
    """Return what is shown of an OpenAPI document."""
    schemas = document["components"]["schemas"]
    maker = ExampleMaker(schemas)
    areas: dict[str, list[ApiCall]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            areas[operation["tags"][0]].append(_build_call(maker, path, method.upper(), operation))
    calls = [call for each in areas.values() for call in each]
    rows = {name: _list_fields(schema) for name, schema in schemas.items()}
    answers = {call.answer for call in calls if call.answer}
    nested = _find_nested(rows, answers | {call.request for call in calls if call.request})
    return ApiReference(
        version=document["info"]["version"],
        server=document["servers"][0]["url"],
        areas=areas,
        schemas={name: rows[name] for name in sorted(answers | nested) if rows[name]},
        problems=sorted(_find_problems(), key=lambda problem: (problem.status, problem.code)),
    )


def _build_call(maker: ExampleMaker, path: str, method: str, operation: Mapping[str, Any]) -> ApiCall:
    request = _schema_name(operation.get("requestBody", {}).get("content", {}).get(JSON_TYPE, {}).get("schema", {}))
    statuses = tuple(status for status in operation["responses"] if status != "default")
    content = operation["responses"][statuses[0]].get("content", {})
    media_type = next(iter(content), "")
    answer_schema = content.get(JSON_TYPE, {}).get("schema", {})
    answer = _schema_name(answer_schema)
    body = maker.make({"$ref": REFERENCE_PREFIX + request}, is_input=True) if request else None
    query = [each for each in operation.get("parameters", ()) if each["in"] == "query"]
    needs = _describe_needs(operation["security"])
    return ApiCall(
        id=operation["operationId"],
        method=method,
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        needs=needs,
        query=tuple(_field_row(each["name"], each["schema"], each["required"]) for each in query),
        request=request,
        fields=_list_fields(maker.resolve({"$ref": REFERENCE_PREFIX + request})) if request else (),
        body=body,
        answer=answer,
        example=maker.make(answer_schema) if answer else None,
        media_type=media_type,
        statuses=statuses,
        curl=_curl(maker, method, path, [each for each in query if each["required"]], needs, body),
    )


def _describe_needs(security: Sequence[Mapping[str, Any]]) -> str:
    needed = security[0] if security else {}
    # Where nobody has to be signed in, whoever is shows the token all the same.
    return "token" if "csrf" in needed else "session" if "session" in needed else ""


def _curl(
    maker: ExampleMaker, method: str, path: str, query: Sequence[Mapping[str, Any]], needs: str, body: Any
) -> str:
    """Return a call for a shell in which ``ACCOUNTS`` is the address of the service, and ``TOKEN`` the CSRF token."""
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        path = path.replace(f"{{{name}}}", PATH_EXAMPLES.get(name, ID))
    if query:
        path += "?" + "&".join(f"{each['name']}={maker.make(each['schema'], each['name'])}" for each in query)
    words = ["curl -b jar -c jar" if needs else "curl"]
    if method != "GET":
        words.append(f"-X {method}")
    if needs == "token":
        words.append(f'-H "{CSRF_HEADER}: $TOKEN"')
    if body is not None or method != "GET":
        words.append(f"-H 'Content-Type: {JSON_TYPE}'")
        words.append(f"-d {quote_for_shell(body or {})}")
    return " \\\n  ".join([" ".join(words[:2]), *words[2:], f'"$ACCOUNTS{path}"'])


def _schema_name(schema: Schema) -> str:
    return str(schema.get("$ref", "")).removeprefix(REFERENCE_PREFIX)


def _list_fields(schema: Schema) -> tuple[FieldRow, ...]:
    required = schema.get("required", ())
    return tuple(_field_row(name, each, name in required) for name, each in schema.get("properties", {}).items())


def _field_row(name: str, schema: Schema, is_required: bool) -> FieldRow:
    type_name, referred = _type_of(schema)
    return FieldRow(name, type_name, referred, is_required, str(schema.get("description", "")))


def _type_of(schema: Schema) -> tuple[str, str]:
    """Return what is in a field, in words, and the name of the schema that it refers to."""
    if referred := _schema_name(schema):
        return "", referred
    if "anyOf" in schema:
        types = [_type_of(each) for each in schema["anyOf"]]
        words = " | ".join(filter(None, (word for word, _ in types)))
        return words, next(filter(None, (name for _, name in types)), "")
    if schema.get("type") == "array":
        word, referred = _type_of(schema.get("items", {}))
        return f"list of {word}".strip() if word else "list of", referred
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"]), ""
    if "const" in schema:
        return json.dumps(schema["const"]), ""
    return str(schema.get("format") or schema.get("type") or "any"), ""


def _find_nested(rows: Mapping[str, tuple[FieldRow, ...]], names: set[str]) -> set[str]:
    """Return the schemas that the fields of these refer to, and those of them in turn."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        for row in rows[waiting.pop()]:
            if row.schema and row.schema not in found:
                found.add(row.schema)
                waiting.append(row.schema)
    return found


def _find_problems() -> Iterator[type[Problem]]:
    seen: set[str] = set()
    for module in (errors, link_errors):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Problem) and value.code not in seen:
                seen.add(value.code)
                yield value
