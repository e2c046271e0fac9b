"""List emails that were given up (dead letters), and send them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from accounts.core import outbox
from accounts.core.database.page import Keyset, Page
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import PageForm

MAIL_REVIVED_EVENT = "mail.revived"
MAIL_ORDER = Keyset((OutboxRow.id,))


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An email that was given up. ``to`` is the address it would go to, as far as its row tells."""

    mail: str
    purpose: str
    to: str
    created_at: datetime
    dead_at: datetime | None
    tries: int
    error: str


def list_dead_letters(uow: UnitOfWork, form: PageForm) -> Page[DeadLetter]:
    """Return one page of the letters that were given up, by id."""
    page: Page[OutboxRow] = MAIL_ORDER.fetch_page(
        uow.session.scalars,
        select(OutboxRow).where(OutboxRow.dead_at.is_not(None)),
        limit=form.limit,
        after=MAIL_ORDER.parse_cursor(form.after),
    )
    addresses = _find_addresses(uow, [outbox.parse_subject(row.subject).id for row in page.rows])
    letters = [
        DeadLetter(
            row.id,
            row.purpose,
            _get_address(row, addresses),
            row.created_at,
            row.dead_at,
            row.attempts,
            row.last_error or "",
        )
        for row in page.rows
    ]
    return Page(letters, page.next)


def _get_address(row: OutboxRow, addresses: Mapping[str, str]) -> str:
    return str(row.facts.get("to") or row.facts.get("email") or addresses.get(row.subject, row.subject))


def _find_addresses(uow: UnitOfWork, subjects: Sequence[str]) -> dict[str, str]:
    addresses: dict[str, str] = {}
    for table in (Account, SentInvite):
        addresses |= {
            row[0]: row[1] for row in uow.session.execute(select(table.id, table.email).where(table.id.in_(subjects)))
        }
    return addresses


def retry_dead_letter(uow: UnitOfWork, mail_id: str) -> str:
    """Queue one dead letter again, and return its address, as far as its row tells.

    Its link is signed when it is sent: it is a fresh one.

    :raises NotFound: there is none of this id, or it is not given up.
    """
    with uow:
        row = uow.session.get(OutboxRow, mail_id)
        if row is None or not outbox.revive_dead_letters(uow.session, mail_id):
            raise NotFound("no letter of this name was given up")
        about = outbox.parse_subject(row.subject)
        account = uow.session.get(Account, about.id)
        uow.record_event(
            MAIL_REVIVED_EVENT,
            account_id=account.id if account else None,
            email_key=accounts.get_email_key(about.email),
            facts={"mail": mail_id, "purpose": row.purpose},
        )
        address = _get_address(row, _find_addresses(uow, [about.id]))
    uow.site.mail_due.set()
    return address


def retry_all_dead_letters(uow: UnitOfWork) -> int:
    """Queue all dead letters again, and return how many there were."""
    with uow:
        count = outbox.revive_dead_letters(uow.session)
        if count:
            uow.record_event(MAIL_REVIVED_EVENT, facts={"letters": count})
    uow.site.mail_due.set()
    return count
