"""Looking through the ledger of invitations: by state, batch, address and name, page by page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import ColumnElement, select, tuple_

from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import OPERATOR, select_inviters
from accounts.flows.shared.fields import Form, clean_name

INVITE_STATES = ("pending", "accepted", "expired", "revoked")
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR_PATTERN = re.compile(r"(\d{1,16})\.([A-Za-z0-9_-]{1,40})", re.ASCII)


class InviteSearchForm(Form):
    """Which invitations, and how many at once. ``after`` is the ``next`` of the page before."""

    q: Annotated[str, BeforeValidator(clean_name)] = Field(default="", max_length=254)
    state: Literal["", "pending", "accepted", "expired", "revoked"] = ""
    batch: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    after: str = Field(default="", max_length=64)
    limit: int = Field(default=200, ge=1, le=500, strict=False)


@dataclass(frozen=True, slots=True)
class InvitePage:
    """One page.

    :ivar next: where the next one begins, "" on the last.
    :ivar inviters: whose invitations hold, of those who sent these.
    """

    rows: Sequence[SentInvite]
    next: str
    inviters: frozenset[str]


def search_invites(uow: UnitOfWork, form: InviteSearchForm) -> InvitePage:
    """Invitations, newest first.

    By key, not by number of rows: a page costs the same however far down it is, and nothing is shown twice or left
    out where somebody invites meanwhile.
    """
    statement = select(SentInvite).where(*_build_conditions(form))
    order = (SentInvite.created_at.desc(), SentInvite.id.desc())
    rows = uow.session.scalars(statement.order_by(*order).limit(form.limit + 1)).all()
    has_more = len(rows) > form.limit
    active_inviters = uow.session.scalars(select_inviters().where(Account.id.in_({row.inviter_id for row in rows})))
    return InvitePage(
        rows[: form.limit],
        _format_cursor(rows[form.limit - 1]) if has_more else "",
        frozenset([OPERATOR, *active_inviters]),
    )


def _build_conditions(form: InviteSearchForm) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if form.state:
        conditions.append(SentInvite.state == form.state)
    if form.batch:
        conditions.append(SentInvite.batch_id == form.batch)
    # Folded by Python on both sides: databases disagree about what a small letter is.
    conditions += [SentInvite.search.contains(word, autoescape=True) for word in form.q.casefold().split()]
    cursor = CURSOR_PATTERN.fullmatch(form.after)
    if cursor:
        created_at = UNIX_EPOCH + timedelta(microseconds=int(cursor[1]))
        conditions.append(tuple_(SentInvite.created_at, SentInvite.id) < (created_at, cursor[2]))
    return conditions


def _format_cursor(row: SentInvite) -> str:
    return f"{(row.created_at - UNIX_EPOCH) // timedelta(microseconds=1)}.{row.id}"
