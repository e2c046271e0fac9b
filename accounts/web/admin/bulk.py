"""Acts on many accounts: choose them, look at what would happen, do it, and see what became of each."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import request

from accounts.core.messages import N_, make_message, nN_
from accounts.core.models.bulk import BulkAct
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import bulk, bulk_report, bulk_run
from accounts.flows.helpdesk.accounts import AccountSearchForm
from accounts.flows.helpdesk.bulk_form import (
    ACTION_LABELS,
    BULK_ACTS,
    MAX_BULK_ACCOUNTS,
    SKIP_MESSAGES,
    BulkActForm,
    BulkRowsForm,
    ChooseAccountsForm,
)
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared.accounts import find_addresses
from accounts.flows.shared.credentials import RecoveryForm
from accounts.flows.shared.frozen_lists import ListPageForm
from accounts.flows.shared.validation import validate
from accounts.web.admin import notices
from accounts.web.admin.accounts import FILTER_NAMES, PAGE_NAMES, choosing_context
from accounts.web.admin.filters import query_filters
from accounts.web.admin.frozen_lists import stream_progress, stream_table
from accounts.web.answers.accounts import AccountPageOut
from accounts.web.answers.bulk import (
    BulkActDetailsOut,
    BulkActPageOut,
    DiscardedBulkActOut,
    NewBulkActOut,
)
from accounts.web.kit.context import require_account, site, state, uow
from accounts.web.kit.errors import translate
from accounts.web.kit.questions import ask
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url
from accounts.web.kit.streams import Stream

LEFT_ALONE = nN_("%(count)s account stays as it is.", "%(count)s accounts stay as they are.")
LETTERS_CANCELLED = nN_("%(count)s unsent email is cancelled.", "%(count)s unsent emails are cancelled.")
DONE_STAYS = nN_(
    "What was done to %(count)s account stays done, and stays in the audit log.",
    "What was done to %(count)s accounts stays done, and stays in the audit log.",
)
MAX_BULK_BODY_BYTES = 64 * MAX_BULK_ACCOUNTS
"""An address and its quotation marks, for each account that can be named."""


def bulk_act_context(query: ChooseAccountsForm) -> dict[str, Any]:
    """Return the list of accounts to choose from; when it is shown again, with what was ticked in it."""
    names = AccountSearchForm.model_fields
    if filters := {name: value for name, value in request.form.items() if name in names and value}:
        query = validate(ChooseAccountsForm, filters)
    body = AccountPageOut.from_page(helpdesk_accounts.search_accounts(uow(), query))
    ticked = [account.id for account in body.accounts] if query.ticked else request.form.getlist("who")
    return {**dict(body), **choosing_context(query, body), "ticked": ticked}


def make_bulk_act(form: BulkActForm) -> Reply:
    """Choose accounts and an act: it is said what would happen to each, and nothing is done."""
    if form.scope == "ticked" and not form.who and state().format == "html":
        kept = {name: value for name in (*FILTER_NAMES, *PAGE_NAMES) if (value := request.form.get(name))}
        notice = make_notice(notices.NOTHING_TICKED, is_warning=True)
        return Reply(location=page_url("list_accounts", **kept), notice=notice)
    made = bulk.create_bulk_act(uow(), form)
    body = NewBulkActOut.from_new(made, bulk.count_bulk_act(uow(), made.act.id))
    location, notice = page_url("show_bulk_act", act_id=made.act.id), make_notice(notices.PREVIEWED)
    return Reply(json=body, status=201, location=location, notice=notice)


def list_bulk_acts(query: ListPageForm) -> Reply:
    """Acts on many accounts, newest first."""
    page = BULK_ACTS.fetch_page(uow(), query)
    body = BulkActPageOut.from_page(page, bulk.count_bulk_acts(uow(), [act.id for act in page.rows]))
    context = {
        "labels": ACTION_LABELS,
        "filters": query_filters(ListPageForm),
        "addresses": find_addresses(uow(), (act.made_by for act in page.rows)),
    }
    return Reply(template="admin/bulk_acts.html", json=body, context=context)


def show_bulk_act(act_id: str, query: BulkRowsForm) -> Reply:
    """One act: what would happen, or has happened, to each account."""
    act = bulk.find_bulk_act(uow(), act_id)
    page = bulk.list_bulk_rows(uow(), act.id, query)
    counts, letters = bulk.count_bulk_act(uow(), act.id), bulk.count_waiting_letters(uow(), act.id)
    body = BulkActDetailsOut.from_page(act, counts, letters, page, translate)
    context = {
        "labels": ACTION_LABELS,
        "reasons": SKIP_MESSAGES,
        "kept_words": [translate(RecoveryForm.model_fields[name].title or name) for name in act.kept],
        "verdict": query.verdict,
        "filters": query_filters(BulkRowsForm),
    }
    return Reply(template="admin/bulk_act.html", json=body, context=context)


def run_bulk_act(act_id: str) -> Stream:
    """Do what is left of an act: a line of JSON for every step, the last with finished or a problem."""
    act = bulk.find_bulk_act(uow(), act_id)
    work, epoch = uow(), require_account().auth_epoch
    work.release()
    steps = bulk_run.run_bulk_act(site(), work.request_info, act.id, epoch)
    return stream_progress(steps, _name_act(act), page_url("show_bulk_act", act_id=act.id))


def ask_discard(act_id: str) -> dict[str, Any]:
    """Ask before an act is forgotten."""
    act = bulk.find_bulk_act(uow(), act_id)
    counts, letters = bulk.count_bulk_act(uow(), act.id), bulk.count_waiting_letters(uow(), act.id)
    name = _name_act(act)
    effects = [make_message(LEFT_ALONE, count=counts.due)] if counts.due else []
    if letters:
        effects.append(make_message(LETTERS_CANCELLED, count=letters))
    if counts.done:
        effects.append(make_message(DONE_STAYS, count=counts.done))
    effects.append(make_message(N_("The list of these accounts and their results can no longer be looked at.")))
    return ask(
        make_message(N_("Discard “%(name)s”?"), name=name),
        *effects,
        button=make_message(N_("Discard")),
        action=page_url("discard_bulk_act_form", act_id=act.id),
        back=page_url("show_bulk_act", act_id=act.id),
    )


def discard_bulk_act(act_id: str) -> Reply:
    """Forget an act: what is left of it is not done, its emails that wait are cancelled, what was done stays done."""
    discarded = bulk.discard_bulk_act(uow(), act_id)
    notice = make_notice(notices.ACT_DISCARDED)
    if discarded.letters:
        notice = make_notice(notices.ACT_DISCARDED_WITH_LETTERS, count=discarded.letters)
    body = DiscardedBulkActOut.model_validate(discarded)
    return Reply(json=body, location=page_url("list_bulk_acts"), notice=notice)


def _name_act(act: BulkAct) -> str:
    return ": ".join(filter(None, (translate(ACTION_LABELS[act.act]), ", ".join(act.groups))))


def export_bulk_act(act_id: str) -> Stream:
    """Stream what became of each account of an act, as CSV or as NDJSON."""
    act = bulk.find_bulk_act(uow(), act_id)
    work = uow()
    work.release()
    rows = bulk_report.iter_bulk_report(site(), work.request_info, act.id)
    return stream_table(rows, partial(bulk_report.format_bulk_report, translate=translate), f"{act.act}.csv")
