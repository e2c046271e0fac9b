"""The audit log as a file: streamed in batches, so that a million lines need no more memory than a thousand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, select

from accounts.core import csv_files
from accounts.core.audit import chain
from accounts.core.clock import now
from accounts.core.errors import N_
from accounts.core.models.audit import AuditRow
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.search import COLUMNS, AuditFilter, Line, conditions

EXPORTED = "audit.exported"
BATCH = 1000
NAMES = tuple(Line.__dataclass_fields__)

Format = Literal["csv", "ndjson"]


class ExportAudit(AuditFilter):
    """Which lines, and in what form."""

    format: Format = Field(default="csv", title=N_("Form"), json_schema_extra={"input": "choice"})


def begin(uow: UnitOfWork, said: ExportAudit) -> Iterator[str]:
    """Note who takes what away, and begin. The lines themselves are read while they are sent."""
    wanted = conditions(uow, said)
    filters = {name: str(value) for name in AuditFilter.model_fields if (value := getattr(said, name))}
    with uow:
        # Not whom somebody looked for: that may be an address.
        uow.record_event(EXPORTED, facts={"format": said.format, "filters": sorted(filters)})
    return stream(uow.site, wanted, said.format)


def stream(house: Site, wanted: Sequence[ColumnElement[bool]], format: Format) -> Iterator[str]:
    """The lines, oldest first, as text in batches. Asks the store for itself: the request is over by then.

    A connection is held for one batch only, so that a slow reader keeps none open. Lines appended meanwhile are left
    out: it ends at the moment when it began.
    """
    write = _FORMATS[format]
    until, place = now(), None
    if format == "csv":
        yield csv_files.format_row(NAMES)
    while True:
        lines = select(*COLUMNS).where(AuditRow.at <= until, *wanted)
        if place is not None:
            lines = lines.where(chain.rows_after(*place))
        with house.store.engine.connect() as connection:
            rows = connection.execute(lines.order_by(AuditRow.at, AuditRow.id).limit(BATCH)).all()
        if rows:
            yield "".join(write(row) for row in rows)
        if len(rows) < BATCH:
            return
        place = (rows[-1].at, rows[-1].id)


def _as_csv(row: Any) -> str:
    told = _told(row)
    told["facts"] = json.dumps(told["facts"], ensure_ascii=False)
    return csv_files.format_row(["" if value is None else str(value) for value in told.values()])


def _as_ndjson(row: Any) -> str:
    return json.dumps(_told(row), ensure_ascii=False, separators=(",", ":")) + "\n"


def _told(row: Any) -> dict[str, Any]:
    told = dict(zip(NAMES, row, strict=True))
    told["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return told


_FORMATS: dict[Format, Callable[[Any], str]] = {"csv": _as_csv, "ndjson": _as_ndjson}
