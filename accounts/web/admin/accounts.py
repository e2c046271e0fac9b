"""Where admins begin, and what they do about accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from accounts.core import outbox
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import GroupsForm
from accounts.web.admin.filters import query_filters
from accounts.web.answers.accounts import AccountDetailsOut, AccountPageOut
from accounts.web.answers.base import MAIL_REQUESTED, MailRequestedOut
from accounts.web.answers.mail import AdministrationOut, MailCountsOut
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, Routes, page_url

routes: Routes = Routes()
ACCOUNT_RULE = "/admin/accounts/<account_id>"


@routes.get("/admin", access=ADMINS, answers=AdministrationOut)
def administration() -> Reply:
    """Show the start page of admins: the sections, and what waits."""
    waiting, dead = outbox.count_items(site().store.engine)
    mail = MailCountsOut(waiting=waiting, dead=dead)
    return Reply(template="admin/start.html", json=AdministrationOut(mail=mail))


def _empty_context() -> dict[str, Any]:
    return {"accounts": [], "next": None, "filters": query_filters(helpdesk_accounts.AccountSearchForm)}


@routes.get(
    "/admin/accounts",
    access=ADMINS,
    query=helpdesk_accounts.AccountSearchForm,
    answers=AccountPageOut,
    template="admin/accounts.html",
    context=_empty_context,
)
def list_accounts(query: helpdesk_accounts.AccountSearchForm) -> Reply:
    """Accounts by address: all, or those that are looked for."""
    body = AccountPageOut.from_page(helpdesk_accounts.search_accounts(uow(), query))
    page_context = {"filters": query_filters(helpdesk_accounts.AccountSearchForm), "fields": (), "problem": None}
    return Reply(template="admin/accounts.html", json=body, context=page_context)


@routes.get(ACCOUNT_RULE, access=ADMINS, answers=AccountDetailsOut)
def show_account(account_id: str) -> Reply:
    """One account: its state, its sessions, and what happened to it."""
    page_context = {"happened": audit_labels.EVENT_LABELS, "done": request.args.get("done", "")}
    return Reply(template="admin/account.html", json=_account_body(account_id), context=page_context)


def _account_body(account_id: str) -> AccountDetailsOut:
    return AccountDetailsOut.model_validate(helpdesk_accounts.get_account_details(uow(), account_id))


def _account_reply(account_id: str, done: str) -> Reply:
    return Reply(json=_account_body(account_id), location=page_url("show_account", account_id=account_id, done=done))


@routes.post(f"{ACCOUNT_RULE}/disable", access=ADMINS, step_up=True, answers=AccountDetailsOut)
def disable_account(account_id: str) -> Reply:
    """Disable an account; its sessions are revoked and its links invalid at once."""
    accounts.disable_account(uow(), account_id)
    return _account_reply(account_id, "disabled")


@routes.post(f"{ACCOUNT_RULE}/enable", access=ADMINS, answers=AccountDetailsOut)
def enable_account(account_id: str) -> Reply:
    """Enable an account again; old sessions and links stay invalid."""
    accounts.enable_account(uow(), account_id)
    return _account_reply(account_id, "enabled")


def _account_context(account_id: str) -> Mapping[str, Any]:
    row = accounts.get_account(uow(), account_id)
    return {"given": {"groups": row.groups}, "account_id": row.id, "of": row.email}


@routes.post(
    f"{ACCOUNT_RULE}/groups",
    access=ADMINS,
    step_up=True,
    form=GroupsForm,
    answers=AccountDetailsOut,
    template="admin/account_groups.html",
    context=_account_context,
)
def change_groups(account_id: str, form: GroupsForm) -> Reply:
    """Make these the groups of an account; losing one ends its sessions."""
    accounts.set_groups(uow(), account_id, form.groups)
    return _account_reply(account_id, "groups")


@routes.post(f"{ACCOUNT_RULE}/reset", access=ADMINS, answers=MailRequestedOut, statuses=(202,))
def send_reset(account_id: str) -> Reply:
    """Mail the owner a link to choose a new password."""
    helpdesk_accounts.send_password_reset(uow(), account_id)
    location = page_url("show_account", account_id=account_id, done="reset")
    return Reply(json=MAIL_REQUESTED, status=202, location=location)


@routes.post(f"{ACCOUNT_RULE}/unlock", access=ADMINS, answers=AccountDetailsOut)
def unlock_account(account_id: str) -> Reply:
    """Lift the lock that follows many wrong passwords."""
    helpdesk_accounts.clear_account_lock(uow(), account_id)
    return _account_reply(account_id, "unlocked")


@routes.post(f"{ACCOUNT_RULE}/sign-out", access=ADMINS, step_up=True, statuses=(204,))
def sign_out_account(account_id: str) -> Reply:
    """End all sessions of an account."""
    helpdesk_accounts.end_account_sessions(uow(), account_id)
    return Reply(status=204, location=page_url("show_account", account_id=account_id, done="signed-out"))


@routes.delete(
    f"{ACCOUNT_RULE}/sessions/<session_id>", html_rule="/end", access=ADMINS, step_up=True, statuses=(204,)
)
def end_account_session(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    helpdesk_accounts.end_account_session(uow(), account_id, session_id)
    return Reply(status=204, location=page_url("show_account", account_id=account_id, done="signed-out"))


@routes.post(
    f"{ACCOUNT_RULE}/delete",
    access=ADMINS,
    step_up=True,
    form=helpdesk_accounts.DeleteAccountForm,
    template="admin/account_delete.html",
    context=lambda account_id: {**_account_context(account_id), "given": {}},
    statuses=(204,),
)
def delete_account(account_id: str, form: helpdesk_accounts.DeleteAccountForm) -> Reply:
    """Delete an account for good."""
    helpdesk_accounts.delete_account_as_admin(uow(), account_id, form)
    return Reply(status=204, location=page_url("list_accounts"))
