"""Limit requests for emails. What they hold back leaves a trace, so that an admin can see why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from accounts.core.clock import LEEWAY
from accounts.core.database import spent
from accounts.core.errors import TooManyRequests
from accounts.core.link_kinds.kind import LinkClaims
from accounts.core.links.link import parse_email_key
from accounts.core.security import throttle
from accounts.core.security.throttle import Limit
from accounts.core.uow import UnitOfWork

MAIL_HELD = "mail.held"


class AuditSubject(TypedDict, total=False):
    """Whom a line of the audit log is about."""

    email_key: str
    account_id: str | None


def count_letter_request(uow: UnitOfWork, purpose: str, email_key: str) -> None:
    """Count a visitor's request for an email to an address. Looks nobody up.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    hit_mail_limit(uow, throttle.MAIL_NETWORK, uow.request_info.network, purpose=purpose)
    hit_mail_limit(uow, throttle.MAIL_ADDRESS, purpose, email_key, purpose=purpose, email_key=email_key)


def count_resend_request(uow: UnitOfWork, claims: LinkClaims) -> None:
    """Count a request for a fresh link in the place of an old one, by anybody who has that.

    :raises TooManyRequests: too many by the network, or about the account or the address.
    """
    purpose = claims.kind.purpose
    hit_mail_limit(uow, throttle.MAIL_NETWORK, uow.request_info.network, purpose=purpose)
    hit_mail_limit(
        uow, throttle.MAIL_ADDRESS, purpose, claims.subject_id, purpose=purpose, **audit_subject_of(claims)
    )


def audit_subject_of(claims: LinkClaims) -> AuditSubject:
    """Whom a line about a link is about: the account that it names, or the address."""
    if claims.kind.about == "account":
        return {"account_id": claims.subject_id}
    return {"email_key": parse_email_key(claims.subject_id)} if claims.subject_id else {}


def hit_mail_limit(
    uow: UnitOfWork, limit: Limit, *identifiers: str, purpose: str, email_key: str = "", account_id: str | None = None
) -> None:
    """Count one request of ``identifiers`` for an email.

    :param email_key: the unique form of the address that the email would go to, where the limit is of that address.
    :raises TooManyRequests: the audit log has one line about it, however often it is tried in the same window.
    """
    try:
        uow.site.throttle.hit(limit, *identifiers)
    except TooManyRequests:
        window_end = uow.site.throttle.window_ends(limit, *identifiers)
        # Looked at first: whoever tries a thousand times over the limit shall not write a thousand times.
        spent_id = f"held:{limit.name}:{throttle.bucket_key(*identifiers)}:{window_end}"
        with uow:
            until = datetime.fromtimestamp(window_end, UTC)
            if not spent.is_spent(uow.session, spent_id) and uow.spend(spent_id, until + LEEWAY):
                facts = {"limit": limit.name, "purpose": purpose, "until": window_end}
                uow.record_event(MAIL_HELD, account_id=account_id, email_key=email_key, facts=facts)
        raise
