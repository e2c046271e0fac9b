"""Declare the addresses of the audit log."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Onward, Routes
from accounts.web.kit.streams import NDJSON

routes = Routes("accounts.web.admin.audit", access=ADMINS)
routes.get(
    "/admin/audit",
    view="list_audit",
    query="AuditSearchForm",
    answers="AuditPageOut",
    template="admin/audit.html",
    context="empty_context",
)
routes.post(
    "/admin/audit/export",
    view="export_audit",
    step_up=True,
    form="AuditExportForm",
    template="admin/audit_export.html",
    page_query="AuditFilterForm",
    context="export_context",
    media_types=("text/csv", NDJSON),
    notice=Onward("the answer is the file itself, which the browser saves"),
)
