"""What can be done: one file per thing, free functions that take a unit of work. Nothing here knows Flask."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accounts.core import logout_events
from accounts.core.links.link import Link
from accounts.core.outbox import Call, Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import (
    administer,
    backchannel,
    change_email,
    change_password,
    close_account,
    invite,
    not_me,
    reset_password,
    sign_in_by_mail,
    sign_up,
    unlock,
)
from accounts.flows.upstream import identities

LINKS: tuple[Link, ...] = (
    sign_up.ACTIVATE,
    invite.INVITE,
    reset_password.RESET,
    sign_in_by_mail.SIGN_IN,
    change_email.CHANGE,
    change_email.UNDO,
    unlock.UNLOCK,
    close_account.CLOSE,
    not_me.NOT_ME,
)
"""Every kind of link this service mails."""

NOTICES: Mapping[str, Callable[[UnitOfWork, Intent], Letter | None]] = {
    change_password.NOTICE: change_password.letter,
    change_email.NOTICE: change_email.notice,
    close_account.NOTICE: close_account.notice,
    administer.DELETED_NOTICE: close_account.deleted_notice,
    identities.NOTICE: identities.letter,
    identities.DISCONNECTED: identities.letter,
}
"""Letters without a link of their own, by the purpose of their intents."""

CALLS: Mapping[str, Callable[[UnitOfWork, Intent], Call | None]] = {logout_events.PURPOSE: backchannel.call}
"""What other programs are told, by the purpose of its intents."""
