"""Real answers held against the OpenAPI document that describes them."""

from __future__ import annotations

import json
import re
from typing import Any

from openapi_schema_validator import OAS31Validator, oas31_format_checker
from werkzeug.test import TestResponse

from tests.people import Service

NDJSON = "application/x-ndjson"


class AnswerChecker:
    """Find the operation of a request in the document, and validate its answer."""

    def __init__(self, service: Service) -> None:
        self.document: dict[str, Any] = service.person().get("/api/openapi.json").get_json()
        self.succeeded: set[str] = set()
        """The ids of the operations of which a success was validated."""

    def operations(self) -> dict[str, dict[str, Any]]:
        """Return all operations by their ids."""
        found = [operation for path in self.document["paths"].values() for operation in path.values()]
        return {operation["operationId"]: operation for operation in found}

    def find_operation(self, method: str, path: str) -> dict[str, Any]:
        """Return the operation at a path. One without variables goes before one with."""
        for template in sorted(self.document["paths"], key=lambda template: template.count("{")):
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
            operation: dict[str, Any] | None = self.document["paths"][template].get(method.lower())
            if operation is not None and re.fullmatch(pattern, path):
                return operation
        raise AssertionError(f"{method} {path} is not described")

    def check(self, method: str, answer: TestResponse) -> None:
        """Assert that status, media type and body of an answer are as described."""
        operation = self.find_operation(method, answer.request.path)
        where = f"{operation['operationId']} {answer.status_code}"
        described = operation["responses"].get(str(answer.status_code))
        if answer.status_code >= 400:
            described = described or operation["responses"]["default"]
        assert described is not None, f"{where} is not described"
        if answer.status_code < 400:
            self.succeeded.add(operation["operationId"])
        if "content" not in described:
            assert not answer.get_data(), where
            return
        assert answer.mimetype in described["content"], f"{where}: {answer.mimetype}"
        schema = described["content"][answer.mimetype]["schema"]
        for body in self._bodies(answer):
            errors = [error.message for error in self._validator(schema).iter_errors(body)]
            assert not errors, f"{where}: {errors}"

    def _bodies(self, answer: TestResponse) -> list[Any]:
        if answer.mimetype == NDJSON:
            return [json.loads(line) for line in answer.get_data(as_text=True).splitlines()]
        text = answer.get_data(as_text=True)
        return [json.loads(text) if str(answer.mimetype).endswith("json") else text]

    def _validator(self, schema: dict[str, Any]) -> Any:
        return OAS31Validator(
            {**schema, "components": self.document["components"]}, format_checker=oas31_format_checker
        )
