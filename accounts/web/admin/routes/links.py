"""Declare the addresses of the link doctor."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Routes

routes = Routes("accounts.web.admin.links", access=ADMINS)
routes.post(
    "/admin/links/explain",
    view="explain_link",
    form="ExplainLinkForm",
    answers="LinkExplanationOut",
    template="admin/link_doctor.html",
    context="empty_context",
)
