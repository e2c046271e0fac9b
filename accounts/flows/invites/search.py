"""Looking through the ledger of invitations: by state, batch, address and name, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import ColumnElement, case, func, select

from accounts.core.clock import now
from accounts.core.database import terms
from accounts.core.database.page import Keyset, Page, are_few
from accounts.core.database.terms import INVITE_TERMS
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.terms import InviteTerm
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.inviters import OPERATOR, select_inviters
from accounts.flows.shared import accounts, unreachable
from accounts.flows.shared.fields import SEARCH_DESCRIPTION, PageForm, PageLimit, clean_name
from accounts.flows.shared.unreachable import UnreachableMark

INVITE_STATES = ("pending", "accepted", "expired", "revoked")
NEWEST_FIRST = Keyset((SentInvite.created_at, SentInvite.id), descending=True)
OLDEST_FIRST = Keyset((SentInvite.created_at, SentInvite.id))
MAX_COUNTED = 1000
"""So many invitations are counted of those that are open or over, and of those that were accepted or revoked."""


class InviteSearchForm(PageForm):
    """Which invitations, and which page of them."""

    q: Annotated[str, BeforeValidator(clean_name)] = Field(default="", description=SEARCH_DESCRIPTION, max_length=254)
    state: Literal["", "pending", "accepted", "expired", "revoked"] = ""
    batch: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    sort: Literal["newest", "oldest"] = "newest"
    limit: PageLimit = 200


@dataclass(frozen=True, slots=True)
class InvitePage(Page[SentInvite]):
    """One page of invitations.

    :ivar inviters: whose invitations hold, of those who sent these.
    :ivar marks: why mail to the address of an open one comes back, by the address.
    """

    inviters: frozenset[str]
    marks: Mapping[str, UnreachableMark]


@dataclass(frozen=True, slots=True)
class StateCount:
    """How many invitations are in a state.

    :ivar is_least: whether there may be more, which nobody has counted.
    """

    count: int
    is_least: bool


def search_invites(uow: UnitOfWork, form: InviteSearchForm) -> InvitePage:
    """Return one page of invitations, by when they were sent."""
    order = OLDEST_FIRST if form.sort == "oldest" else NEWEST_FIRST
    page = order.fetch_page(
        uow.session.scalars,
        select(SentInvite).where(*_build_conditions(uow, form)),
        limit=form.limit,
        after=order.parse_cursor(form.after),
    )
    inviter_ids = {row.inviter_id for row in page.rows}
    active_inviters = uow.session.scalars(select_inviters().where(Account.id.in_(inviter_ids)))
    marks = unreachable.find_marks(uow, [row.email_key for row in page.rows if row.state == "pending"])
    return InvitePage(page.rows, page.next, frozenset([OPERATOR, *active_inviters]), marks)


def count_invite_states(uow: UnitOfWork) -> dict[str, StateCount]:
    """Return how many invitations are in each state, as far as counting costs little: one SQL statement."""
    few = MAX_COUNTED + 1
    undecided = select(SentInvite.expires_at).where(SentInvite.undecided).limit(few).subquery()
    is_past = case((undecided.c.expires_at < now(), 1), else_=0)
    decided = (
        select(func.count()).select_from(select(SentInvite.id).where(SentInvite.state == state).limit(few).subquery())
        for state in ("accepted", "revoked")
    )
    row = uow.session.execute(
        select(
            func.count(), func.coalesce(func.sum(is_past), 0), *(each.scalar_subquery() for each in decided)
        ).select_from(undecided)
    ).one()
    looked_at, expired, accepted, revoked = map(int, row)
    counts = {"pending": looked_at - expired, "accepted": accepted, "expired": expired, "revoked": revoked}
    # Of the open ones and those that are over, so many rows were looked at together.
    seen = {"pending": looked_at, "expired": looked_at, "accepted": accepted, "revoked": revoked}
    return {state: StateCount(min(count, MAX_COUNTED), seen[state] > MAX_COUNTED) for state, count in counts.items()}


def _build_conditions(uow: UnitOfWork, form: InviteSearchForm) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if form.state:
        conditions.append(SentInvite.state == form.state)
    if form.batch:
        conditions.append(SentInvite.batch_id == form.batch)
    if email_key := accounts.get_email_key(form.q):
        conditions.append(SentInvite.email_key == email_key)
    elif words := terms.parse_words(form.q):
        terms.update_terms(uow.site.store.engine, INVITE_TERMS)
        matches = select(InviteTerm.invite_id).where(INVITE_TERMS.matches(words[0]))
        if are_few(uow.session.scalar, matches):
            conditions.append(SentInvite.id.in_(matches))
            words = words[1:]
        conditions += [INVITE_TERMS.is_found_by(word) for word in words]
    return conditions
