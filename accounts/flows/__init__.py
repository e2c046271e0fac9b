"""What can be done: one file per thing, free functions that take a unit of work. Nothing here knows Flask."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accounts.core.links import Link
from accounts.core.outbox import Intent, Letter
from accounts.core.uow import UnitOfWork
from accounts.flows import change_password, invite, reset_password, sign_up

LINKS: tuple[Link, ...] = (sign_up.ACTIVATE, invite.INVITE, reset_password.RESET)
"""Every kind of link this service mails."""

NOTICES: Mapping[str, Callable[[UnitOfWork, Intent], Letter | None]] = {
    change_password.NOTICE: change_password.letter,
}
"""Letters without a link of their own, by the purpose of their intents."""
