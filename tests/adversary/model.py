"""What must be alive: accounts, links and sessions as a few counters, written apart from the code under test."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from accounts.core.clock import now

DIES_WITH: dict[str, tuple[str, ...]] = {
    "reset-password": ("password", "email", "epoch", "sign_ins_with_password"),
    "sign-in": ("email", "epoch", "sign_ins"),
    "change-email": ("email", "email_serial", "epoch"),
    "undo-email-change": ("anchor_serial",),
    "close-account": ("epoch", "sign_ins"),
    "unlock": ("lock_serial",),
    "not-me": ("password", "email"),
}
"""The promise of the design, said once more: which change kills which link about an account."""


HELD_BY_NOBODY = ("activate", "request-account")
"""Kinds that die for good as soon as an account holds their address."""
FOR_WHOEVER_HOLDS = ("invite", "join-shared")
"""Kinds that wait for their address, and let in whoever holds it."""


@dataclass
class ModelAccount:
    """One account. Every counter only ever rises."""

    email: str
    plain_password: str | None
    password: int = 0
    epoch: int = 0
    sign_ins: int = 0
    email_serial: int = 0
    anchor_serial: int = 0
    lock_serial: int = 0
    locked: bool = False
    anchor: str | None = None
    active: bool = True
    exists: bool = True
    has_joined: bool = False

    @property
    def sign_ins_with_password(self) -> int | None:
        return None if self.plain_password is None else self.sign_ins

    @property
    def is_usable(self) -> bool:
        """Whether somebody can do anything with it."""
        return self.exists and self.active

    def set_password(self, password: str | None) -> None:
        """Another password, or none that counts: whoever is signed in is not any more."""
        # Voiding what is void moves nothing.
        if password is not None or self.plain_password is not None:
            self.password += 1
        self.plain_password = password
        self.epoch += 1

    def lift_lock(self) -> None:
        self.locked = False
        self.lock_serial += 1

    def state(self, purpose: str) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in DIES_WITH[purpose])


@dataclass(eq=False)
class ModelRequest:
    """A request for an account, about which one admin decides."""

    applicant: str
    decided: bool = False


@dataclass(eq=False)
class ModelSharedInvite:
    """A link for several people: who has a place, by address and by account."""

    id: str
    token: str
    places: int
    ends: datetime
    addresses: list[str] = field(default_factory=list)
    members: list[ModelAccount] = field(default_factory=list)
    revoked: bool = False

    @property
    def is_open(self) -> bool:
        return not self.revoked and len(self.addresses) < self.places and now() <= self.ends

    def has_place(self, account: ModelAccount | None) -> bool:
        """Whether an account has taken one, under whatever address."""
        return any(each is account for each in self.members)


@dataclass(eq=False)
class ModelAdmin:
    """An admin who decides about requests; nothing else happens to the account."""

    id: str
    email: str
    has_right: bool = True


@dataclass
class ModelLink:
    """A link that was mailed, with what it was signed about.

    :ivar used: for an activation, whether an account has held its address since; for an invitation, whether it was
        accepted or taken back, or the account of its address was closed since; for "not me", whether it was used.
    :ivar shared: the link for several people that a link to join with came of.
    :ivar request: what a link to an admin is about.
    :ivar admin: whose link that is, or who has approved what became this invitation.
    """

    purpose: str
    token: str
    address: str
    account: ModelAccount | None
    bound_state: tuple[object, ...] = ()
    used: bool = False
    shared: ModelSharedInvite | None = None
    request: ModelRequest | None = None
    admin: ModelAdmin | None = None


@dataclass
class ModelSession:
    """A session, by the cookie that states it. ``fresh``: a password was said in it."""

    cookie: str
    account: ModelAccount
    epoch: int
    fresh: bool
    ended: bool = False

    @property
    def alive(self) -> bool:
        return not self.ended and self.account.is_usable and self.epoch == self.account.epoch


@dataclass
class World:
    """Everything that was ever made."""

    accounts: list[ModelAccount] = field(default_factory=list)
    links: list[ModelLink] = field(default_factory=list)
    sessions: list[ModelSession] = field(default_factory=list)
    shared_invites: list[ModelSharedInvite] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        """Where links went to, but for those of the admins, who are nobody of the model."""
        return [link.address for link in self.links if link.request is None]

    def find_holder(self, address: str) -> ModelAccount | None:
        return next((each for each in self.accounts if each.exists and each.email == address), None)

    def is_anchored(self, address: str, *, except_by: ModelAccount | None = None) -> bool:
        """Whether an address is kept for somebody else who may still take it back."""
        return any(each.exists and each.anchor == address and each is not except_by for each in self.accounts)

    def change_email(self, account: ModelAccount, address: str) -> None:
        account.email = address
        account.email_serial += 1
        account.epoch += 1
        self.kill_activations(address)

    def kill_activations(self, address: str) -> None:
        """An account holds the address from now on: no activation or request of before will ever make another one."""
        for link in self.links:
            if link.purpose in HELD_BY_NOBODY and link.address == address:
                link.used = True

    def close_account(self, account: ModelAccount) -> None:
        account.exists = False
        for link in self.links:
            if link.purpose in FOR_WHOEVER_HOLDS and link.address == account.email:
                link.used = True

    def can_be_decided(self, request: ModelRequest) -> bool:
        is_settled = self.find_holder(request.applicant) is not None or self.is_invited(request.applicant)
        return not request.decided and not is_settled

    def is_invited(self, address: str) -> bool:
        """Whether an invitation waits for an address."""
        return any(link.purpose == "invite" and link.address == address and not link.used for link in self.links)

    def take_place(self, link: ModelLink, account: ModelAccount) -> None:
        """Somebody joins: the place of that address is taken, and no other link for it takes another one."""
        assert link.shared is not None
        link.shared.addresses.append(link.address)
        link.shared.members.append(account)
        account.has_joined = True
        for other in self.links:
            if other.shared is link.shared and other.address == link.address:
                other.used = True

    def account_of(self, link: ModelLink) -> ModelAccount | None:
        """Whose account a link is about now."""
        return self.find_holder(link.address) if link.purpose in FOR_WHOEVER_HOLDS else link.account

    def is_alive(self, link: ModelLink) -> bool:
        is_over = link.shared is not None and not link.shared.is_open
        if link.used or is_over or (link.admin is not None and not link.admin.has_right):
            return False
        if link.request is not None:
            return self.can_be_decided(link.request)
        if link.account is None:
            holder = self.account_of(link)
            return not self.is_anchored(link.address) if holder is None else holder.active
        if not (link.account.is_usable and link.bound_state == link.account.state(link.purpose)):
            return False
        if link.purpose == "change-email":
            return self.find_holder(link.address) is None and not self.is_anchored(
                link.address, except_by=link.account
            )
        return True
