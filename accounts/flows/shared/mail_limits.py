"""Limits on requests for letters. What they hold back leaves a trace, so that somebody can be told why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypedDict

from accounts.core.clock import LEEWAY
from accounts.core.database import spent
from accounts.core.errors import TooManyRequests
from accounts.core.links.link import LinkClaims, parse_email_key
from accounts.core.security import throttle
from accounts.core.security.throttle import Limit
from accounts.core.uow import UnitOfWork

HELD = "mail.held"


class Whose(TypedDict, total=False):
    """Whom a line of the audit log is about."""

    email_key: str
    account_id: str | None


def ask(uow: UnitOfWork, purpose: str, email_key: str) -> None:
    """Count a request of somebody without a session for a letter to an address. Looks nobody up.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    hit(uow, throttle.MAIL_NETWORK, uow.request_info.network, purpose=purpose)
    hit(uow, throttle.MAIL_ADDRESS, purpose, email_key, purpose=purpose, email_key=email_key)


def again(uow: UnitOfWork, sentence: LinkClaims) -> None:
    """Count a request for a fresh link in the place of a dead one, which may come from anybody who has that.

    :raises TooManyRequests: too many by the network, or about the account or the address.
    """
    purpose = sentence.link.purpose
    hit(uow, throttle.MAIL_NETWORK, uow.request_info.network, purpose=purpose)
    hit(uow, throttle.MAIL_ADDRESS, purpose, sentence.subject_id, purpose=purpose, **whose(sentence))


def whose(sentence: LinkClaims) -> Whose:
    """Whom a line about a link is about: the account that it names, or the address."""
    if sentence.link.about == "account":
        return {"account_id": sentence.subject_id}
    return {"email_key": parse_email_key(sentence.subject_id)} if sentence.subject_id else {}


def hit(
    uow: UnitOfWork, limit: Limit, *who: str, purpose: str, email_key: str = "", account_id: str | None = None
) -> None:
    """Count one request of ``who`` for a letter.

    :param email_key: the unique form of the address that the letter would go to, where the limit is of that address.
    :raises TooManyRequests: the audit log has one line about it, however often it is tried in the same window.
    """
    try:
        uow.site.throttle.hit(limit, *who)
    except TooManyRequests:
        ends = uow.site.throttle.window_ends(limit, *who)
        # Looked at first: whoever tries a thousand times over the limit shall not write a thousand times.
        mark = f"held:{limit.name}:{throttle.bucket_key(*who)}:{ends}"
        with uow:
            until = datetime.fromtimestamp(ends, UTC)
            if not spent.is_spent(uow.session, mark) and uow.spend(mark, until + LEEWAY):
                facts = {"limit": limit.name, "purpose": purpose, "until": ends}
                uow.record_event(HELD, account_id=account_id, email_key=email_key, facts=facts)
        raise
