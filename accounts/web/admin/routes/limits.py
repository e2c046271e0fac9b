"""Declare the addresses of limits and keys."""

from __future__ import annotations

from accounts.core.messages import N_
from accounts.web.kit.routes import ADMINS, Onward, Routes

LIMITS_RESET = N_("Counters of %(who)s have been reset. They can try again at once.")
LINK_LIMITS_RESET = N_("Counters of the shared link “%(title)s” have been reset.")
NO_LIMITS = N_("Nothing was counted of %(who)s, so nothing was reset.")

routes = Routes("accounts.web.admin.limits", access=ADMINS)
routes.post(
    "/admin/limits",
    view="see_limits",
    form="LimitsForm",
    answers="LimitsOut",
    template="admin/limits.html",
    context="empty_context",
    notice=Onward("the page that answers shows what is counted"),
)
routes.post(
    "/admin/limits/lift",
    view="lift_limits",
    step_up=True,
    form="LimitsForm",
    answers="LiftedLimitsOut",
    notice=(LIMITS_RESET, LINK_LIMITS_RESET, NO_LIMITS),
)
routes.get("/admin/keys", view="list_keys", answers="KeysOut")
