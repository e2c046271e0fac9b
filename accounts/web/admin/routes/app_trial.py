"""Declare the addresses of trying out an app."""

from __future__ import annotations

from accounts.web.kit.routes import ADMINS, HTML, Routes

APP_RULE = "/admin/apps/<app_id>"

routes = Routes("accounts.web.admin.app_trial", access=ADMINS)
routes.post(f"{APP_RULE}/try", view="try_app", formats=HTML)
routes.get("/admin/apps/tried", view="app_tried", formats=HTML, any_query=True)
