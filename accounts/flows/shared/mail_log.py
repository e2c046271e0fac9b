"""What became of a letter, for the audit log: by the account it is about, and by a mark of the address it went to."""

from __future__ import annotations

from typing import Any

from accounts.core import outbox
from accounts.core.links.opening import find_subject_account
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.uow import UnitOfWork

SENT, DROPPED, DELAYED = "mail.sent", "mail.dropped", "mail.delayed"
REFUSED, GIVEN_UP = "mail.refused", "mail.given-up"
LAST_WORDS = frozenset({"account-closed", "account-deleted"})
"""Letters to somebody whose account is gone. No mark leads from their address to anything any more."""


def settle(uow: UnitOfWork, intent: OutboxItem, letter: Letter | None, answer: str) -> None:
    """A letter was taken by the mail server, or there was none to write: its row goes, a line stays."""
    there = outbox.remove_item(uow.session, intent)
    account = find_subject_account(uow, intent.subject)
    if letter is not None:
        told = {"words": letter.words, "answer": answer}
        _note(uow, SENT, intent, account, letter.to if there else "", told)
    else:
        _note(uow, DROPPED, intent, account, intent.subject if there else "", {"why": _why_dropped(intent, account)})


def put_off(uow: UnitOfWork, intent: OutboxItem, letter: Letter | None, error: str, *, for_good: bool) -> None:
    """A letter was not taken: it is tried again, or its row is kept as a dead letter."""
    state = outbox.retry_later(uow.session, intent, error, permanent=for_good)
    kind = REFUSED if for_good else GIVEN_UP if state == "dead" else DELAYED
    to = letter.to if letter else intent.subject
    _note(uow, kind, intent, find_subject_account(uow, intent.subject), to if state else "", {"error": error})


def _why_dropped(intent: OutboxItem, account: Account | None) -> str:
    if account is None:
        return "no-account"
    return "undone" if account.active else "disabled"


def _note(
    uow: UnitOfWork, kind: str, intent: OutboxItem, account: Account | None, to: str, told: dict[str, Any]
) -> None:
    facts = {"mail": intent.id, "purpose": intent.purpose, "try": intent.attempts, **told}
    about = "" if intent.purpose in LAST_WORDS else _key(to)
    uow.record_event(kind, account_id=account.id if account else None, email_key=about, facts=facts)


def _key(email: str) -> str:
    try:
        return parse_email(email).key
    except AddressRefused:
        return ""
