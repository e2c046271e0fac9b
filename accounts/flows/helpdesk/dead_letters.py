"""Letters that were given up: looking at them, and sending them again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from accounts.core import outbox
from accounts.core.errors import NotFound
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import Cursor, Form

REVIVED = "mail.revived"
PAGE = 50


class DeadPage(Form):
    """Behind which letter the page begins."""

    after: Cursor = ""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter that was given up. ``to`` is the address it would go to, as far as its row tells."""

    mail: str
    purpose: str
    to: str
    created_at: datetime
    dead_at: datetime | None
    tries: int
    error: str


def listing(uow: UnitOfWork, said: DeadPage, size: int = PAGE) -> tuple[list[DeadLetter], str]:
    """One page of letters that were given up, by name, and the place of the next; "" where there is none."""
    dead = select(OutboxRow).where(OutboxRow.dead_at.is_not(None), OutboxRow.id > said.after)
    rows = uow.session.scalars(dead.order_by(OutboxRow.id).limit(size + 1)).all()
    shown = rows[:size]
    to = _addresses(uow, [row.subject for row in shown])
    found = [
        DeadLetter(
            row.id,
            row.purpose,
            str(row.facts.get("to") or row.facts.get("email") or to.get(row.subject, row.subject)),
            row.created_at,
            row.dead_at,
            row.attempts,
            row.last_error or "",
        )
        for row in shown
    ]
    return found, shown[-1].id if len(rows) > size else ""


def _addresses(uow: UnitOfWork, subjects: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for table in (Account, SentInvite):
        found |= {
            row[0]: row[1] for row in uow.session.execute(select(table.id, table.email).where(table.id.in_(subjects)))
        }
    return found


def send_again(uow: UnitOfWork, mail: str) -> None:
    """Try one letter that was given up once more. Its link is signed then: it is a fresh one.

    :raises NotFound: there is none of this name, or it is not given up.
    """
    with uow:
        row = uow.session.get(OutboxRow, mail)
        if row is None or not outbox.revive_dead_letters(uow.session, mail):
            raise NotFound("no letter of this name was given up")
        account = uow.session.get(Account, row.subject)
        uow.record_event(
            REVIVED,
            account_id=account.id if account else None,
            email_key=accounts.get_email_key(row.subject),
            facts={"mail": mail, "purpose": row.purpose},
        )
    uow.site.mail_due.set()


def send_all_again(uow: UnitOfWork) -> int:
    """Try all letters that were given up once more; how many there were."""
    with uow:
        revived = outbox.revive_dead_letters(uow.session)
        if revived:
            uow.record_event(REVIVED, facts={"letters": revived})
    uow.site.mail_due.set()
    return revived
