"""Looking through the ledger of invitations: by state, batch, address and name, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from sqlalchemy import ColumnElement, select

from accounts.core.database import terms
from accounts.core.database.page import Keyset, Page, are_few
from accounts.core.database.terms import INVITE_TERMS
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.terms import InviteTerm
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import OPERATOR, select_inviters
from accounts.flows.shared import accounts, unreachable
from accounts.flows.shared.fields import SEARCH_DESCRIPTION, PageForm, PageLimit, clean_name
from accounts.flows.shared.unreachable import UnreachableMark

INVITE_STATES = ("pending", "accepted", "expired", "revoked")
NEWEST_FIRST = Keyset((SentInvite.created_at, SentInvite.id), descending=True)


class InviteSearchForm(PageForm):
    """Which invitations, and which page of them."""

    q: Annotated[str, BeforeValidator(clean_name)] = Field(default="", description=SEARCH_DESCRIPTION, max_length=254)
    state: Literal["", "pending", "accepted", "expired", "revoked"] = ""
    batch: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{0,40}$")
    limit: PageLimit = 200


@dataclass(frozen=True, slots=True)
class InvitePage(Page[SentInvite]):
    """One page of invitations.

    :ivar inviters: whose invitations hold, of those who sent these.
    :ivar marks: why mail to the address of an open one comes back, by the address.
    """

    inviters: frozenset[str]
    marks: Mapping[str, UnreachableMark]


def search_invites(uow: UnitOfWork, form: InviteSearchForm) -> InvitePage:
    """Return one page of invitations, newest first."""
    page = NEWEST_FIRST.fetch_page(
        uow.session.scalars,
        select(SentInvite).where(*_build_conditions(uow, form)),
        limit=form.limit,
        after=NEWEST_FIRST.parse_cursor(form.after),
    )
    inviter_ids = {row.inviter_id for row in page.rows}
    active_inviters = uow.session.scalars(select_inviters().where(Account.id.in_(inviter_ids)))
    marks = unreachable.find_marks(uow, [row.email_key for row in page.rows if row.state == "pending"])
    return InvitePage(page.rows, page.next, frozenset([OPERATOR, *active_inviters]), marks)


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
