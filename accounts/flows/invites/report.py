"""Report on a batch: of each person on the list what became of them, and in sum who has accepted and who has not.

Nothing in a report lets anybody in: it holds no links. While the list is kept it has all of its rows, also those that
nobody was invited by; then those that were invited.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select

from accounts.core.audit.log import RequestInfo
from accounts.core.database import sql
from accounts.core.models.account import Account
from accounts.core.models.invites import BatchRow, InviteBatch, SentInvite
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.batch_entries import REASON_MESSAGES
from accounts.flows.invites.export import ExportInvitesForm, sort_key
from accounts.flows.invites.inviters import OPERATOR

ROWS_PER_STEP = 500
HEADINGS = (
    "line", "name", "email", "groups", "language", "state", "reason", "times sent", "sent", "valid until", "accepted",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReportLine:
    """What became of one row of a list.

    :ivar line: where it stands in the list; 0 where that is not known.
    :ivar state: of the invitation (``pending``, ``accepted``, ``expired``, ``revoked``), or what is told of the row
        that nobody was invited by: its verdict, and the ``reason``.
    :ivar sent: how often the invitation was mailed.
    """

    line: int
    name: str
    email: str
    groups: tuple[str, ...]
    locale: str
    state: str
    reason: str = ""
    invite: str | None = None
    sent: int = 0
    sent_at: datetime | None = None
    expires_at: datetime | None = None
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """What a cover sheet says of the invitations of a batch.

    :ivar made_by: who handed in the list: a name or an address; "" for an operator on the console.
    :ivar accepted, open, closed: who they are, in the order that was asked for. Closed are those that ran out or were
        revoked.
    """

    id: str
    name: str
    made_by: str
    created_at: datetime
    group: str
    accepted: tuple[str, ...]
    open: tuple[str, ...]
    closed: tuple[str, ...]


def iter_report(site: Site, request_info: RequestInfo, batch_id: str) -> Generator[ReportLine, None, None]:
    """Yield a line for each row of a list, in its order. In a unit of work of its own, some at a time."""
    with closing(UnitOfWork(site, request_info)) as uow:
        has_list = uow.fetch_all(select(exists().where(BatchRow.batch_id == batch_id)))[0][0]
        yield from _iter_rows(uow, batch_id) if has_list else _iter_invites(uow, batch_id)


def format_report(lines: Iterable[ReportLine], translate: Callable[[str], str]) -> Iterator[Sequence[str]]:
    """Lines of a report as rows of a table, headings first.

    :param translate: puts a reason into the language of whoever reads it.
    """
    yield HEADINGS
    for line in lines:
        moments = (
            "" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
            for at in (line.sent_at, line.expires_at, line.accepted_at)
        )
        reason = translate(REASON_MESSAGES[line.reason]) if line.reason else ""
        groups = ", ".join(line.groups)
        numbers = (str(line.line or ""), str(line.sent or ""))
        yield (numbers[0], line.name, line.email, groups, line.locale, line.state, reason, numbers[1], *moments)


def summarize_batch(uow: UnitOfWork, batch: InviteBatch, form: ExportInvitesForm) -> BatchSummary:
    """Return who has accepted an invitation of a batch, and who has not."""
    columns = (SentInvite.id, SentInvite.line, SentInvite.created_at, SentInvite.name, SentInvite.email)
    more = (SentInvite.email_key, SentInvite.groups, SentInvite.state.label("state"))
    statement = select(*columns, *more).where(SentInvite.batch_id == batch.id)
    rows = [row for row in uow.session.execute(statement) if not form.group or form.group in row.groups]
    people: dict[str, list[str]] = {"accepted": [], "pending": [], "expired": [], "revoked": []}
    for row in sorted(rows, key=lambda row: sort_key(form.order, row)):
        people[row.state].append(f"{row.name} ({row.email})" if row.name else row.email)
    maker = uow.session.get(Account, batch.made_by) if batch.made_by != OPERATOR else None
    return BatchSummary(
        id=batch.id,
        name=batch.name,
        made_by=(maker.name or maker.email) if maker else "",
        created_at=batch.created_at,
        group=form.group,
        accepted=tuple(people["accepted"]),
        open=tuple(people["pending"]),
        closed=(*people["expired"], *people["revoked"]),
    )


def _iter_rows(uow: UnitOfWork, batch_id: str) -> Iterator[ReportLine]:
    after = 0
    while True:
        statement = (
            select(BatchRow, SentInvite)
            .outerjoin(SentInvite, SentInvite.id == BatchRow.invite_id)
            .where(BatchRow.batch_id == batch_id, BatchRow.number > after)
            .order_by(BatchRow.number)
            .limit(ROWS_PER_STEP)
        )
        with uow:
            found = [(row.number, _build_line(row, invite)) for row, invite in uow.session.execute(statement)]
        if not found:
            return
        yield from (line for _, line in found)
        after = found[-1][0]


def _iter_invites(uow: UnitOfWork, batch_id: str) -> Iterator[ReportLine]:
    columns = (SentInvite.id, SentInvite.line, SentInvite.created_at)
    rows = uow.fetch_all(select(*columns).where(SentInvite.batch_id == batch_id))
    ids = [row.id for row in sorted(rows, key=lambda row: (row.line, row.created_at, row.id))]
    for chunk in sql.iter_batches(ids, ROWS_PER_STEP):
        with uow:
            invites = uow.session.scalars(select(SentInvite).where(SentInvite.id.in_(chunk))).all()
            lines = {invite.id: _build_invite_line(invite, invite.line) for invite in invites}
        yield from (lines[id] for id in chunk if id in lines)


def _build_line(row: BatchRow, invite: SentInvite | None) -> ReportLine:
    if invite is not None:
        return _build_invite_line(invite, row.line)
    return ReportLine(row.line, row.name, row.email, tuple(row.groups), row.locale, row.verdict, row.reason)


def _build_invite_line(invite: SentInvite, line: int) -> ReportLine:
    return ReportLine(
        line=line,
        name=invite.name,
        email=invite.email,
        groups=tuple(invite.groups),
        locale=invite.locale,
        state=invite.state,
        invite=invite.id,
        sent=invite.sent,
        sent_at=invite.created_at,
        expires_at=invite.expires_at,
        accepted_at=invite.accepted_at,
    )
