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
from tests.flows.steps import Member, sign_up_member
from tests.people import Service, token_of_url

REQUEST_FACTS = {"network": "10.9.9.9", "agent": "Firefox on Linux"}


@dataclass
class WrittenRows:
    """What came to the tables meanwhile. ``ids``: the names of the letters, which events about them say, too."""

    mails: list[tuple[str, str, dict[str, Any], str]]
    events: list[tuple[str, str | None, str | None, dict[str, Any]]]
    spent: dict[str, datetime]
    ids: list[str]


def record_writes(service: Service, work: Callable[[], object]) -> WrittenRows:
    """What ``work`` writes: letters due (purpose, subject, facts, locale), events, and spent ids."""
    with OrmSession(service.site.store.engine) as session:
        before = {model: set(session.scalars(select(model.id))) for model in (OutboxRow, AuditRow, Spent)}
    work()
    with OrmSession(service.site.store.engine) as session:
        mails = session.scalars(select(OutboxRow).where(OutboxRow.id.not_in(before[OutboxRow]))).all()
        events = session.scalars(select(AuditRow).where(AuditRow.id.not_in(before[AuditRow])))
        spent = session.scalars(select(Spent).where(Spent.id.not_in(before[Spent])))
        return WrittenRows(
            sorted(((row.purpose, row.subject, row.facts, row.locale) for row in mails), key=str),
            sorted(((row.kind, row.account_id, row.link_id, row.facts) for row in events), key=str),
            {row.id: row.keep_until for row in spent},
            [row.id for row in mails],
        )


def are_counted(service: Service, *tries: tuple[Limit, str, str] | tuple[Limit, str]) -> bool:
    """Whether these tries, and no others, have been counted: counting them once more opens no new bucket."""

    def keys() -> set[str]:
        with OrmSession(service.site.store.engine) as session:
            return set(session.scalars(select(RateLimit.key)))

    before = keys()
    for limit, *key_parts in tries:
        service.site.throttle.hit(limit, *key_parts)
    return keys() == before and len(before) == len(tries)


def make_owner(service: Service, **changes: Any) -> Member:
    """Somebody who reads German, has a name, and counts as having tried nothing yet."""
    created = sign_up_member(service)
    service.deliver()
    update_account(created, **({"locale": "de", "name": "Ann"} | changes))
    with OrmSession(service.site.store.engine) as session:
        session.query(RateLimit).delete()
        session.commit()
    return created


def update_account(member: Member, **changes: Any) -> None:
    """Set columns of an account."""
    with OrmSession(member.service.site.store.engine) as session:
        session.execute(update(Account).where(Account.id == member.id).values(changes))
        session.commit()


def write_letter(
    service: Service,
    compose: Callable[[UnitOfWork, OutboxItem], Letter | None],
    subject: str,
    facts: dict[str, Any] | None = None,
    locale: str = "en",
) -> Letter | None:
    """A letter, as the worker has it written."""
    uow = service.uow()
    with uow:
        return compose(
            uow, OutboxItem("i-1", "any", subject, {"asked": REQUEST_FACTS} | (facts or {}), locale, 1, now())
        )


def request_facts() -> dict[str, object]:
    """What a letter of this moment says about who asked for it."""
    return {**REQUEST_FACTS, "at": now()}


def claims_of_letter(service: Service, link: Link, letter: Letter | None) -> LinkClaims:
    """What the link in a letter says."""
    assert letter is not None
    assert letter.link is not None
    return service.site.link_signer.verify(link, token_of_url(letter.link))
