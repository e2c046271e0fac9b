"""Record what became of an email in the audit log: by its account, and by a digest of the address it went to."""

from __future__ import annotations

from typing import Any

from accounts.core import outbox
from accounts.core.links.opening import find_subject_account
from accounts.core.mail_lanes import Lane
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.outbox import CLOSED_ACCOUNT_LETTERS, Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.accounts import get_email_key

MAIL_SENT, MAIL_DROPPED, MAIL_DELAYED = "mail.sent", "mail.dropped", "mail.delayed"
MAIL_REFUSED, MAIL_GIVEN_UP = "mail.refused", "mail.given-up"
MAIL_BOUNCED, MAIL_COMPLAINED = "mail.bounced", "mail.complained"
"""What other servers told later of an email that was accepted."""
UNDONE, EXPIRED_BEFORE_SENT = "undone", "expired-before-sent"
"""Why nothing is sent any more: what the letter was about is over, or the time that its link lives is."""


def complete_letter(uow: UnitOfWork, item: OutboxItem, letter: Letter | None, reply: str, *, why: str = "") -> None:
    """Record that an email was accepted by the mail server, or that there was none to write; its row goes.

    :param why: there was none; "" where that is to be found out.
    """
    was_present = outbox.remove_item(uow.executor, item)
    if letter is not None and was_present:
        # The row goes with its account: whom the letter was written about is still there.
        details = {"words": letter.words, "answer": reply}
        if item.about.id and letter.account_id is None:
            details["about"] = item.about.id  # an invitation: no column of the log says which
        # The line has the id of the row, as the Message-ID has: by it a bounce finds whom the email went to.
        _record_event(uow, MAIL_SENT, item, letter.account_id, letter.to, details, event_id=item.id)
        return
    account = find_subject_account(uow, item.about)
    if letter is not None:
        _record_event(uow, MAIL_SENT, item, _id_of(account), "", {"words": letter.words, "answer": reply})
    else:
        invite = uow.session.get(SentInvite, item.about.id) if account is None and item.about.id else None
        to = item.about.email or (invite.email if invite else "") if was_present else ""
        details = {"why": why or _drop_reason(account, invite)}
        _record_event(uow, MAIL_DROPPED, item, _id_of(account), to, details)


def fail_letter(
    uow: UnitOfWork,
    item: OutboxItem,
    letter: Letter | None,
    error: str,
    *,
    permanent: bool,
    lane: Lane | None = None,
    at_once: bool = False,
) -> None:
    """Record that an email was not accepted: it is tried again, or its row is kept as a dead letter.

    :param lane: the lane of its next try; None leaves it where it is.
    :param at_once: whether it is due as soon as its lane goes on.
    """
    is_last = permanent or outbox.is_too_old(item)
    state = outbox.retry_later(uow.session, item, error, permanent=is_last, lane=lane, at_once=at_once)
    kind = MAIL_REFUSED if permanent else MAIL_GIVEN_UP if state == "dead" else MAIL_DELAYED
    to = letter.to if letter else item.about.email
    account_id = _id_of(find_subject_account(uow, item.about))
    _record_event(uow, kind, item, account_id, to if state else "", {"error": error})


def _id_of(account: Account | None) -> str | None:
    return account.id if account else None


def _drop_reason(account: Account | None, invite: SentInvite | None) -> str:
    if account is not None:
        return UNDONE if account.active else "disabled"
    if invite is None:
        return "no-account"
    return EXPIRED_BEFORE_SENT if invite.state == "expired" else UNDONE


def _record_event(
    uow: UnitOfWork,
    kind: str,
    item: OutboxItem,
    account_id: str | None,
    to: str,
    details: dict[str, Any],
    *,
    event_id: str = "",
) -> None:
    facts = {"mail": item.id, "purpose": item.purpose, "try": item.attempts, **details}
    # No digest may lead from the address of a deleted account to anything any more.
    email_key = "" if item.purpose in CLOSED_ACCOUNT_LETTERS else get_email_key(to)
    uow.record_event(kind, account_id=account_id, email_key=email_key, event_id=event_id, facts=facts)
