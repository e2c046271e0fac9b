"""The audit log for admins: searched on a page, taken away as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response
from pydantic import ValidationError

from accounts.core.clock import now
from accounts.flows.audit import export as audit_export
from accounts.flows.audit import labels as audit_labels
from accounts.flows.audit import people as audit_people
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
    return {**_page_context(), "lines": [], "next": None, "people": {}, "app_names": {}, "order": "newest"}


def list_audit(query: AuditSearchForm) -> Reply:
    """List what happened, newest first."""
    page = audit_search.search_events(uow(), query)
    people = audit_people.find_people(uow(), page.rows)
    body = AuditPageOut.from_page(page, people, audit_people.find_app_names(uow(), page.rows))
    page_context = {
        **_page_context(),
        "fields": forms.form_fields(AuditFilterForm, _given_filters()),
        "problem": None,
        "order": query.order,
    }
    return Reply(template=AUDIT_TEMPLATE, json=body, context=page_context)


def export_context(query: AuditFilterForm) -> dict[str, Any]:
    """Return what the form of an export begins with: the filters of the list."""
    return {"given": _given_filters(), "export_filters": query_filters(AuditFilterForm), **_choices()}


def export_audit(form: AuditExportForm) -> Response:
    """Stream the lines as a file, oldest first."""
    response = Response(audit_export.start_export(uow(), form), content_type=MEDIA_TYPES[form.format])
    filename = f"audit-{now():%Y%m%d-%H%M%S}.{form.format}"
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def _page_context() -> dict[str, Any]:
    return {
        "filters": query_filters(AuditSearchForm),
        "export_filters": query_filters(AuditFilterForm),
        "given": _given_filters(),
        **_choices(),
    }


def _choices() -> dict[str, Any]:
    return {
        "happened": audit_labels.EVENT_LABELS,
        "topics": audit_labels.EVENT_TOPICS,
        "list_other_kinds": _list_other_kinds,
    }


def _list_other_kinds() -> Sequence[str]:
    """Return kinds that have no words here: those of a host app."""
    return [kind for kind in audit_search.list_kinds(uow()) if kind not in audit_labels.EVENT_LABELS]


def _given_filters() -> dict[str, str]:
    """Return what is searched for, moments as browsers take them for the value of their field."""
    given = query_filters(AuditFilterForm)
    for name in ("since", "until"):
        if moment := _parse_moment(given.get(name, "")):
            given[name] = f"{moment:%Y-%m-%dT%H:%M:%S}"
    return given


def _parse_moment(text: str) -> datetime | None:
    try:
        return AuditFilterForm.model_validate({"since": text}).since
    except ValidationError:
        return None
