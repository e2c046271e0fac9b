"""What can be done: one file per thing, free functions that take a unit of work. Nothing here knows Flask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounts.core import logout_events
from accounts.core.links.link import Link
from accounts.core.outbox import Callback, CallResult, Letter, OutboxItem
from accounts.core.signing.token_kind import TokenKind
from accounts.core.uow import UnitOfWork
from accounts.flows import forward_auth
from accounts.flows.account import (
    approval,
    approval_notices,
    approval_review,
    change_email,
    change_password,
    close_account,
    not_me,
    recovery_notices,
    reset_password,
    sign_up,
)
from accounts.flows.invites import join, shared_terms
from accounts.flows.invites import link as invite_link
from accounts.flows.oidc import backchannel, note, tokens, trial_state
from accounts.flows.sessions import csrf_token, notice
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import asked_mail
from accounts.flows.sign_in import devices, magic_link, unlock
from accounts.flows.upstream import identities, waiting

LINKS: tuple[Link, ...] = (
    sign_up.ACTIVATE,
    invite_link.INVITE,
    join.JOIN,
    reset_password.RESET,
    magic_link.SIGN_IN,
    change_email.CHANGE,
    change_email.UNDO,
    unlock.UNLOCK,
    close_account.CLOSE,
    not_me.NOT_ME,
    approval.REQUEST,
    approval_review.REVIEW,
)
"""Every kind of link this service mails."""

TOKENS: tuple[TokenKind[Any], ...] = (
    sessions.SESSION,
    csrf_token.CSRF,
    notice.NOTICE,
    asked_mail.ASKED_MAIL,
    devices.DEVICE,
    note.AUTHORIZATION_NOTE,
    tokens.AUTHORIZATION_CODE,
    tokens.ACCESS_TOKEN,
    tokens.REFRESH_TOKEN,
    trial_state.TRIAL_STATE,
    backchannel.LOGOUT_STATUS,
    forward_auth.START_TOKEN,
    forward_auth.HANDOVER_TOKEN,
    forward_auth.HOST_SESSION,
    waiting.PENDING_SIGN_IN,
    shared_terms.SHARED_INVITE,
)
"""Every other kind of token this service signs. No link of a host can have one of their purposes."""

NOTICES: Mapping[str, Callable[[UnitOfWork, OutboxItem], Letter | None]] = {
    change_password.PASSWORD_CHANGED_NOTICE: change_password.letter,
    change_email.EMAIL_CHANGED_NOTICE: change_email.email_changed_letter,
    change_email.EMAIL_RESTORED_NOTICE: change_email.email_restored_letter,
    recovery_notices.APPS_TO_REVIEW_NOTICE: recovery_notices.apps_to_review_letter,
    close_account.CLOSE_REFUSED_NOTICE: close_account.close_refused_letter,
    close_account.ACCOUNT_CLOSED_NOTICE: close_account.account_closed_letter,
    close_account.ACCOUNT_DELETED_NOTICE: close_account.account_deleted_letter,
    approval_notices.DECIDED_NOTICE: approval_notices.decided_letter,
    approval_notices.DECLINED_NOTICE: approval_notices.declined_letter,
    identities.CONNECTED_NOTICE: identities.letter,
    identities.DISCONNECTED_NOTICE: identities.letter,
}
"""Letters without a link of their own, by the purpose of their intents."""


@dataclass(frozen=True, slots=True)
class CallbackFlow:
    """What is done about one kind of callback.

    :ivar make: the callback, written when it is delivered; None drops the outbox item.
    :ivar settle: notes what became of it, in the transaction that settles the outbox item.
    """

    make: Callable[[UnitOfWork, OutboxItem], Callback | None]
    settle: Callable[[UnitOfWork, OutboxItem, CallResult], None]


CALLBACKS: Mapping[str, CallbackFlow] = {
    logout_events.LOGOUT_PURPOSE: CallbackFlow(backchannel.make_logout_callback, backchannel.settle_logout_callback)
}
"""What other programs are told, by the purpose of its outbox items."""
