"""Where admins begin, and what they do about accounts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core import outbox
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import GroupNames
from accounts.web.kit.context import house, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import JSON, PAGE, Room, page_url

room: Room = Room()
ONE = "/admin/accounts/<account_id>"


@room.get("/admin", needs=ADMIN_GROUP)
def administration() -> Reply:
    """Where admins begin: the rooms, and what waits for somebody."""
    waiting, dead = outbox.count_items(house().store.engine)
    return Reply(page="admin/start.html", says={"mail": {"waiting": waiting, "dead": dead}})


def _filters() -> dict[str, str]:
    return {name: value for name in ("q", "group", "state") if (value := request.args.get(name))}


def _nobody() -> dict[str, Any]:
    return {"accounts": [], "next": "", "filters": _filters()}


@room.get(
    "/admin/accounts",
    needs=ADMIN_GROUP,
    query=helpdesk_accounts.AccountPage,
    page="admin/accounts.html",
    fill=_nobody,
)
def list_accounts(said: helpdesk_accounts.AccountPage) -> Reply:
    """Accounts by address: all, or those that are looked for."""
    found, place = helpdesk_accounts.search(uow(), said)
    shows = {"filters": _filters(), "fields": (), "problem": None}
    return Reply(
        page="admin/accounts.html", says={"accounts": [asdict(each) for each in found], "next": place}, shows=shows
    )


@room.get(ONE, needs=ADMIN_GROUP)
def show_account(account_id: str) -> Reply:
    """One account: its state, its sessions, and what happened to it."""
    shows = {"happened": audit_labels.HAPPENED, "done": request.args.get("done", "")}
    return Reply(page="admin/account.html", says=_said(account_id), shows=shows)


def _said(account_id: str) -> dict[str, Any]:
    return asdict(helpdesk_accounts.show(uow(), account_id))


def _answer(account_id: str, done: str) -> Reply:
    return Reply(says=_said(account_id), then=page_url("show_account", account_id=account_id, done=done))


@room.post(f"{ONE}/disable", needs=ADMIN_GROUP, fresh=True)
def disable_account(account_id: str) -> Reply:
    """Switch an account off; its sessions and links are dead at once."""
    accounts.disable(uow(), account_id)
    return _answer(account_id, "disabled")


@room.post(f"{ONE}/enable", needs=ADMIN_GROUP)
def enable_account(account_id: str) -> Reply:
    """Switch an account on again; old sessions and links stay dead."""
    accounts.enable(uow(), account_id)
    return _answer(account_id, "enabled")


def _one(account_id: str) -> Mapping[str, Any]:
    row = helpdesk_accounts.existing(uow(), account_id)
    return {"given": {"groups": row.groups}, "account_id": row.id, "of": row.email}


@room.post(
    f"{ONE}/groups",
    needs=ADMIN_GROUP,
    fresh=True,
    asks=GroupNames,
    page="admin/account_groups.html",
    fill=_one,
)
def change_groups(account_id: str, said: GroupNames) -> Reply:
    """Make these the groups of an account; losing one ends its sessions."""
    accounts.set_groups(uow(), account_id, said.groups)
    return _answer(account_id, "groups")


@room.post(f"{ONE}/reset", needs=ADMIN_GROUP, statuses=(202,))
def send_reset(account_id: str) -> Reply:
    """Mail the owner a link to choose a new password."""
    helpdesk_accounts.send_reset(uow(), account_id)
    return Reply(says={"sent": True}, status=202, then=page_url("show_account", account_id=account_id, done="reset"))


@room.post(f"{ONE}/unlock", needs=ADMIN_GROUP)
def unlock_account(account_id: str) -> Reply:
    """Lift the lock that follows many wrong passwords."""
    helpdesk_accounts.lift_lock(uow(), account_id)
    return _answer(account_id, "unlocked")


@room.post(f"{ONE}/sign-out", needs=ADMIN_GROUP, fresh=True, statuses=(204,))
def sign_out_account(account_id: str) -> Reply:
    """End all sessions of an account."""
    helpdesk_accounts.end_sessions(uow(), account_id)
    return Reply(status=204, then=page_url("show_account", account_id=account_id, done="signed-out"))


@room.delete(f"{ONE}/sessions/<session_id>", needs=ADMIN_GROUP, fresh=True, speaks=JSON, statuses=(204,))
def end_account_session(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    helpdesk_accounts.end_session(uow(), account_id, session_id)
    return Reply(status=204)


@room.post(f"{ONE}/sessions/<session_id>/end", needs=ADMIN_GROUP, fresh=True, speaks=PAGE)
def end_account_session_page(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    helpdesk_accounts.end_session(uow(), account_id, session_id)
    return Reply(then=page_url("show_account", account_id=account_id, done="signed-out"))


@room.post(
    f"{ONE}/delete",
    needs=ADMIN_GROUP,
    fresh=True,
    asks=helpdesk_accounts.DeleteAccount,
    page="admin/account_delete.html",
    fill=lambda account_id: {**_one(account_id), "given": {}},
    statuses=(204,),
)
def delete_account(account_id: str, said: helpdesk_accounts.DeleteAccount) -> Reply:
    """Delete an account for good."""
    helpdesk_accounts.delete(uow(), account_id, said)
    return Reply(status=204, then=page_url("list_accounts"))
