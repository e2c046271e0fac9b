"""What kinds of links share: somebody enters an address, and what answers is a letter to an account."""

from __future__ import annotations

from pydantic import BaseModel

from accounts.core.clock import now
from accounts.core.links.link import Link, LinkClaims
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts, mail_limits
from accounts.flows.shared.fields import Asks, Email, Next


class Asking(Asks):
    """An address, and where to go once its letter was read."""

    email: Email
    next: Next = ""


class Target(Asks):
    """What a link says beside the account: where the person wanted to go, where that was said."""

    next: str = ""


def ask(uow: UnitOfWork, purpose: str, said: Asking, event: str) -> None:
    """Have a letter sent. Looks nobody up: the worker finds out whether, and which, it will be.

    :raises TooManyRequests: alike for addresses with and without an account.
    """
    mail_limits.ask(uow, purpose, said.email.key)
    with uow:
        mail = uow.enqueue(purpose, said.email.email, {"next": said.next})
        uow.record_event(event, email_key=said.email.key, facts={"mail": mail, "purpose": purpose})


def again(uow: UnitOfWork, sentence: LinkClaims) -> bool:
    """Have a fresh link sent with the same return target."""
    uow.enqueue(sentence.link.purpose, sentence.subject_id, {"next": sentence.carried.next})
    return True


def target(intent: OutboxItem) -> Target | None:
    """The return target of whoever asked. None, not an empty one: it would make every link longer."""
    wanted = intent.facts.get("next", "")
    return Target(next=wanted) if wanted else None


def letter(
    uow: UnitOfWork,
    intent: OutboxItem,
    link: Link,
    account: Account | None,
    carried: BaseModel | None = None,
    *,
    to: str = "",
) -> Letter | None:
    """The mail with a link about an account; None where there is no account that may be used.

    :param to: the address, where it is not the account's own.
    """
    if account is None or not account.active:
        return None
    facts = {
        "asked": intent.requested_by,
        "email": to or account.email,
        "name": account.name or None,
        "until": now() + uow.site.link_signer.lifetime(link),
    }
    url = uow.link_url(link, accounts.subject_of(account), carried)
    return Letter(link.purpose, to or account.email, account.locale, facts, link=url)
