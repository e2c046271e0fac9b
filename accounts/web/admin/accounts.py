"""What admins do about accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import request

from accounts.core.database.page import FEW_ROWS
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk.account_filter import AccountFilter
from accounts.flows.helpdesk.accounts import AccountSearchForm, DeleteAccountForm
from accounts.flows.helpdesk.bulk_form import ACTION_LABELS, BulkActForm
from accounts.flows.helpdesk.bulk_freeze import count_matches
from accounts.flows.shared import accounts
from accounts.flows.shared.credentials import RecoveryForm, count_asked
from accounts.flows.shared.fields import GroupsForm, PageForm
from accounts.web.admin.filters import query_filters
from accounts.web.answers.accounts import AccountDetailsOut, AccountPageOut
from accounts.web.answers.base import MAIL_REQUESTED
from accounts.web.kit.context import uow
from accounts.web.kit.forms import form_fields
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

FILTER_NAMES, PAGE_NAMES = sorted(AccountFilter.model_fields), sorted(PageForm.model_fields)
"""Names in the query of the list: which accounts, and which page of them."""


def accounts_context() -> dict[str, Any]:
    """Return what the page of accounts shows when a query was refused."""
    empty = AccountPageOut(accounts=(), next=None)
    return {
        **dict(empty),
        **choosing_context(AccountSearchForm(), empty),
        "filters": query_filters(AccountSearchForm),
    }


def list_accounts(query: AccountSearchForm) -> Reply:
    """Accounts by address: all, or those that are looked for."""
    body = AccountPageOut.from_page(helpdesk_accounts.search_accounts(uow(), query))
    page_context = {**choosing_context(query, body), "fields": form_fields(BulkActForm), "problem": None}
    return Reply(template="admin/accounts.html", json=body, context=page_context)


def choosing_context(query: AccountSearchForm, body: AccountPageOut) -> dict[str, Any]:
    """Return what a page of accounts shows beside them: what can be done about many of them at once."""
    # How many match is counted where a page says so, and only as far as it costs no more than the page.
    is_whole = not query.after and body.next is None
    filters = {name: getattr(query, name) for name in FILTER_NAMES if getattr(query, name)}
    place = {name: getattr(query, name) for name in PAGE_NAMES if name in query.model_fields_set}
    return {
        "filters": filters,
        "listed": filters | place,
        "count_matches": lambda: len(body.accounts) if is_whole else count_matches(uow(), query, FEW_ROWS),
        "few": FEW_ROWS,
        "actions": ACTION_LABELS,
        "ticked": (),
    }


def show_account(account_id: str) -> Reply:
    """One account: its state, its sessions, and what happened to it."""
    page_context = {"happened": audit_labels.EVENT_LABELS, "done": request.args.get("done", "")}
    return Reply(template="admin/account.html", json=_account_body(account_id), context=page_context)


def _account_body(account_id: str) -> AccountDetailsOut:
    return AccountDetailsOut.model_validate(helpdesk_accounts.get_account_details(uow(), account_id))


def reply_about_account(account_id: str, done: str) -> Reply:
    """Return the account as it is after a change, or lead to its page, which says what was done."""
    return Reply(json=_account_body(account_id), location=page_url("show_account", account_id=account_id, done=done))


def disable_account(account_id: str) -> Reply:
    """Disable an account; its sessions are revoked and its links invalid at once."""
    accounts.disable_account(uow(), account_id)
    return reply_about_account(account_id, "disabled")


def enabling_context(account_id: str) -> Mapping[str, Any]:
    """Return the account that a form is about, and how much there is that may be taken away."""
    return {**deletion_context(account_id), "disconnects": count_asked(uow(), account_id)}


def enable_account(account_id: str, form: RecoveryForm) -> Reply:
    """Enable an account again; old sessions and links stay invalid, and what is named is taken away."""
    accounts.enable_account(uow(), account_id, form)
    return reply_about_account(account_id, "enabled")


def groups_context(account_id: str) -> Mapping[str, Any]:
    """Return the account that a form is about, and the groups that it has."""
    row = accounts.get_account(uow(), account_id)
    return {"given": {"groups": row.groups}, "account_id": row.id, "of": row.email}


def change_groups(account_id: str, form: GroupsForm) -> Reply:
    """Make these the groups of an account; losing one ends its sessions."""
    accounts.set_groups(uow(), account_id, form.groups)
    return reply_about_account(account_id, "groups")


def send_reset(account_id: str) -> Reply:
    """Mail the owner a link to choose a new password."""
    helpdesk_accounts.send_password_reset(uow(), account_id)
    location = page_url("show_account", account_id=account_id, done="reset")
    return Reply(json=MAIL_REQUESTED, status=202, location=location)


def unlock_account(account_id: str) -> Reply:
    """Lift the lock that follows many wrong passwords."""
    helpdesk_accounts.clear_account_lock(uow(), account_id)
    return reply_about_account(account_id, "unlocked")


def sign_out_account(account_id: str) -> Reply:
    """End all sessions of an account."""
    helpdesk_accounts.end_account_sessions(uow(), account_id)
    return Reply(status=204, location=page_url("show_account", account_id=account_id, done="signed-out"))


def end_account_session(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    helpdesk_accounts.end_account_session(uow(), account_id, session_id)
    return Reply(status=204, location=page_url("show_account", account_id=account_id, done="signed-out"))


def deletion_context(account_id: str) -> Mapping[str, Any]:
    """Return the account that a form is about."""
    return {**groups_context(account_id), "given": {}}


def delete_account(account_id: str, form: DeleteAccountForm) -> Reply:
    """Delete an account for good."""
    helpdesk_accounts.delete_account_as_admin(uow(), account_id, form)
    return Reply(status=204, location=page_url("list_accounts"))
