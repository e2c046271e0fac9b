"""The answer that describes this API."""

from __future__ import annotations

from typing import Any

from accounts.web.answers.base import Answer


class ApiDescriptionOut(Answer):
    """An OpenAPI 3.1 document."""

    openapi: str
    info: dict[str, Any]
    servers: tuple[dict[str, Any], ...]
    tags: tuple[dict[str, Any], ...]
    paths: dict[str, Any]
    components: dict[str, Any]
