"""Inviting by lists: hand one in, look at what would happen, send it, and look after the whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import request

from accounts.core import csv_files
from accounts.core.models.invites import BatchRow, InviteBatch
from accounts.flows.invites import batch_file, batches, export, sending
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.batch_rows import MAX_LIST_ROWS, REASON_MESSAGES
from accounts.flows.invites.batches import BatchCounts, BatchRowsForm
from accounts.flows.invites.export import ExportedInvite
from accounts.flows.invites.manage import ExtendInviteForm, InviteAction
from accounts.flows.invites.preview import VERDICTS
from accounts.flows.invites.sending import BatchProgress
from accounts.web.admin.printing import render_letters
from accounts.web.kit import forms
from accounts.web.kit.context import runtime, site, uow
from accounts.web.kit.errors import translate
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import ADMINS, HTML, JSON, Routes, page_url
from accounts.web.kit.streams import ProblemLine, Stream, join_chunks

routes: Routes = Routes()
ROWS_PER_PAGE = 100
MAX_UPLOAD_BYTES = batch_file.MAX_LIST_BYTES * 4 // 3 + forms.MAX_BODY_BYTES
"""As Base64 in JSON a file is a third longer."""


def _batch_json(batch: InviteBatch, counts: BatchCounts) -> dict[str, Any]:
    has_invites = bool(counts.invites)
    state = "revoked" if batch.revoked_at else "sent" if batch.sent_at else "sending" if has_invites else "ready"
    return {
        "id": batch.id,
        "name": batch.name,
        "state": state,
        "created_at": batch.created_at,
        "rows": counts.rows,
        "invites": counts.invites,
        "left": counts.left,
        "unused": batch.unused,
    }


def _row_json(row: BatchRow) -> dict[str, Any]:
    return {
        "line": row.line,
        "email": row.email,
        "name": row.name,
        "groups": row.groups,
        "verdict": row.verdict,
        "adds": row.adds,
        "reason": row.reason,
        "detail": translate(REASON_MESSAGES[row.reason]) if row.reason else "",
        "invite": row.invite_id,
    }


def _batches_json() -> dict[str, Any]:
    batch_list = batches.list_batches(uow())
    counts = batches.count_batches(uow(), [batch.id for batch in batch_list])
    return {"batches": [_batch_json(batch, counts[batch.id]) for batch in batch_list]}


def _batches_context() -> dict[str, Any]:
    return {**_batches_json(), "max_rows": MAX_LIST_ROWS, "max_bytes": batch_file.MAX_LIST_BYTES}


@routes.get("/admin/invites/batches", access=ADMINS, formats=JSON)
def list_batches() -> Reply:
    """Batches, newest first."""
    return Reply(json=_batches_json())


@routes.post(
    "/admin/invites/batches",
    access=ADMINS,
    form=NewBatchForm,
    template="admin/batches.html",
    context=_batches_context,
    max_bytes=MAX_UPLOAD_BYTES,
    statuses=(201,),
)
def make_batch(form: NewBatchForm) -> Reply:
    """Hand in a list: every row is judged, nothing is sent."""
    batch = batches.create_batch(uow(), form)
    body = _batch_json(batch, batches.count_batch(uow(), batch.id))
    return Reply(json=body, status=201, location=page_url("show_batch", batch_id=batch.id))


@routes.get("/admin/invites/batches/<batch_id>", access=ADMINS)
def show_batch(batch_id: str) -> Reply:
    """One batch: what would happen, or has happened, to each row; verdict and after choose rows."""
    batch = batches.find_batch(uow(), batch_id)
    given = {name: value for name, value in request.args.items() if name in BatchRowsForm.model_fields}
    query = forms.validate(BatchRowsForm, given)
    page_rows = batches.list_batch_rows(
        uow(), batch.id, verdict=query.verdict, after=query.after, limit=ROWS_PER_PAGE + 1
    )
    rows = [_row_json(row) for row in page_rows[:ROWS_PER_PAGE]]
    next_number = page_rows[ROWS_PER_PAGE - 1].number if len(page_rows) > ROWS_PER_PAGE else None
    return Reply(
        template="admin/batch.html",
        json={**_batch_json(batch, batches.count_batch(uow(), batch.id)), "list": rows, "next": next_number},
        context={
            "verdicts": VERDICTS,
            "verdict": query.verdict,
            "done": request.args.get("done", ""),
            "count": request.args.get("count", 0, int),
            "problem": None,
        },
    )


@routes.post("/admin/invites/batches/<batch_id>/send", access=ADMINS, step_up=True)
def send_batch(batch_id: str) -> Stream:
    """Send what is left of a batch: a line of JSON for every step, the last with finished or a problem."""
    batch = batches.find_batch(uow(), batch_id)
    work = uow()
    work.release()

    def render(steps: Iterator[BatchProgress | ProblemLine]) -> Iterator[str]:
        return runtime().templates.stream("admin/batch_sending.html", batch=batch, steps=steps)

    return Stream(lines=sending.send_batch(site(), work.request_info, batch.id), render=render)


@routes.post("/admin/invites/batches/<batch_id>/discard", access=ADMINS)
def discard_batch(batch_id: str) -> Reply:
    """Forget a list; what was sent from it stays."""
    rows = batches.discard_batch(uow(), batch_id)
    return Reply(json={"rows": rows}, location=page_url("make_batch_form"))


@routes.post("/admin/invites/batches/<batch_id>/resend", access=ADMINS)
def resend_batch(batch_id: str) -> Reply:
    """Mail the open invitations of a batch once more."""
    return _change_reply(batch_id, "resend")


@routes.post("/admin/invites/batches/<batch_id>/extend", access=ADMINS, form=ExtendInviteForm)
def extend_batch(batch_id: str, form: ExtendInviteForm) -> Reply:
    """Mail links that end later to all of a batch who have not accepted."""
    return _change_reply(batch_id, "extend", form.days)


@routes.post("/admin/invites/batches/<batch_id>/revoke", access=ADMINS)
def revoke_batch(batch_id: str) -> Reply:
    """Take a batch back: its links are dead, and nothing more of it is sent."""
    return _change_reply(batch_id, "revoke")


@routes.post("/admin/invites/batches/<batch_id>/links", access=ADMINS, step_up=True)
def export_links(batch_id: str) -> Stream:
    """The open invitations of a batch with a usable link each, as CSV for a mail merge or as lines of JSON."""
    return Stream(
        lines=_export_invitations(batch_id, "links"),
        render=lambda links: join_chunks(csv_files.format_csv(export.format_mail_merge(links))),
        content_type="text/csv; charset=utf-8",
        reports_problems=False,
        headers={"Content-Disposition": 'attachment; filename="invitations.csv"'},
    )


@routes.post("/admin/invites/batches/<batch_id>/letters", access=ADMINS, step_up=True, formats=HTML)
def print_letters(batch_id: str) -> Stream:
    """The open invitations of a batch as letters to print, with the link as a QR code."""
    return Stream(lines=_export_invitations(batch_id, "letters"), render=render_letters, reports_problems=False)


def _change_reply(batch_id: str, act: InviteAction, days: int = 0) -> Reply:
    count = manage_invites.change_batch_invites(uow(), batch_id, act, days)
    return Reply(json={"count": count}, location=page_url("show_batch", batch_id=batch_id, done=act, count=count))


def _export_invitations(batch_id: str, kind: str) -> Iterator[ExportedInvite]:
    work = uow()
    # Before the answer begins: what cannot be had is told as such, and nothing leaves the house unlogged.
    export.record_export(work, batch_id, kind)
    return export.iter_exported_invites(site(), work.request_info, batch_id)
