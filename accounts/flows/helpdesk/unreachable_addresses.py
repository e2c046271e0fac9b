"""List the addresses from which mail came back, and count one as reachable again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import ColumnElement, select

from accounts.core.clock import now
from accounts.core.database.page import Keyset, Page
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.models.bounces import UnreachableAddress
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import unreachable
from accounts.flows.shared.fields import Email, Form, PageForm

NEWEST_FIRST = Keyset((UnreachableAddress.since, UnreachableAddress.mail_id), descending=True)
OLDEST_FIRST = Keyset((UnreachableAddress.since, UnreachableAddress.mail_id))


class UnreachableSearchForm(PageForm):
    """Which of the addresses, in which order, and which page of them."""

    held_by: Literal["", "account", "invitation"] = Field(default="", title=N_("Used for"))
    order: Literal["newest", "oldest"] = Field(default="newest", json_schema_extra={"input": "hidden"})


class ReachableForm(Form):
    """An address that counts as reachable again."""

    email: Email


@dataclass(frozen=True, slots=True)
class UnreachableRow:
    """An address from which mail came back.

    :ivar account: the id of the account that has it; None where an invitation is open to it.
    :ivar invite: the id of that invitation.
    :ivar mail, purpose: the email that came back, as the mail trace names it.
    :ivar status: an enhanced status code (RFC 3463).
    """

    email: str
    account: str | None
    invite: str | None
    since: datetime
    mail: str
    purpose: str
    status: str
    said: str


def list_unreachable(uow: UnitOfWork, form: UnreachableSearchForm) -> Page[UnreachableRow]:
    """Return one page of the addresses of accounts and open invitations from which mail came back."""
    key = UnreachableAddress.email_key
    has_account = Account.id.is_not(None)
    invite = (
        select(SentInvite.id)
        .where(SentInvite.email_key == key, SentInvite.undecided, SentInvite.expires_at > now())
        .order_by(SentInvite.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = select(UnreachableAddress, Account.id.label("account"), Account.email, invite.label("invite"))
    statement = statement.outerjoin(Account, Account.email_key == key)
    conditions: dict[str, list[ColumnElement[bool]]] = {
        "": [has_account | invite.is_not(None)],
        "account": [has_account],
        "invitation": [~has_account, invite.is_not(None)],
    }
    keyset = NEWEST_FIRST if form.order == "newest" else OLDEST_FIRST
    page: Page[Any] = keyset.fetch_page(
        lambda rows: uow.session.execute(rows).all(),
        statement.where(*conditions[form.held_by]),
        limit=form.limit,
        after=keyset.parse_cursor(form.after),
        format_cursor=lambda row: keyset.format_cursor(row[0]),
    )
    return Page([_build_row(row) for row in page.rows], page.next)


def _build_row(row: Any) -> UnreachableRow:
    address, account_id, email, invite_id = row
    mark = unreachable.read_mark(address)
    return UnreachableRow(
        email or address.email_key,
        account_id,
        None if account_id else invite_id,
        mark.since,
        mark.mail,
        mark.purpose,
        mark.status,
        mark.said,
    )


def count_as_reachable(uow: UnitOfWork, form: ReachableForm) -> int:
    """Take the mark from an address, and return how many there were: one or none."""

    def work() -> int:
        account_id = uow.session.scalar(select(Account.id).where(Account.email_key == form.email.key))
        return int(unreachable.clear_mark(uow, form.email.key, account_id))

    return uow.attempt(work)
