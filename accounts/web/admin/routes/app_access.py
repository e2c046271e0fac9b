"""Declare the addresses of who has access to apps, and why not."""

from __future__ import annotations

from accounts.web.admin import notices
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, Onward, Routes

ACCOUNT_RULE = "/admin/accounts/<account_id>"
APP_RULE = "/admin/apps/<app_id>"

routes = Routes("accounts.web.admin.app_access", access=ADMINS)
routes.post(
    f"{ACCOUNT_RULE}/invited",
    view="change_invited",
    step_up=True,
    form="InvitedForm",
    answers="accounts.web.answers.accounts:AccountDetailsOut",
    template=ASK_TEMPLATE,
    context="accounts.web.admin.account_questions:ask_change_invited",
    notice=(notices.MARKED_INVITED, notices.MARKED_NOT_INVITED),
)
routes.get(
    f"{ACCOUNT_RULE}/access",
    view="list_access",
    answers="accounts.web.answers.app_access:AccountAccessOut",
)
routes.post(
    f"{APP_RULE}/access",
    view="explain_access",
    form="AppAccessForm",
    answers="AppAccessOut",
    template="admin/app_access.html",
    context="access_context",
    notice=Onward("its page shows the rules and whether they are met"),
)
