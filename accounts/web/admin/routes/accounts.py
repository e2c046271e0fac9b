"""Declare the addresses of accounts."""

from __future__ import annotations

from accounts.web.admin import notices
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.routes import ADMINS, Routes

ACCOUNT_RULE = "/admin/accounts/<account_id>"
QUESTIONS = "accounts.web.admin.account_questions"

routes = Routes("accounts.web.admin.accounts", access=ADMINS)
routes.get(
    "/admin/accounts",
    view="list_accounts",
    query="AccountSearchForm",
    answers="AccountPageOut",
    template="admin/accounts.html",
    context="accounts_context",
)
routes.get(ACCOUNT_RULE, view="show_account", answers="AccountDetailsOut")
routes.post(
    f"{ACCOUNT_RULE}/disable",
    view="disable_account",
    step_up=True,
    answers="AccountDetailsOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_disable",
    notice=notices.DISABLED,
)
routes.post(
    f"{ACCOUNT_RULE}/enable",
    view="enable_account",
    step_up=True,
    form="RecoveryForm",
    answers="AccountDetailsOut",
    template="admin/account_enable.html",
    context="enabling_context",
    notice=notices.ENABLED,
)
routes.post(
    f"{ACCOUNT_RULE}/groups",
    view="change_groups",
    step_up=True,
    form="GroupsForm",
    page_form="ChangeGroupsForm",
    answers="AccountDetailsOut",
    template="admin/account_groups.html",
    context="groups_context",
    notice=notices.GROUPS_CHANGED,
)
routes.post(
    f"{ACCOUNT_RULE}/reset",
    view="send_reset",
    answers="accounts.web.answers.base:MailRequestedOut",
    statuses=(202,),
    notice=notices.RESET_SENT,
)
routes.post(
    f"{ACCOUNT_RULE}/unlock",
    view="unlock_account",
    step_up=True,
    answers="AccountDetailsOut",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_unlock",
    notice=notices.UNLOCKED,
)
routes.post(
    f"{ACCOUNT_RULE}/sign-out",
    view="sign_out_account",
    step_up=True,
    statuses=(204,),
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_sign_out",
    notice=notices.SIGNED_OUT,
)
routes.delete(
    f"{ACCOUNT_RULE}/sessions/<session_id>",
    view="end_account_session",
    html_rule="/end",
    step_up=True,
    statuses=(204,),
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_end_session",
    notice=notices.SESSION_ENDED,
)
routes.post(
    f"{ACCOUNT_RULE}/delete",
    view="delete_account",
    step_up=True,
    form="DeleteAccountForm",
    template=ASK_TEMPLATE,
    context=f"{QUESTIONS}:ask_delete",
    statuses=(204,),
    notice=notices.DELETED,
)
