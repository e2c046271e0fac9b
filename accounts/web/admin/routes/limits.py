"""Declare the addresses of limits and keys."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, Routes

routes = Routes("accounts.web.admin.limits", access=ADMINS)
routes.post(
    "/admin/limits",
    view="see_limits",
    form="LimitsForm",
    answers="LimitsOut",
    template="admin/limits.html",
    context="empty_context",
)
routes.post("/admin/limits/lift", view="lift_limits", step_up=True, form="LimitsForm", answers="LiftedLimitsOut")
routes.get("/admin/keys", view="list_keys", answers="KeysOut")
