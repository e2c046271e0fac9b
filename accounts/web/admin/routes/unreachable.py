"""Declare the addresses of addresses from which mail came back."""

from __future__ import annotations

from accounts.core.messages import N_
from accounts.web.kit.routes import ADMINS, Routes

REACHABLE = N_("%(email)s is marked as reachable again.")

routes = Routes("accounts.web.admin.unreachable", access=ADMINS)
routes.get(
    "/admin/mail/bounced",
    view="list_unreachable",
    query="UnreachableSearchForm",
    answers="UnreachablePageOut",
    template="admin/unreachable.html",
    context="unreachable_context",
)
routes.post(
    "/admin/mail/bounced/lift",
    view="count_as_reachable",
    form="ReachableForm",
    answers="CountOut",
    notice=REACHABLE,
)
