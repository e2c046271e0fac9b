"""Limit requests for emails. What they hold back leaves a trace, so that an admin can see why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypedDict

from accounts.core.clock import LEEWAY
from accounts.core.database import spent
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.links.link import parse_email_key
from accounts.core.security import throttle
from accounts.core.security.throttle import Attempt, LimitReached
from accounts.core.uow import UnitOfWork

MAIL_HELD = "mail.held"
ADDRESS_LIMITS = (throttle.MAIL_ADDRESS, throttle.MAIL_PAIR, throttle.APPROVAL_ADDRESS)


class AuditSubject(TypedDict, total=False):
    """Whom a line of the audit log is about."""

    email_key: str
    account_id: str | None


def visitor_attempts(uow: UnitOfWork, purpose: str, recipient: str) -> tuple[Attempt, ...]:
    """Return what a visitor's request for an email counts as: by their network, by its recipient, and by both.

    :param recipient: the unique form of an address, or what a link is about.
    """
    network = uow.request_info.network
    return throttle.MAIL_NETWORK.by(network), *recipient_attempts(uow, purpose, recipient)


def recipient_attempts(uow: UnitOfWork, purpose: str, recipient: str) -> tuple[Attempt, ...]:
    """Return what a request for an email counts as by its recipient: from anywhere, and from this network."""
    network = uow.request_info.network
    return throttle.MAIL_ADDRESS.by(purpose, recipient), throttle.MAIL_PAIR.by(purpose, recipient, network)


def audit_subject_of(claims: LinkClaims) -> AuditSubject:
    """Whom a line about a link is about: the account that it names, or the address."""
    if claims.kind.about == "account":
        return {"account_id": claims.subject_id}
    return {"email_key": parse_email_key(claims.subject_id)} if claims.subject_id else {}


@contextmanager
def record_held(
    uow: UnitOfWork, purpose: str, *, email_key: str = "", account_id: str | None = None
) -> Iterator[None]:
    """Around a transaction that counts requests for an email: record where one is held back.

    :param email_key: the unique form of the address that the email would go to.
    :raises LimitReached: the audit log has one line about it, however often it is tried in the same window.
    """
    try:
        yield
    except LimitReached as error:
        limit = error.attempt.limit
        # A network tells nothing about the recipient, and an account nothing about the address that it asks for.
        subject = AuditSubject(
            email_key=email_key if limit in ADDRESS_LIMITS else "",
            account_id=account_id if limit is not throttle.MAIL_NETWORK else None,
        )
        # Looked at first: whoever tries a thousand times over the limit shall not write a thousand times.
        spent_id = f"held:{error.attempt.key}:{error.window_ends_at}"
        with uow:
            until = datetime.fromtimestamp(error.window_ends_at, UTC)
            if not spent.is_spent(uow.executor, spent_id) and uow.spend(spent_id, until + LEEWAY):
                facts = {"limit": limit.name, "purpose": purpose, "until": error.window_ends_at}
                uow.record_event(MAIL_HELD, **subject, facts=facts)
        raise
