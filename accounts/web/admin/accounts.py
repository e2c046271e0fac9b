"""What admins do about accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from accounts.core.database.page import FEW_ROWS
from accounts.flows.audit import labels as audit_labels
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk.account_filter import AccountFilter
from accounts.flows.helpdesk.accounts import AccountSearchForm, DeleteAccountForm
from accounts.flows.helpdesk.bulk_form import ACTION_LABELS, BulkActForm
from accounts.flows.helpdesk.bulk_freeze import count_matches
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared import accounts
from accounts.flows.shared.credentials import RecoveryForm, count_asked
from accounts.flows.shared.fields import Groups, GroupsForm, PageForm
from accounts.web.admin import notices
from accounts.web.admin.account_questions import ask_lose_groups, name_device
from accounts.web.admin.filters import query_filters
from accounts.web.answers.accounts import AccountDetailsOut, AccountPageOut
from accounts.web.answers.base import MAIL_REQUESTED
from accounts.web.kit.context import uow
from accounts.web.kit.forms import form_fields
from accounts.web.kit.questions import ASK_TEMPLATE
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url

FILTER_NAMES, PAGE_NAMES = sorted(AccountFilter.model_fields), sorted({*PageForm.model_fields, "order"})
"""Names in the query of the list: which accounts, and which page of them."""
LINES_SHOWN, FEW_SHOWN = 10, 3
"""Of the history, and of sessions and apps: the rest is in the audit log, or behind a click."""


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
        "order": query.order,
        "listed": filters | place,
        "count_matches": lambda: len(body.accounts) if is_whole else count_matches(uow(), query, FEW_ROWS),
        "few": FEW_ROWS,
        "actions": ACTION_LABELS,
        "ticked": (),
    }


class ChangeGroupsForm(GroupsForm):
    """The same as a page asks for it, and which groups somebody has agreed to take away."""

    leaving: Groups = Field(default_factory=list, json_schema_extra={"input": "hidden"})


def show_account(account_id: str) -> Reply:
    """One account: its state, its sessions, and what happened to it."""
    body = _account_body(account_id)
    newest = body.history[:LINES_SHOWN]
    page_context = {
        "happened": audit_labels.EVENT_LABELS,
        "newest": newest,
        "addresses": accounts.find_addresses(uow(), (line.actor for line in newest if line.actor)),
        "few": FEW_SHOWN,
    }
    return Reply(template="admin/account.html", json=body, context=page_context)


def _account_body(account_id: str) -> AccountDetailsOut:
    return AccountDetailsOut.model_validate(helpdesk_accounts.get_account_details(uow(), account_id))


def reply_about_account(account_id: str, text: str) -> Reply:
    """Return the account as it is after a change, or lead to its page, which says what was done.

    :param text: what was done; its ``email`` is the account's.
    """
    body = _account_body(account_id)
    location = page_url("show_account", account_id=account_id)
    return Reply(json=body, location=location, notice=make_notice(text, email=body.account.email))


def disable_account(account_id: str) -> Reply:
    """Disable an account; its sessions are revoked and its links invalid at once."""
    accounts.disable_account(uow(), account_id)
    return reply_about_account(account_id, notices.DISABLED)


def enabling_context(account_id: str) -> Mapping[str, Any]:
    """Return the account that a form is about, and how much there is that may be taken away."""
    return {**groups_context(account_id), "given": {}, "disconnects": count_asked(uow(), account_id)}


def enable_account(account_id: str, form: RecoveryForm) -> Reply:
    """Enable an account again; old sessions and links stay invalid, and what is named is taken away."""
    accounts.enable_account(uow(), account_id, form)
    return reply_about_account(account_id, notices.ENABLED)


def groups_context(account_id: str) -> Mapping[str, Any]:
    """Return the account that a form is about, and the groups that it has."""
    row = accounts.get_account(uow(), account_id)
    return {"given": {"groups": row.groups}, "account_id": row.id, "of": row.email}


def change_groups(account_id: str, form: GroupsForm) -> Reply:
    """Make these the groups of an account; losing one ends its sessions."""
    if isinstance(form, ChangeGroupsForm):
        account = accounts.get_account(uow(), account_id)
        # Not once for all: of what was agreed to, another admin may have added to the groups meanwhile.
        if not {*account.groups} - {*form.groups} <= {*form.leaving}:
            return Reply(template=ASK_TEMPLATE, context=ask_lose_groups(account, form.groups))
        uow().release()
    accounts.set_groups(uow(), account_id, form.groups)
    return reply_about_account(account_id, notices.GROUPS_CHANGED)


def send_reset(account_id: str) -> Reply:
    """Mail the owner a link to choose a new password."""
    helpdesk_accounts.send_password_reset(uow(), account_id)
    return _reply_briefly(account_id, notices.RESET_SENT, json=MAIL_REQUESTED, status=202)


def unlock_account(account_id: str) -> Reply:
    """Lift the lock that follows many wrong passwords."""
    helpdesk_accounts.clear_account_lock(uow(), account_id)
    return reply_about_account(account_id, notices.UNLOCKED)


def sign_out_account(account_id: str) -> Reply:
    """End all sessions of an account."""
    helpdesk_accounts.end_account_sessions(uow(), account_id)
    return _reply_briefly(account_id, notices.SIGNED_OUT, status=204)


def end_account_session(account_id: str, session_id: str) -> Reply:
    """End one session of an account."""
    device = name_device(account_id, session_id)
    uow().release()
    helpdesk_accounts.end_account_session(uow(), account_id, session_id)
    return _reply_briefly(account_id, notices.SESSION_ENDED, device=device, status=204)


def delete_account(account_id: str, form: DeleteAccountForm) -> Reply:
    """Delete an account for good."""
    helpdesk_accounts.delete_account_as_admin(uow(), account_id, form)
    notice = make_notice(notices.DELETED, email=form.email.email)
    return Reply(status=204, location=page_url("list_accounts"), notice=notice)


def _reply_briefly(account_id: str, text: str, *, device: str = "", **answer: Any) -> Reply:
    values: dict[str, Any] = {"device": device} if device else {"email": _email_of(account_id)}
    location = page_url("show_account", account_id=account_id)
    return Reply(location=location, notice=make_notice(text, **values), **answer)


def _email_of(account_id: str) -> str:
    return accounts.get_account(uow(), account_id).email
