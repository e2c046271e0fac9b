"""Make examples for the documentation of the API, from the schemas of its OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Schema = Mapping[str, Any]
MAX_DEPTH = 6
REFERENCE_PREFIX = "#/components/schemas/"
MOMENT, LATER, ID = "2026-11-23T12:35:53Z", "2026-11-30T12:35:53Z", "mE4vYt0Qx2sRkZ7b"
EXAMPLES: Mapping[str, Any] = {
    "account": ID, "actor": ID, "address": "anna@example.org", "after": "", "agent": "Firefox on Linux",
    "allowed_email_domain": "example.org", "amr": ["pwd"], "app": "Wiki", "auth_time": 1795437353,
    "claims": ["email", "name"], "client_id": ID, "code": "link_used", "contact": "help@example.org",
    "csrf_token": "IjRmN2Y1Yzg0Ig.aSMKuQ.0n3cG9", "current_password": "correct horse battery staple",
    "detail": "Enter an email address we can send to, such as name@example.org.", "domain": "example.org",
    "email": "anna@example.org", "expires_at": LATER, "field": "email", "file": "ZW1haWwKYW5uYUBleGFtcGxlLm9yZwo=",
    "forward_origins": ["https://wiki.example.org"], "group": "editors", "groups": ["editors"], "id": ID, "ids": [ID],
    "image": "iVBORw0KGgo=", "issuer": "https://login.example.com", "kind": "sign-in", "link": "https://accounts.example.org/l/invite/WyJhbm5h/go",
    "locale": "en", "message": "See you on Monday.", "name": "Anna", "network": "192.0.2.0/24", "next": "",
    "password": "seven purple umbrellas dancing", "people": "anna@example.org, Anna\nben@example.org, Ben",
    "places": 30, "purpose": "invite", "redirect_uris": ["https://wiki.example.org/callback"], "scopes": ["openid"],
    "since": MOMENT, "state": "active", "subject": "248289761001", "terms": "2026-11-01",
    "title": "Class 7b", "token": "WyJhbm5hQGV4YW1wbGUub3JnIl0", "until": LATER, "version": "2026-11-01",
    "url": "https://accounts.example.org/l/invite/WyJhbm5h/go", "who": ["anna@example.org"],
    "zone": "Europe/Berlin",
}  # fmt: skip
"""By the name of a field: what a reader understands at once. Where its schema does not allow it, another is made."""

ALWAYS_SENT = frozenset({"redirect_uris"})
"""What an example sends that a schema does not ask for by itself."""


class ExampleMaker:
    """Make examples of schemas that refer to each other.

    :param schemas: of the document, by name.
    """

    def __init__(self, schemas: Mapping[str, Schema]) -> None:
        self._schemas = schemas

    def resolve(self, schema: Schema) -> Schema:
        """Return the schema that a reference names; any other as it is."""
        name = str(schema.get("$ref", "")).removeprefix(REFERENCE_PREFIX)
        return self._schemas[name] if name else schema

    def make(self, schema: Schema, name: str = "", *, is_input: bool = False, depth: int = 0) -> Any:
        """Return an example.

        :param name: of the field.
        :param is_input: whether it is sent: of what is sent only as much is shown as has to be.
        """
        schema = self.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "anyOf" in schema:
            options = [each for each in schema["anyOf"] if each.get("type") != "null"]
            return None if depth >= MAX_DEPTH else self.make(options[0], name, is_input=is_input, depth=depth)
        if "enum" in schema:
            known = EXAMPLES.get(name)
            return known if known in schema["enum"] else next(filter(None, schema["enum"]), "")
        kind = schema.get("type", "object" if "properties" in schema else "")
        if kind == "object":
            return self._make_object(schema, is_input=is_input, depth=depth)
        if kind == "array":
            return self._make_array(schema, name, is_input=is_input, depth=depth)
        return _make_value(schema, kind, name)

    def _make_object(self, schema: Schema, *, is_input: bool, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        if is_input and required:
            names: Iterable[str] = [name for name in properties if name in required or name in ALWAYS_SENT]
        else:
            names = [name for name in properties if name in required or is_input or _is_always_said(properties[name])]
        return {
            name: self.make(properties[name], name, is_input=is_input, depth=depth + 1)
            for name in names
            if name in properties
        }

    def _make_array(self, schema: Schema, name: str, *, is_input: bool, depth: int) -> list[Any]:
        items = self.resolve(schema.get("items", {}))
        known = EXAMPLES.get(name)
        if isinstance(known, list) and items.get("type") == "string" and "enum" not in items:
            return known
        if depth >= MAX_DEPTH:
            return []
        return [self.make(items, name.removesuffix("s"), is_input=is_input, depth=depth + 1)]


def _is_always_said(schema: Schema) -> bool:
    """Return whether an answer has a field that its model has a default for: all but what is left out when empty."""
    return schema.get("default", 0) is not None


def _make_value(schema: Schema, kind: str, name: str) -> Any:
    known = EXAMPLES.get(name)
    if kind == "string":
        if schema.get("format") == "date-time":
            return LATER if name in ("expires_at", "ends", "until", "keep_until") else MOMENT
        if schema.get("format") == "date":
            return MOMENT.partition("T")[0]
        return known if isinstance(known, str) else str(schema.get("default") or name or "text")
    if kind == "boolean":
        return bool(schema.get("default", True))
    if kind in ("integer", "number"):
        return known if isinstance(known, int) else schema.get("default", max(1, schema.get("minimum", 1)))
    return known if known is not None else {}


def quote_for_shell(value: Any) -> str:
    """Return a JSON value as one word of a shell."""
    return "'" + json.dumps(value, ensure_ascii=False).replace("'", "'\\''") + "'"
