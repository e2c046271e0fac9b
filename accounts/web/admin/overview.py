"""Where admins begin: the figures that matter, each of which leads to its list."""

from __future__ import annotations

from typing import Any

from accounts.core.clock import now
from accounts.flows.helpdesk import overview as helpdesk_overview
from accounts.flows.helpdesk.health import REASON_MESSAGES
from accounts.flows.helpdesk.overview import OverviewForm
from accounts.web.answers.overview import OverviewOut
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply

START_TEMPLATE = "admin/start.html"


def empty_context() -> dict[str, Any]:
    """Return what the page shows when a query was refused."""
    return {}


def administration(query: OverviewForm) -> Reply:
    """Show how many accounts, sign-ins, invitations and emails there are, and how the service is."""
    body = OverviewOut.from_overview(helpdesk_overview.get_overview(uow(), query))
    return Reply(template=START_TEMPLATE, json=body, context=_page_context(query))


def _page_context(query: OverviewForm) -> dict[str, Any]:
    return {
        "fields": (),
        "problem": None,
        "now": now(),
        "days": int(query.days),
        "reason_messages": REASON_MESSAGES,
    }
