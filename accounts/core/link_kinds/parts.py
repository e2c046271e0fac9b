"""Name the parts of an account's state that a link can bind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.core.link_errors import DeadLink, LinkSuperseded, LinkUsed
from accounts.core.models.account import Account

if TYPE_CHECKING:
    pass


TAG_BYTES = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """The account or the address that a link is about.

    :ivar id: the account id; for a link about an address, the address as mail goes to it.
    :ivar account: the account, or the one that holds the address at this moment; None where there is none.
    """

    id: str
    account: Account | None

    @property
    def email(self) -> str:
        """The address that mail goes to."""
        return self.account.email if self.account else self.id


@dataclass(frozen=True, slots=True)
class StatePart:
    """A part of an account's state that a link binds: when it moves, the link is not valid any more.

    :ivar read: returns the value of a subject; only a keyed digest of it is in the link.
    :ivar never_returns: the value never goes back to an old one (a salted hash, a rising counter).
    :ivar problem: the error that a link answers with when this part has moved.
    :ivar moved_by: the kinds of audit events that move it, for the link doctor.
    """

    name: str
    read: Callable[[Subject], str | int | None]
    never_returns: bool = False
    problem: type[DeadLink] = LinkUsed
    moved_by: tuple[str, ...] = ()


def _account_column(name: str) -> Callable[[Subject], str | int | None]:
    def read(subject: Subject) -> str | int | None:
        assert subject.account is not None, f"{name} needs an account"  # noqa: S101 - a wrong declaration, not input
        value: str | int | None = getattr(subject.account, name)
        return value

    return read


def _sign_ins_with_password(subject: Subject) -> str | int | None:
    is_void = subject.account is not None and subject.account.password_hash is None
    return None if is_void else sign_ins.read(subject)


PASSWORD_EVENTS = ("password.reset", "password.changed")

EMAIL_EVENTS = ("email.changed", "email.restored")

VOID_PASSWORD_EVENTS = ("email.restored", "not-me")

SIGN_IN_EVENTS = ("sign-in.by-mail", "sign-in")

password = StatePart(
    "password",
    _account_column("password_hash"),
    never_returns=True,
    moved_by=(*PASSWORD_EVENTS, *VOID_PASSWORD_EVENTS),
)

email = StatePart("email", _account_column("email_key"), moved_by=EMAIL_EVENTS)

email_serial = StatePart(
    "email_serial",
    _account_column("email_serial"),
    never_returns=True,
    problem=LinkSuperseded,
    moved_by=("email.change-asked", *EMAIL_EVENTS),
)

auth_epoch = StatePart(
    "auth_epoch",
    _account_column("auth_epoch"),
    never_returns=True,
    moved_by=(
        *PASSWORD_EVENTS,
        *EMAIL_EVENTS,
        "not-me",
        "sign-out.everywhere",
        "account.disabled",
        "account.enabled",
        "account.groups",
        "identity.connected",
        "identity.disconnected",
    ),
)

sign_ins = StatePart("sign_ins", _account_column("sign_in_serial"), never_returns=True, moved_by=SIGN_IN_EVENTS)

# Whoever signs in knows the password, and needs no reset. While it is void, signing in by other means shows nothing
# of the sort: the link that lets its owner choose a new one must stay valid.
sign_ins_with_password = StatePart(
    "sign_ins", _sign_ins_with_password, moved_by=(*SIGN_IN_EVENTS, *PASSWORD_EVENTS, *VOID_PASSWORD_EVENTS)
)

lock_serial = StatePart(
    "lock_serial", _account_column("lock_serial"), never_returns=True, moved_by=("account.locked", "account.unlocked")
)

anchor = StatePart("anchor", _account_column("anchor_serial"), never_returns=True, moved_by=EMAIL_EVENTS)

# Account ids are never handed out twice, so "nobody" here is the only value that could come back.
holder = StatePart(
    "holder",
    lambda subject: subject.account.id if subject.account else None,
    moved_by=("account.activated", "invite.accepted", "email.changed"),
)
