"""Looking closely: every row that a piece of work adds, and letters as the worker asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session as OrmSession

from accounts.core.clock import now
from accounts.core.links.link import Link, LinkClaims
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.counters import RateLimit, Spent
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security.throttle import Limit
from accounts.core.uow import UnitOfWork
from tests.flows.walks import Member, member
from tests.people import Service, token_in

ASKED = {"network": "10.9.9.9", "agent": "Firefox on Linux"}


@dataclass
class Written:
    """What came to the tables meanwhile. ``ids``: the names of the letters, which events about them say, too."""

    mails: list[tuple[str, str, dict[str, Any], str]]
    notes: list[tuple[str, str | None, str | None, dict[str, Any]]]
    spent: dict[str, datetime]
    ids: list[str]


def written(service: Service, work: Callable[[], object]) -> Written:
    """What ``work`` writes: letters due (purpose, subject, facts, locale), events, and spent ids."""
    with OrmSession(service.house.store.engine) as session:
        before = {model: set(session.scalars(select(model.id))) for model in (OutboxRow, AuditRow, Spent)}
    work()
    with OrmSession(service.house.store.engine) as session:
        mails = session.scalars(select(OutboxRow).where(OutboxRow.id.not_in(before[OutboxRow]))).all()
        notes = session.scalars(select(AuditRow).where(AuditRow.id.not_in(before[AuditRow])))
        spent = session.scalars(select(Spent).where(Spent.id.not_in(before[Spent])))
        return Written(
            sorted(((row.purpose, row.subject, row.facts, row.locale) for row in mails), key=str),
            sorted(((row.kind, row.account_id, row.link_id, row.facts) for row in notes), key=str),
            {row.id: row.keep_until for row in spent},
            [row.id for row in mails],
        )


def counted(service: Service, *tries: tuple[Limit, str, str] | tuple[Limit, str]) -> bool:
    """Whether these tries, and no others, have been counted: counting them once more opens no new bucket."""

    def keys() -> set[str]:
        with OrmSession(service.house.store.engine) as session:
            return set(session.scalars(select(RateLimit.key)))

    before = keys()
    for limit, *who in tries:
        service.house.throttle.hit(limit, *who)
    return keys() == before and len(before) == len(tries)


def owner(service: Service, **changes: Any) -> Member:
    """Somebody who reads German, has a name, and counts as having tried nothing yet."""
    made = member(service)
    service.deliver()
    change(made, **({"locale": "de", "name": "Ann"} | changes))
    with OrmSession(service.house.store.engine) as session:
        session.query(RateLimit).delete()
        session.commit()
    return made


def change(who: Member, **changes: Any) -> None:
    """Set columns of an account."""
    with OrmSession(who.service.house.store.engine) as session:
        session.execute(update(Account).where(Account.id == who.id).values(changes))
        session.commit()


def letter(
    service: Service,
    write: Callable[[UnitOfWork, OutboxItem], Letter | None],
    subject: str,
    facts: dict[str, Any] | None = None,
    locale: str = "en",
) -> Letter | None:
    """A letter, as the worker has it written."""
    uow = service.uow()
    with uow:
        return write(uow, OutboxItem("i-1", "any", subject, {"asked": ASKED} | (facts or {}), locale, 1, now()))


def asked() -> dict[str, object]:
    """What a letter of this moment says about who asked for it."""
    return {**ASKED, "at": now()}


def sentence_in(service: Service, link: Link, letter: Letter | None) -> LinkClaims:
    """What the link in a letter says."""
    assert letter is not None
    assert letter.link is not None
    return service.house.link_signer.verify(link, token_in(letter.link))
