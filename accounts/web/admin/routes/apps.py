"""Declare the addresses of apps."""

from __future__ import annotations

from accounts.core.messages import N_
from accounts.web.kit.routes import ADMINS, Routes

APP_RULE = "/admin/apps/<app_id>"
APP_TEMPLATE = "admin/app_form.html"

routes = Routes("accounts.web.admin.apps", access=ADMINS)
routes.get("/admin/apps", view="list_apps", answers="AppsOut")
routes.post(
    "/admin/apps",
    view="add_app",
    html_rule="/new",
    step_up=True,
    form="RegisterAppForm",
    answers="AppWithSecretOut",
    template=APP_TEMPLATE,
    statuses=(201,),
)
routes.get(APP_RULE, view="show_app", answers="AppDetailsOut")
routes.patch(
    APP_RULE,
    view="change_app",
    html_rule="/change",
    step_up=True,
    form="ChangeAppForm",
    answers="ChangedAppOut",
    template=APP_TEMPLATE,
    context="app_context",
)
routes.post(
    f"{APP_RULE}/secret", view="renew_app_secret", step_up=True, form="RenewSecretForm", answers="AppWithSecretOut"
)
routes.delete(f"{APP_RULE}/old-secret", view="end_old_app_secret", html_rule="/end", step_up=True, statuses=(204,))
routes.post(
    f"{APP_RULE}/logo",
    view="set_app_logo",
    step_up=True,
    form="accounts.flows.oidc.app_logo:AppLogoForm",
    answers="AppOut",
    template="admin/app_logo.html",
    context="app_logo_context",
    max_bytes="MAX_LOGO_REQUEST_BYTES",
    notice=N_("The logo has been saved."),
)
routes.delete(
    f"{APP_RULE}/logo",
    view="remove_app_logo",
    html_rule="/remove",
    step_up=True,
    answers="AppOut",
    notice=N_("The logo has been removed."),
)
routes.post(f"{APP_RULE}/disable", view="disable_app", step_up=True, answers="AppOut")
routes.post(f"{APP_RULE}/enable", view="enable_app", step_up=True, answers="AppOut")
routes.delete(APP_RULE, view="remove_app", html_rule="/remove", step_up=True, statuses=(204,))
