"""Show admins the addresses from which mail came back."""

from __future__ import annotations

from typing import Any

from accounts.flows.helpdesk import unreachable_addresses
from accounts.flows.helpdesk.mail_labels import MAIL_LABELS
from accounts.flows.helpdesk.unreachable_addresses import ReachableForm, UnreachableSearchForm
from accounts.flows.sessions.notice import make_notice
from accounts.web.admin.filters import query_filters
from accounts.web.admin.routes.unreachable import REACHABLE
from accounts.web.answers.base import CountOut
from accounts.web.answers.mail import UnreachablePageOut
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


def unreachable_context() -> dict[str, Any]:
    """Return what the page shows when a query was refused."""
    return {"addresses": [], "next": None, **_page_context("newest")}


def _page_context(order: str) -> dict[str, Any]:
    return {"filters": query_filters(UnreachableSearchForm), "order": order, "mail_names": MAIL_LABELS}


def list_unreachable(query: UnreachableSearchForm) -> Reply:
    """Return the addresses of accounts and open invitations from which mail came back, newest first."""
    body = UnreachablePageOut.from_page(unreachable_addresses.list_unreachable(uow(), query))
    page_context = {**_page_context(query.order), "fields": (), "problem": None}
    return Reply(template="admin/unreachable.html", json=body, context=page_context)


def count_as_reachable(form: ReachableForm) -> Reply:
    """Count an address as reachable again; the next email that comes back marks it anew."""
    count = unreachable_addresses.count_as_reachable(uow(), form)
    notice = make_notice(REACHABLE, email=form.email.email)
    return Reply(json=CountOut(count=count), location=page_url("list_unreachable"), notice=notice)
