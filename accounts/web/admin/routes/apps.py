"""Declare the addresses of apps."""

from __future__ import annotations

from accounts.core.messages import N_
from accounts.web.admin import notices
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, Onward, Routes

APP_RULE = "/admin/apps/<app_id>"
APP_TEMPLATE = "admin/app_form.html"
QUESTIONS = "accounts.web.admin.app_questions"

routes = Routes("accounts.web.admin.apps", access=ADMINS)
routes.get("/admin/apps", view="list_apps", answers="AppsOut")
routes.post(
    "/admin/apps",
    view="add_app",
    html_rule="/new",
    step_up=True,
    form="RegisterAppForm",
    page_form="RegisterAppPageForm",
    answers="AppWithSecretOut",
    template=APP_TEMPLATE,
    page_query="AppKindForm",
    context="new_app_context",
    statuses=(201,),
    notice=Onward("the page of the new app shows its secret"),
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
    notice=notices.APP_CHANGED,
)
routes.post(
    f"{APP_RULE}/secret",
    view="renew_app_secret",
    step_up=True,
    form="RenewSecretForm",
    answers="AppWithSecretOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_renew_secret",
    notice=Onward("the page of the app shows the new secret"),
)
routes.delete(
    f"{APP_RULE}/old-secret",
    view="end_old_app_secret",
    html_rule="/end",
    step_up=True,
    statuses=(204,),
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_end_old_secret",
    notice=notices.OLD_SECRET_ENDED,
)
routes.post(
    f"{APP_RULE}/disable",
    view="disable_app",
    step_up=True,
    answers="AppOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_disable_app",
    notice=notices.APP_DISABLED,
)
routes.post(
    f"{APP_RULE}/enable",
    view="enable_app",
    step_up=True,
    answers="AppOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_enable_app",
    notice=notices.APP_ENABLED,
)
routes.delete(
    APP_RULE,
    view="remove_app",
    html_rule="/remove",
    step_up=True,
    statuses=(204,),
    page_form="RemoveAppForm",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_remove_app",
    notice=notices.APP_REMOVED,
)
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
