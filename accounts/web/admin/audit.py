"""The audit log for admins: searched on a page, taken away as a file."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Response, request

from accounts.core.clock import now
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import labels as audit_labels
from accounts.flows.audit import search as audit_search
from accounts.flows.audit.export import AuditExportForm
from accounts.flows.audit.search import AuditFilterForm, AuditSearchForm
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, Routes

routes: Routes = Routes()
AUDIT_TEMPLATE = "admin/audit.html"
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


def _query_filters() -> dict[str, str]:
    return {name: value for name in AuditFilterForm.model_fields if (value := request.args.get(name))}


def _empty_context() -> dict[str, Any]:
    return {
        "lines": [],
        "next": "",
        "happened": audit_labels.EVENT_LABELS,
        "filters": _query_filters(),
        "given": _query_filters(),
    }


@routes.get("/admin/audit", access=ADMINS, query=AuditSearchForm, template=AUDIT_TEMPLATE, context=_empty_context)
def list_audit(query: AuditSearchForm) -> Reply:
    """What happened, newest first."""
    lines, cursor = audit_search.search_events(uow(), query)
    page_context = {
        "fields": forms.form_fields(AuditFilterForm, _query_filters()),
        "problem": None,
        "happened": audit_labels.EVENT_LABELS,
        "filters": _query_filters(),
    }
    return Reply(
        template=AUDIT_TEMPLATE,
        json={"lines": [asdict(line) for line in lines], "next": cursor},
        context=page_context,
    )


@routes.post(
    "/admin/audit/export",
    access=ADMINS,
    step_up=True,
    form=AuditExportForm,
    template="admin/audit_export.html",
    context=lambda: {"given": _query_filters()},
)
def export_audit(form: AuditExportForm) -> Response:
    """The lines as a file, oldest first."""
    response = Response(audit_export.start_export(uow(), form), content_type=MEDIA_TYPES[form.format])
    filename = f"audit-{now():%Y%m%d-%H%M%S}.{form.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
