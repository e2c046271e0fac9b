"""Record what became of an email in the audit log: by its account, and by a digest of the address it went to."""

from __future__ import annotations

from typing import Any

from accounts.core import outbox
from accounts.core.links.opening import find_subject_account
from accounts.core.models.account import Account
from accounts.core.outbox import CLOSED_ACCOUNT_LETTERS, Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.accounts import get_email_key

MAIL_SENT, MAIL_DROPPED, MAIL_DELAYED = "mail.sent", "mail.dropped", "mail.delayed"
MAIL_REFUSED, MAIL_GIVEN_UP = "mail.refused", "mail.given-up"


def complete_letter(uow: UnitOfWork, item: OutboxItem, letter: Letter | None, reply: str) -> None:
    """Record that an email was accepted by the mail server, or that there was none to write; its row goes."""
    was_present = outbox.remove_item(uow.executor, item)
    if letter is not None and was_present:
        # The row goes with its account: whom the letter was written about is still there.
        details = {"words": letter.words, "answer": reply}
        _record_event(uow, MAIL_SENT, item, letter.account_id, letter.to, details)
        return
    account = find_subject_account(uow, item.about)
    if letter is not None:
        _record_event(uow, MAIL_SENT, item, _id_of(account), "", {"words": letter.words, "answer": reply})
    else:
        to = item.about.email if was_present else ""
        _record_event(uow, MAIL_DROPPED, item, _id_of(account), to, {"why": _drop_reason(item, account)})


def fail_letter(uow: UnitOfWork, item: OutboxItem, letter: Letter | None, error: str, *, permanent: bool) -> None:
    """Record that an email was not accepted: it is tried again, or its row is kept as a dead letter."""
    is_last = outbox.is_last_attempt(item, permanent=permanent, most=outbox.MAX_LETTER_ATTEMPTS)
    state = outbox.retry_later(uow.session, item, error, permanent=is_last)
    kind = MAIL_REFUSED if permanent else MAIL_GIVEN_UP if state == "dead" else MAIL_DELAYED
    to = letter.to if letter else item.about.email
    account_id = _id_of(find_subject_account(uow, item.about))
    _record_event(uow, kind, item, account_id, to if state else "", {"error": error})


def _id_of(account: Account | None) -> str | None:
    return account.id if account else None


def _drop_reason(item: OutboxItem, account: Account | None) -> str:
    if account is None:
        return "no-account"
    return "undone" if account.active else "disabled"


def _record_event(
    uow: UnitOfWork, kind: str, item: OutboxItem, account_id: str | None, to: str, details: dict[str, Any]
) -> None:
    facts = {"mail": item.id, "purpose": item.purpose, "try": item.attempts, **details}
    # No digest may lead from the address of a deleted account to anything any more.
    email_key = "" if item.purpose in CLOSED_ACCOUNT_LETTERS else get_email_key(to)
    uow.record_event(kind, account_id=account_id, email_key=email_key, facts=facts)
