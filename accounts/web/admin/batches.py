"""Inviting by lists: hand one in, look at what would happen, send it, and look after the whole batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import request

from accounts.core import csv_files
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.models.invites import BatchRow, InviteBatch
from accounts.flows.invites import batch_file, batches, export, sending
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites.batch_file import NewBatch
from accounts.flows.invites.batch_rows import MAX_ROWS, REASONS
from accounts.flows.invites.batches import AskedRows, Counts
from accounts.flows.invites.export import Invitation
from accounts.flows.invites.manage import Act, Extend
from accounts.flows.invites.preview import VERDICTS
from accounts.flows.invites.sending import Step
from accounts.web.admin.printing import letters_page
from accounts.web.kit import forms
from accounts.web.kit.context import house, runtime, uow
from accounts.web.kit.errors import words
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import JSON, PAGE, Room, page_url
from accounts.web.kit.streams import Stream, Trouble, collected

room: Room = Room()
AT_ONCE = 100
LARGEST = batch_file.MAX_BYTES * 4 // 3 + forms.MAX_BYTES
"""As Base64 in JSON a file is a third longer."""


def _shown(batch: InviteBatch, counts: Counts) -> dict[str, Any]:
    begun = bool(counts.invites)
    state = "revoked" if batch.revoked_at else "sent" if batch.sent_at else "sending" if begun else "ready"
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


def _row(row: BatchRow) -> dict[str, Any]:
    return {
        "line": row.line,
        "email": row.email,
        "name": row.name,
        "groups": row.groups,
        "verdict": row.verdict,
        "adds": row.adds,
        "reason": row.reason,
        "detail": words(REASONS[row.reason]) if row.reason else "",
        "invite": row.invite_id,
    }


def _listed() -> dict[str, Any]:
    listed = batches.listing(uow())
    counts = batches.counts_of(uow(), [batch.id for batch in listed])
    return {"batches": [_shown(batch, counts[batch.id]) for batch in listed]}


def _page() -> dict[str, Any]:
    return {**_listed(), "max_rows": MAX_ROWS, "max_bytes": batch_file.MAX_BYTES}


@room.get("/admin/invites/batches", needs=ADMIN_GROUP, speaks=JSON)
def list_batches() -> Reply:
    """Batches, newest first."""
    return Reply(says=_listed())


@room.post(
    "/admin/invites/batches",
    needs=ADMIN_GROUP,
    asks=NewBatch,
    page="admin/batches.html",
    fill=_page,
    largest=LARGEST,
    statuses=(201,),
)
def make_batch(said: NewBatch) -> Reply:
    """Hand in a list: every row is judged, nothing is sent."""
    batch = batches.create(uow(), said)
    shown = _shown(batch, batches.counts(uow(), batch.id))
    return Reply(says=shown, status=201, then=page_url("show_batch", batch_id=batch.id))


@room.get("/admin/invites/batches/<batch_id>", needs=ADMIN_GROUP)
def show_batch(batch_id: str) -> Reply:
    """One batch: what would happen, or has happened, to each row; verdict and after choose rows."""
    batch = batches.find(uow(), batch_id)
    given = {name: value for name, value in request.args.items() if name in AskedRows.model_fields}
    said = forms.checked(AskedRows, given)
    found = batches.rows(uow(), batch.id, verdict=said.verdict, after=said.after, limit=AT_ONCE + 1)
    rows = [_row(row) for row in found[:AT_ONCE]]
    more = found[AT_ONCE - 1].number if len(found) > AT_ONCE else None
    return Reply(
        page="admin/batch.html",
        says={**_shown(batch, batches.counts(uow(), batch.id)), "list": rows, "next": more},
        shows={
            "verdicts": VERDICTS,
            "verdict": said.verdict,
            "done": request.args.get("done", ""),
            "count": request.args.get("count", 0, int),
            "problem": None,
        },
    )


@room.post("/admin/invites/batches/<batch_id>/send", needs=ADMIN_GROUP, fresh=True)
def send_batch(batch_id: str) -> Stream:
    """Send what is left of a batch: a line of JSON for every step, the last with finished or a problem."""
    batch = batches.find(uow(), batch_id)
    work = uow()
    work.release()

    def page(steps: Iterator[Step | Trouble]) -> Iterator[str]:
        return runtime().pages.stream("admin/batch_sending.html", batch=batch, steps=steps)

    return Stream(lines=sending.send(house(), work.request_info, batch.id), page=page)


@room.post("/admin/invites/batches/<batch_id>/discard", needs=ADMIN_GROUP)
def discard_batch(batch_id: str) -> Reply:
    """Forget a list; what was sent from it stays."""
    rows = batches.discard(uow(), batch_id)
    return Reply(says={"rows": rows}, then=page_url("make_batch_form"))


@room.post("/admin/invites/batches/<batch_id>/resend", needs=ADMIN_GROUP)
def resend_batch(batch_id: str) -> Reply:
    """Mail the open invitations of a batch once more."""
    return _changed(batch_id, "resend")


@room.post("/admin/invites/batches/<batch_id>/extend", needs=ADMIN_GROUP, asks=Extend)
def extend_batch(batch_id: str, said: Extend) -> Reply:
    """Mail links that end later to all of a batch who have not accepted."""
    return _changed(batch_id, "extend", said.days)


@room.post("/admin/invites/batches/<batch_id>/revoke", needs=ADMIN_GROUP)
def revoke_batch(batch_id: str) -> Reply:
    """Take a batch back: its links are dead, and nothing more of it is sent."""
    return _changed(batch_id, "revoke")


@room.post("/admin/invites/batches/<batch_id>/links", needs=ADMIN_GROUP, fresh=True)
def export_links(batch_id: str) -> Stream:
    """The open invitations of a batch with a usable link each, as CSV for a mail merge or as lines of JSON."""
    return Stream(
        lines=_links(batch_id, "links"),
        page=lambda links: collected(csv_files.format_csv(export.table(links))),
        content_type="text/csv; charset=utf-8",
        tells=False,
        headers={"Content-Disposition": 'attachment; filename="invitations.csv"'},
    )


@room.post("/admin/invites/batches/<batch_id>/letters", needs=ADMIN_GROUP, fresh=True, speaks=PAGE)
def print_letters(batch_id: str) -> Stream:
    """The open invitations of a batch as letters to print, with the link as a QR code."""
    return Stream(lines=_links(batch_id, "letters"), page=letters_page, tells=False)


def _changed(batch_id: str, act: Act, days: int = 0) -> Reply:
    count = manage_invites.of_batch(uow(), batch_id, act, days)
    return Reply(says={"count": count}, then=page_url("show_batch", batch_id=batch_id, done=act, count=count))


def _links(batch_id: str, form: str) -> Iterator[Invitation]:
    work = uow()
    # Before the answer begins: what cannot be had is told as such, and nothing leaves the house unlogged.
    export.note(work, batch_id, form)
    return export.links(house(), work.request_info, batch_id)
