"""Inviting by lists: hand one in, look at what would happen, send it, and look after the whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from accounts.core.messages import N_
from accounts.flows.invites import batch_file, batches, export, report, sending
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batch_rows import MAX_LIST_ROWS
from accounts.flows.invites.batches import BATCHES, BatchRowsForm
from accounts.flows.invites.export import ORDERS, ExportedInvite, ExportInvitesForm
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.manage import ExtendInviteForm, InviteAction
from accounts.flows.invites.preview import VERDICTS
from accounts.flows.sessions.notice import make_notice
from accounts.flows.shared import app_targets
from accounts.flows.shared.frozen_lists import ListPageForm
from accounts.flows.shared.groups import list_known_groups
from accounts.web.admin.filters import query_filters
from accounts.web.admin.frozen_lists import stream_progress, stream_table
from accounts.web.admin.printing import PrintInvitesForm, render_letters
from accounts.web.admin.routes import batches as notices
from accounts.web.answers.base import CountOut
from accounts.web.answers.invites import (
    BatchDetailsOut,
    BatchOut,
    BatchPageOut,
    BatchRowOut,
    DiscardedBatchOut,
)
from accounts.web.kit.context import get_language, site, state, uow
from accounts.web.kit.errors import translate
from accounts.web.kit.reply import Reply
from accounts.web.kit.request_state import MAX_BODY_BYTES
from accounts.web.kit.routes import page_url
from accounts.web.kit.streams import Stream

SENDING_TITLE = N_("Sending: %(name)s")
NOTICE_OF_ACTION = {
    "resend": notices.LIST_RESENT,
    "extend": notices.LIST_EXTENDED,
    "revoke": notices.LIST_REVOKED,
}
ROWS_PER_PAGE = 25
"""As a page shows them, which people read on phones, too."""
TROUBLED_VERDICTS = ("malformed", "refused")
TROUBLED_ROWS = 10
"""So many rows with something wrong stand before all others."""
MAX_UPLOAD_BYTES = batch_file.MAX_LIST_BYTES * 4 // 3 + MAX_BODY_BYTES
"""As Base64 in JSON a file is a third longer."""


def _batches_body(query: ListPageForm) -> BatchPageOut:
    page = BATCHES.fetch_page(uow(), query)
    return BatchPageOut.from_page(page, batches.count_batches(uow(), [batch.id for batch in page.rows]))


def batches_context(query: ListPageForm) -> dict[str, Any]:
    """Return what the page of batches shows."""
    sizes = {"max_rows": MAX_LIST_ROWS, "max_bytes": batch_file.MAX_LIST_BYTES}
    apps = app_targets.list_startable_apps(uow())
    return {
        **dict(_batches_body(query)),
        "filters": query_filters(ListPageForm),
        "given": {"days": site().link_signer.lifetime(INVITE).days, "locale": get_language()},
        "known_groups": list_known_groups(uow()),
        "apps": apps,
        **sizes,
    }


def list_batches(query: ListPageForm) -> Reply:
    """Batches, newest first."""
    return Reply(json=_batches_body(query))


def make_batch(form: NewBatchForm) -> Reply:
    """Hand in a list: every row is judged, nothing is sent."""
    batch = batches.create_batch(uow(), form)
    body = BatchOut.from_batch(batch, batches.count_batch(uow(), batch.id))
    notice = make_notice(notices.READ, count=sum(body.rows.values()), name=batch.name)
    return Reply(json=body, status=201, location=page_url("show_batch", batch_id=batch.id), notice=notice)


def show_batch(batch_id: str, query: BatchRowsForm) -> Reply:
    """One batch: what would happen, or has happened, to each row."""
    batch = batches.find_batch(uow(), batch_id)
    if state().format == "html" and "limit" not in query.model_fields_set:
        query = query.model_copy(update={"limit": ROWS_PER_PAGE})
    page = batches.list_batch_rows(uow(), batch.id, query)
    body = BatchDetailsOut.from_page(batch, batches.count_batch(uow(), batch.id), page, translate)
    page_context = {
        "troubled": [] if query.verdict or query.after else _list_troubled_rows(batch.id, body.rows),
        "verdicts": VERDICTS,
        "orders": ORDERS,
        "app": app_targets.find_app_name(uow(), batch.next),
        "verdict": query.verdict,
        "filters": query_filters(BatchRowsForm),
        "problem": None,
    }
    return Reply(template="admin/batch.html", json=body, context=page_context)


def _list_troubled_rows(batch_id: str, counts: dict[str, int]) -> list[BatchRowOut]:
    """Return the first rows that nobody is invited from because something in them is wrong."""
    rows: list[BatchRowOut] = []
    for verdict in TROUBLED_VERDICTS:
        if counts.get(verdict):
            query = BatchRowsForm(verdict=verdict, limit=TROUBLED_ROWS)
            page = batches.list_batch_rows(uow(), batch_id, query)
            rows += [BatchRowOut.from_row(row, translate) for row in page.rows]
    return rows[:TROUBLED_ROWS]


def sending_context(batch_id: str) -> dict[str, Any]:
    """Return what the page shows before a list is sent: the last step."""
    batch = batches.find_batch(uow(), batch_id)
    body = BatchOut.from_batch(batch, batches.count_batch(uow(), batch.id))
    return {**dict(body), "app": app_targets.find_app_name(uow(), batch.next)}


def send_batch(batch_id: str) -> Stream:
    """Send what is left of a batch: a line of JSON for every step, the last with finished or a problem."""
    batch = batches.find_batch(uow(), batch_id)
    work = uow()
    work.release()
    steps = sending.send_batch(site(), work.request_info, batch.id)
    title = translate(SENDING_TITLE, name=batch.name)
    return stream_progress(steps, title, page_url("show_batch", batch_id=batch.id))


def discard_batch(batch_id: str) -> Reply:
    """Forget a list; what was sent from it stays."""
    name = batches.find_batch(uow(), batch_id).name
    uow().release()
    rows = batches.discard_batch(uow(), batch_id)
    notice = make_notice(notices.DISCARDED, name=name)
    return Reply(json=DiscardedBatchOut(rows=rows), location=page_url("make_batch_form"), notice=notice)


def resend_batch(batch_id: str) -> Reply:
    """Mail the open invitations of a batch once more."""
    return _change_reply(batch_id, "resend")


def extend_batch(batch_id: str, form: ExtendInviteForm) -> Reply:
    """Mail links that end later to all of a batch who have not accepted."""
    return _change_reply(batch_id, "extend", form.days)


def revoke_batch(batch_id: str) -> Reply:
    """Revoke a batch: its links are invalid, and nothing more of it is sent."""
    return _change_reply(batch_id, "revoke")


def export_links(batch_id: str, form: ExportInvitesForm) -> Stream:
    """Stream the open invitations of a batch with a usable link each, as CSV for a mail merge or as NDJSON."""
    links = _export_invitations(batch_id, "links", form)
    return stream_table(links, export.format_mail_merge, "invitations.csv")


def print_letters(batch_id: str, form: PrintInvitesForm) -> Stream:
    """Stream the open invitations of a batch as letters to print, with the link as a QR code."""
    cover = None
    if form.cover:
        cover = report.summarize_batch(uow(), batches.find_batch(uow(), batch_id), form)
    return Stream(
        lines=_export_invitations(batch_id, "letters", form),
        render=lambda links: render_letters(links, form, cover),
        reports_problems=False,
    )


def report_batch(batch_id: str) -> Stream:
    """Stream what became of each row of a list, as CSV or as NDJSON: who was invited, has accepted, was left out."""
    work = uow()
    batch = batches.find_batch(work, batch_id)
    work.release()
    lines = report.iter_report(site(), work.request_info, batch.id)
    return stream_table(lines, partial(report.format_report, translate=translate), "report.csv")


def _change_reply(batch_id: str, act: InviteAction, days: int = 0) -> Reply:
    count = manage_invites.change_batch_invites(uow(), batch_id, act, days)
    notice = make_notice(NOTICE_OF_ACTION[act], count=count)
    return Reply(json=CountOut(count=count), location=page_url("show_batch", batch_id=batch_id), notice=notice)


def _export_invitations(batch_id: str, kind: str, form: ExportInvitesForm) -> Iterator[ExportedInvite]:
    work = uow()
    # Before the answer begins: what cannot be had is told as such, and nothing leaves the house unlogged.
    export.record_export(work, batch_id, kind, form)
    return export.iter_exported_invites(site(), work.request_info, batch_id, form)
