"""The audit log for admins: searched on a page, taken away as a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, request

from accounts.core.clock import now
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import labels as audit_labels
from accounts.flows.audit import search as audit_search
from accounts.flows.audit.export import ExportAudit
from accounts.flows.audit.search import AuditFilter, AuditPage
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import Room

room: Room = Room()
PAGE = "admin/audit.html"
MEDIA = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


def _filters() -> dict[str, str]:
    return {name: value for name in AuditFilter.model_fields if (value := request.args.get(name))}


def _no_lines() -> dict[str, Any]:
    return {"lines": [], "next": "", "happened": audit_labels.HAPPENED, "filters": _filters(), "given": _filters()}


@room.get("/admin/audit", needs=ADMIN_GROUP, query=AuditPage, page=PAGE, fill=_no_lines)
def list_audit(said: AuditPage) -> Reply:
    """What happened, newest first."""
    lines, place = audit_search.page(uow(), said)
    shows = {
        "fields": forms.fields_of(AuditFilter, _filters()),
        "problem": None,
        "happened": audit_labels.HAPPENED,
        "filters": _filters(),
    }
    return Reply(page=PAGE, says={"lines": [asdict(line) for line in lines], "next": place}, shows=shows)


@room.post(
    "/admin/audit/export",
    needs=ADMIN_GROUP,
    fresh=True,
    asks=ExportAudit,
    page="admin/audit_export.html",
    fill=lambda: {"given": _filters()},
)
def export_audit(said: ExportAudit) -> Response:
    """The lines as a file, oldest first."""
    answer = Response(audit_export.begin(uow(), said), content_type=MEDIA[said.format])
    name = f"audit-{now():%Y%m%d-%H%M%S}.{said.format}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
