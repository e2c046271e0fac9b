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
from accounts.core.messages import N_
from accounts.core.models.audit import AuditRow
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.search import EVENT_COLUMNS, AuditEvent, AuditFilterForm, build_filter

AUDIT_EXPORTED_EVENT = "audit.exported"
EVENTS_PER_BATCH = 1000
COLUMN_NAMES = tuple(AuditEvent.__dataclass_fields__)

AuditFormat = Literal["csv", "ndjson"]


class AuditExportForm(AuditFilterForm):
    """Which lines, and in what form."""

    format: AuditFormat = Field(default="csv", title=N_("Format"), json_schema_extra={"input": "choice"})


def start_export(uow: UnitOfWork, form: AuditExportForm) -> Iterator[str]:
    """Note who takes what away, and begin. The lines themselves are read while they are sent."""
    conditions = build_filter(uow, form).all_conditions
    filters = {name: str(value) for name in AuditFilterForm.model_fields if (value := getattr(form, name))}
    with uow:
        # Not whom somebody looked for: that may be an address.
        uow.record_event(AUDIT_EXPORTED_EVENT, facts={"format": form.format, "filters": sorted(filters)})
    return stream_events(uow.site, conditions, form.format)


def stream_events(site: Site, conditions: Sequence[ColumnElement[bool]], export_format: AuditFormat) -> Iterator[str]:
    """Yield the lines, oldest first, as text in batches, over connections of its own: the request is over by then.

    A connection is held for one batch only, so that a slow reader keeps none open. Lines appended meanwhile are left
    out: it ends at the moment when it began.
    """
    format_event = _ROW_FORMATTERS[export_format]
    statement = select(*EVENT_COLUMNS).where(AuditRow.at <= now(), *conditions)
    if export_format == "csv":
        yield csv_files.format_row(COLUMN_NAMES)
    for rows in chain.iter_event_batches(site, statement, EVENTS_PER_BATCH):
        yield "".join(format_event(row) for row in rows)


def _format_csv_row(row: Any) -> str:
    values = _event_dict(row)
    values["facts"] = json.dumps(values["facts"], ensure_ascii=False)
    return csv_files.format_row(["" if value is None else str(value) for value in values.values()])


def _format_ndjson_row(row: Any) -> str:
    return json.dumps(_event_dict(row), ensure_ascii=False, separators=(",", ":")) + "\n"


def _event_dict(row: Any) -> dict[str, Any]:
    values = dict(zip(COLUMN_NAMES, row, strict=True))
    values["at"] = row.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return values


_ROW_FORMATTERS: dict[AuditFormat, Callable[[Any], str]] = {"csv": _format_csv_row, "ndjson": _format_ndjson_row}
