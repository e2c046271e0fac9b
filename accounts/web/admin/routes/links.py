"""Declare the addresses of the link doctor."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Onward, Routes

routes = Routes("accounts.web.admin.links", access=ADMINS)
routes.post(
    "/admin/links/explain",
    view="explain_link",
    form="ExplainLinkForm",
    answers="LinkExplanationOut",
    template="admin/link_doctor.html",
    context="empty_context",
    notice=Onward("the page that answers shows what was found"),
)
