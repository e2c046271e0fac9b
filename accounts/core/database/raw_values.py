"""Read values as the driver gave them, where one that is damaged must not fail the whole statement."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def parse_json_object(value: object) -> Mapping[str, Any]:
    """Return a JSON object: PostgreSQL's driver has parsed it, SQLite keeps text, and whatever else it was given.

    :raises ValueError: it is none. The error quotes nothing of it.
    """
    try:
        if isinstance(value, str | bytes):
            value = json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("no JSON object") from None
    if not isinstance(value, dict):
        raise ValueError("no JSON object")
    return value


def parse_moment(value: object) -> datetime:
    """Return a timestamp as an aware one in UTC: PostgreSQL's driver makes one, SQLite keeps text without a zone.

    :raises ValueError: it is none.
    """
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)  # type: ignore[arg-type] # TypeError
    except (ValueError, TypeError):
        raise ValueError("no moment") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
