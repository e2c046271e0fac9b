"""Why somebody gets into an app or not, for admins; and letting in whom nobody has invited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.flows.helpdesk import app_access
from accounts.flows.helpdesk.accounts import InvitedForm
from accounts.flows.helpdesk.app_access import AppAccessForm
from accounts.flows.oidc import registration
from accounts.flows.shared import accounts
from accounts.web.admin import notices
from accounts.web.admin.accounts import reply_about_account
from accounts.web.answers.app_access import AccountAccessOut, AppAccessOut
from accounts.web.kit import forms
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply

APP_ACCESS_TEMPLATE = "admin/app_access.html"


def access_context(app_id: str) -> Mapping[str, Any]:
    """Return the app that is asked about, before anything was asked."""
    return {"of": registration.get_app(uow(), app_id).app, "access": None}


def explain_access(app_id: str, form: AppAccessForm) -> Reply:
    """Explain why an account gets into an app or not."""
    access = app_access.explain_access(uow(), app_id, form)
    page_context = {
        **access_context(app_id),
        "access": access,
        "fields": forms.form_fields(AppAccessForm),
        "problem": None,
    }
    # No redirect to the answer: an address would stand in it, and so in logs.
    return Reply(template=APP_ACCESS_TEMPLATE, json=AppAccessOut.from_access(access), context=page_context)


def list_access(account_id: str) -> Reply:
    """Which apps an account gets into, and why not."""
    listed = app_access.list_access(uow(), account_id)
    page_context = {"of": accounts.get_account(uow(), account_id), "listed": listed}
    return Reply(template="admin/account_access.html", json=AccountAccessOut.from_list(listed), context=page_context)


def change_invited(account_id: str, form: InvitedForm) -> Reply:
    """Have an account count as invited, or not any more: apps for invited people judge by that."""
    accounts.set_invited(uow(), account_id, invited=form.invited)
    return reply_about_account(account_id, notices.MARKED_INVITED if form.invited else notices.MARKED_NOT_INVITED)
