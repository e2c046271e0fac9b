"""The audit log for admins: searched on a page, taken away as a file."""

from __future__ import annotations

from typing import Any

from flask import Response

from accounts.core.clock import now
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import labels as audit_labels
from accounts.flows.audit import search as audit_search
from accounts.flows.audit.export import AuditExportForm
from accounts.flows.audit.search import AuditFilterForm, AuditSearchForm
from accounts.web.admin.filters import query_filters
from accounts.web.answers.audit import AuditPageOut
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply

AUDIT_TEMPLATE = "admin/audit.html"
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}


def empty_context() -> dict[str, Any]:
    """Return what the page shows when a query was refused."""
    return {
        "lines": [],
        "next": None,
        "happened": audit_labels.EVENT_LABELS,
        "filters": query_filters(AuditSearchForm),
        "export_filters": query_filters(AuditFilterForm),
        "given": query_filters(AuditFilterForm),
    }


def list_audit(query: AuditSearchForm) -> Reply:
    """List what happened, newest first."""
    page_context = {
        "fields": forms.form_fields(AuditFilterForm, query_filters(AuditFilterForm)),
        "problem": None,
        "happened": audit_labels.EVENT_LABELS,
        "filters": query_filters(AuditSearchForm),
        "export_filters": query_filters(AuditFilterForm),
    }
    body = AuditPageOut.from_page(audit_search.search_events(uow(), query))
    return Reply(template=AUDIT_TEMPLATE, json=body, context=page_context)


def export_context(query: AuditFilterForm) -> dict[str, Any]:
    """Return what the form of an export begins with: the filters of the list."""
    return {"given": query_filters(AuditFilterForm)}


def export_audit(form: AuditExportForm) -> Response:
    """Stream the lines as a file, oldest first."""
    response = Response(audit_export.start_export(uow(), form), content_type=MEDIA_TYPES[form.format])
    filename = f"audit-{now():%Y%m%d-%H%M%S}.{form.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
