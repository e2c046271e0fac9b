"""Show admins the addresses from which mail came back."""

from __future__ import annotations

from typing import Any

from flask import request

from accounts.flows.helpdesk import unreachable_addresses
from accounts.flows.helpdesk.unreachable_addresses import ReachableForm, UnreachableSearchForm
from accounts.web.admin.filters import query_filters
from accounts.web.answers.base import CountOut
from accounts.web.answers.mail import UnreachablePageOut
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


def unreachable_context() -> dict[str, Any]:
    """Return what the page shows when a query was refused."""
    return {"addresses": [], "next": None, "filters": query_filters(UnreachableSearchForm), "done": ""}


def list_unreachable(query: UnreachableSearchForm) -> Reply:
    """Return the addresses of accounts and open invitations from which mail came back, newest first."""
    body = UnreachablePageOut.from_page(unreachable_addresses.list_unreachable(uow(), query))
    page_context = {
        "filters": query_filters(UnreachableSearchForm),
        "done": request.args.get("done", ""),
        "fields": (),
        "problem": None,
    }
    return Reply(template="admin/unreachable.html", json=body, context=page_context)


def count_as_reachable(form: ReachableForm) -> Reply:
    """Count an address as reachable again; the next email that comes back marks it anew."""
    count = unreachable_addresses.count_as_reachable(uow(), form)
    return Reply(json=CountOut(count=count), location=page_url("list_unreachable", done="reachable"))
