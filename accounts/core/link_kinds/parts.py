"""Name the parts of an account's state that a link can bind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.core.errors import DeadLink, LinkSuperseded, LinkUsed
from accounts.core.models.account import Account

if TYPE_CHECKING:
    pass


TAG_BYTES = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a link speaks of.

    :ivar id: the account id; for a link about an address, the address as mail goes to it.
    :ivar account: the account, or the one that holds the address at this moment; None where there is none.
    """

    id: str
    account: Account | None

    @property
    def email(self) -> str:
        return self.account.email if self.account else self.id


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the state that a link binds.

    :ivar never_returns: the value never goes back to an old one (a salted hash, a rising counter).
    :ivar says: the problem that is told when this part has moved.
    :ivar moved_by: the kinds of audit events that move it, for whoever explains a dead link.
    """

    name: str
    read: Callable[[Subject], str | int | None]
    never_returns: bool = False
    says: type[DeadLink] = LinkUsed
    moved_by: tuple[str, ...] = ()


def _of_account(name: str) -> Callable[[Subject], str | int | None]:
    def read(subject: Subject) -> str | int | None:
        assert subject.account is not None, f"{name} needs an account"  # noqa: S101 - a wrong declaration, not input
        value: str | int | None = getattr(subject.account, name)
        return value

    return read


def _sign_ins_with_password(subject: Subject) -> str | int | None:
    void = subject.account is not None and subject.account.password_hash is None
    return None if void else sign_ins.read(subject)


NEW_PASSWORD = ("password.reset", "password.changed")

NEW_ADDRESS = ("email.changed", "email.restored")

VOID_PASSWORD = ("email.restored", "not-me")

SIGN_INS = ("sign-in.by-mail", "sign-in")

password = Part(
    "password", _of_account("password_hash"), never_returns=True, moved_by=(*NEW_PASSWORD, *VOID_PASSWORD)
)

email = Part("email", _of_account("email_key"), moved_by=NEW_ADDRESS)

email_serial = Part(
    "email_serial",
    _of_account("email_serial"),
    never_returns=True,
    says=LinkSuperseded,
    moved_by=("email.change-asked", *NEW_ADDRESS),
)

auth_epoch = Part(
    "auth_epoch",
    _of_account("auth_epoch"),
    never_returns=True,
    moved_by=(
        *NEW_PASSWORD,
        *NEW_ADDRESS,
        "not-me",
        "sign-out.everywhere",
        "account.disabled",
        "account.enabled",
        "account.groups",
        "identity.connected",
        "identity.disconnected",
    ),
)

sign_ins = Part("sign_ins", _of_account("sign_in_serial"), never_returns=True, moved_by=SIGN_INS)

# Whoever signs in knows the password, and needs no reset. While it is void, signing in by other means shows nothing
# of the sort: the link that lets its owner choose a new one must not die of it.
sign_ins_with_password = Part(
    "sign_ins", _sign_ins_with_password, moved_by=(*SIGN_INS, *NEW_PASSWORD, *VOID_PASSWORD)
)

lock_serial = Part(
    "lock_serial", _of_account("lock_serial"), never_returns=True, moved_by=("account.locked", "account.unlocked")
)

anchor = Part("anchor", _of_account("anchor_serial"), never_returns=True, moved_by=NEW_ADDRESS)

# Account ids are never handed out twice, so "nobody" here is the only value that could come back.
holder = Part(
    "holder",
    lambda subject: subject.account.id if subject.account else None,
    moved_by=("account.activated", "invite.accepted", "email.changed"),
)
