"""Looking through the ledger of invitations: by state, batch, address and name, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import ColumnElement, select

from accounts.core.database.page import Keyset, Page
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import OPERATOR, select_inviters
from accounts.flows.shared.fields import PageForm, PageLimit, clean_name

INVITE_STATES = ("pending", "accepted", "expired", "revoked")
NEWEST_FIRST = Keyset((SentInvite.created_at, SentInvite.id), descending=True)


class InviteSearchForm(PageForm):
    """Which invitations, and which page of them."""

    q: Annotated[str, BeforeValidator(clean_name)] = Field(default="", max_length=254)
    state: Literal["", "pending", "accepted", "expired", "revoked"] = ""
    batch: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    limit: PageLimit = 200


@dataclass(frozen=True, slots=True)
class InvitePage(Page[SentInvite]):
    """One page of invitations.

    :ivar inviters: whose invitations hold, of those who sent these.
    """

    inviters: frozenset[str]


def search_invites(uow: UnitOfWork, form: InviteSearchForm) -> InvitePage:
    """Return one page of invitations, newest first."""
    page = NEWEST_FIRST.fetch_page(
        uow.session.scalars,
        select(SentInvite).where(*_build_conditions(form)),
        limit=form.limit,
        after=NEWEST_FIRST.parse_cursor(form.after),
    )
    inviter_ids = {row.inviter_id for row in page.rows}
    active_inviters = uow.session.scalars(select_inviters().where(Account.id.in_(inviter_ids)))
    return InvitePage(page.rows, page.next, frozenset([OPERATOR, *active_inviters]))


def _build_conditions(form: InviteSearchForm) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if form.state:
        conditions.append(SentInvite.state == form.state)
    if form.batch:
        conditions.append(SentInvite.batch_id == form.batch)
    # Folded by Python on both sides: databases disagree about what a small letter is.
    conditions += [SentInvite.search.contains(word, autoescape=True) for word in form.q.casefold().split()]
    return conditions
