"""Declare the addresses of trying out an app."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, HTML, Onward, Routes

APP_RULE = "/admin/apps/<app_id>"

routes = Routes("accounts.web.admin.app_trial", access=ADMINS)
routes.post(
    f"{APP_RULE}/try",
    view="try_app",
    formats=HTML,
    notice=Onward("it goes through the pages of a sign-in, and the last one tells the result"),
)
routes.get("/admin/apps/tried", view="app_tried", formats=HTML, any_query=True)
