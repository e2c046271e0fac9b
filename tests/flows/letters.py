"""Letters as the worker has them written, and an owner who reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session as OrmSession

from accounts.core.clock import now
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.links.link import Link
from accounts.core.models.account import Account
from accounts.core.models.counters import RateLimit
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from tests.flows.steps import Member, sign_up_member
from tests.people import Service, token_of_url

REQUEST_FACTS = {"network": "10.9.9.9", "agent": "Firefox on Linux"}


def make_owner(service: Service, **changes: Any) -> Member:
    """Make somebody who reads German, has a name, and counts as having tried nothing yet."""
    owner = sign_up_member(service)
    service.deliver()
    update_account(owner, **({"locale": "de", "name": "Ann"} | changes))
    with OrmSession(service.site.store.engine) as session:
        session.query(RateLimit).delete()
        session.commit()
    return owner


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
    """Return a letter, as the worker has it written; None where it is dropped."""
    uow = service.uow()
    with uow:
        return compose(
            uow, OutboxItem("i-1", "any", subject, {"asked": REQUEST_FACTS} | (facts or {}), locale, 1, now())
        )


def request_facts() -> dict[str, object]:
    """Return what a letter of this moment says about who asked for it."""
    return {**REQUEST_FACTS, "at": now()}


def read_letter_claims(service: Service, link: Link, letter: Letter | None) -> LinkClaims:
    """Return what the link in a letter says."""
    assert letter is not None
    assert letter.link is not None
    return service.site.link_signer.verify(link, token_of_url(letter.link))
