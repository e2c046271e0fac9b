"""Declare the address where admins begin."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Routes

routes = Routes("accounts.web.admin.overview", access=ADMINS)
routes.get(
    "/admin",
    view="administration",
    query="OverviewForm",
    answers="OverviewOut",
    template="admin/start.html",
    context="empty_context",
)
