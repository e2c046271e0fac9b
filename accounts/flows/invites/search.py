"""Looking through the ledger of invitations: by state, batch, address and name, page by page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import ColumnElement, select, tuple_

from accounts.core.clock import now
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import OPERATOR, inviters
from accounts.flows.shared.fields import Asks, plain_name

STATES = ("pending", "accepted", "expired", "revoked")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AFTER = re.compile(r"(\d{1,16})\.([A-Za-z0-9_-]{1,40})", re.ASCII)


class Search(Asks):
    """Which invitations, and how many at once. ``after`` is the ``next`` of the page before."""

    q: Annotated[str, BeforeValidator(plain_name)] = Field(default="", max_length=254)
    state: Literal["", "pending", "accepted", "expired", "revoked"] = ""
    batch: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    after: str = Field(default="", max_length=64)
    limit: int = Field(default=200, ge=1, le=500, strict=False)


@dataclass(frozen=True, slots=True)
class Found:
    """One page.

    :ivar next: where the next one begins, "" on the last.
    :ivar inviters: whose invitations hold, of those who sent these.
    """

    rows: Sequence[SentInvite]
    next: str
    inviters: frozenset[str]


def search(uow: UnitOfWork, said: Search) -> Found:
    """Invitations, newest first.

    By key, not by number of rows: a page costs the same however far down it is, and nothing is shown twice or left
    out where somebody invites meanwhile.
    """
    wanted = select(SentInvite).where(*_conditions(said))
    order = (SentInvite.created_at.desc(), SentInvite.id.desc())
    rows = uow.session.scalars(wanted.order_by(*order).limit(said.limit + 1)).all()
    more = len(rows) > said.limit
    holding = uow.session.scalars(inviters().where(Account.id.in_({row.inviter_id for row in rows})))
    return Found(rows[: said.limit], _key(rows[said.limit - 1]) if more else "", frozenset([OPERATOR, *holding]))


def condition_of(state: str) -> tuple[ColumnElement[bool], ...]:
    """What holds of invitations in a state, as :attr:`SentInvite.state` says it."""
    accepted, revoked = SentInvite.accepted_at.is_not(None), SentInvite.revoked_at.is_not(None)
    if state == "accepted":
        return (accepted,)
    if state == "revoked":
        return (~accepted, revoked)
    over = SentInvite.expires_at < now()
    return (~accepted, ~revoked, over if state == "expired" else ~over)


def _conditions(said: Search) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if said.state:
        found += condition_of(said.state)
    if said.batch:
        found.append(SentInvite.batch_id == said.batch)
    for word in said.q.casefold().split():
        # Folded by Python on both sides: databases disagree about what a small letter is.
        found.append(SentInvite.search.contains(word, autoescape=True))
    after = AFTER.fullmatch(said.after)
    if after:
        at = EPOCH + timedelta(microseconds=int(after[1]))
        found.append(tuple_(SentInvite.created_at, SentInvite.id) < (at, after[2]))
    return found


def _key(row: SentInvite) -> str:
    return f"{(row.created_at - EPOCH) // timedelta(microseconds=1)}.{row.id}"
