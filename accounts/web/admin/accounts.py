"""Where admins begin, and what they do about accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core import outbox
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import GroupsForm
from accounts.web.kit.context import site, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, HTML, JSON, Routes, page_url

routes: Routes = Routes()
ACCOUNT_RULE = "/admin/accounts/<account_id>"


@routes.get("/admin", access=ADMINS)
def administration() -> Reply:
    """Where admins begin: the rooms, and what waits for somebody."""
    waiting, dead = outbox.count_items(site().store.engine)
    return Reply(template="admin/start.html", json={"mail": {"waiting": waiting, "dead": dead}})


def _query_filters() -> dict[str, str]:
    return {name: value for name in ("q", "group", "state") if (value := request.args.get(name))}


def _empty_context() -> dict[str, Any]:
    return {"accounts": [], "next": "", "filters": _query_filters()}


@routes.get(
    "/admin/accounts",
    access=ADMINS,
    query=helpdesk_accounts.AccountSearchForm,
    template="admin/accounts.html",
    context=_empty_context,
)
def list_accounts(query: helpdesk_accounts.AccountSearchForm) -> Reply:
    """Accounts by address: all, or those that are looked for."""
    rows, cursor = helpdesk_accounts.search_accounts(uow(), query)
    page_context = {"filters": _query_filters(), "fields": (), "problem": None}
    return Reply(
        template="admin/accounts.html",
        json={"accounts": [asdict(each) for each in rows], "next": cursor},
        context=page_context,
    )


@routes.get(ACCOUNT_RULE, access=ADMINS)
def show_account(account_id: str) -> Reply:
    """One account: its state, its sessions, and what happened to it."""
    page_context = {"happened": audit_labels.EVENT_LABELS, "done": request.args.get("done", "")}
    return Reply(template="admin/account.html", json=_account_json(account_id), context=page_context)


def _account_json(account_id: str) -> dict[str, Any]:
    return asdict(helpdesk_accounts.get_account_details(uow(), account_id))


def _account_reply(account_id: str, done: str) -> Reply:
    return Reply(json=_account_json(account_id), location=page_url("show_account", account_id=account_id, done=done))


@routes.post(f"{ACCOUNT_RULE}/disable", access=ADMINS, step_up=True)
def disable_account(account_id: str) -> Reply:
    """Switch an account off; its sessions and links are dead at once."""
    accounts.disable_account(uow(), account_id)
    return _account_reply(account_id, "disabled")


@routes.post(f"{ACCOUNT_RULE}/enable", access=ADMINS)
def enable_account(account_id: str) -> Reply:
    """Switch an account on again; old sessions and links stay dead."""
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
    template="admin/account_groups.html",
    context=_account_context,
)
def change_groups(account_id: str, form: GroupsForm) -> Reply:
    """Make these the groups of an account; losing one ends its sessions."""
    accounts.set_groups(uow(), account_id, form.groups)
    return _account_reply(account_id, "groups")


@routes.post(f"{ACCOUNT_RULE}/reset", access=ADMINS, statuses=(202,))
def send_reset(account_id: str) -> Reply:
    """Mail the owner a link to choose a new password."""
    helpdesk_accounts.send_password_reset(uow(), account_id)
    return Reply(
        json={"sent": True}, status=202, location=page_url("show_account", account_id=account_id, done="reset")
    )


@routes.post(f"{ACCOUNT_RULE}/unlock", access=ADMINS)
def unlock_account(account_id: str) -> Reply:
    """Lift the lock that follows many wrong passwords."""
    helpdesk_accounts.clear_account_lock(uow(), account_id)
    return _account_reply(account_id, "unlocked")


@routes.post(f"{ACCOUNT_RULE}/sign-out", access=ADMINS, step_up=True, statuses=(204,))
def sign_out_account(account_id: str) -> Reply:
    """End all sessions of an account."""
    helpdesk_accounts.end_account_sessions(uow(), account_id)
    return Reply(status=204, location=page_url("show_account", account_id=account_id, done="signed-out"))


@routes.delete(f"{ACCOUNT_RULE}/sessions/<session_id>", access=ADMINS, step_up=True, formats=JSON, statuses=(204,))
def end_account_session(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    helpdesk_accounts.end_account_session(uow(), account_id, session_id)
    return Reply(status=204)


@routes.post(f"{ACCOUNT_RULE}/sessions/<session_id>/end", access=ADMINS, step_up=True, formats=HTML)
def end_account_session_page(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    helpdesk_accounts.end_account_session(uow(), account_id, session_id)
    return Reply(location=page_url("show_account", account_id=account_id, done="signed-out"))


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
