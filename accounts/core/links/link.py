"""Links: declare a kind once, sign it about somebody, open it again.

A link is a sentence about an account, "as of this state, do this". It is valid while the sentence is still true
and not too old. Nothing is stored: the act changes the state, and so the first use kills the
link and its elder siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from accounts.core.errors import DeadLink, LinkExpired, LinkInvalid
from accounts.core.link_kinds.parts import StatePart, Subject
from accounts.core.models.account import Account
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.signing.token_kind import SignedToken

if TYPE_CHECKING:
    from accounts.core.outbox import Letter, OutboxItem
    from accounts.core.uow import UnitOfWork


class EmptyModel(BaseModel):
    """Asks for, or carries, nothing."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class ActResult:
    """What an act has done.

    :ivar sign_in_as: the account that this browser is now signed in as, if any, by the proofs ``amr`` (RFC 8176).
    """

    account_id: str
    sign_in_as: Account | None = None
    created: bool = False
    amr: tuple[str, ...] = ("pwd",)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One kind of mailed link, declared once: URL, pages, JSON, words and mail all follow from it.

    :ivar purpose: salt, URL, endpoint and folder of words at once.
    :ivar lifetime: how long; ``ACCOUNTS_LIFETIME_<PURPOSE>`` (seconds) overrides it.
    :ivar about: whether the subject is an account or an address.
    :ivar dies_with: the parts of the state whose change kills it.
    :ivar spends: the id in ``spent`` that the act uses up, where no state moves by itself.
    :ivar single_use: the link's own id is used up with the act, also where the act changes nothing.
    :ivar form: what the form or JSON must say.
    :ivar form_for: the same, where it depends on whom the opened link finds.
    :ivar carries: what the link itself says beside its subject.
    :ivar check: further conditions that must hold now, raising a Problem where they do not.
    :ivar context: what a person sees before acting.
    :ivar prepare: slow work (hashing) before the unit of work; its result is what ``act`` gets as ``said``.
    :ivar act: does it, in one unit of work.
    :ivar letter: writes the mail for an intent, signing the link at that moment; None drops the intent.
    :ivar gone: what is told when the account is not there any more.
    :ivar needs_session: acts only for a fresh session of the account itself.
    :ivar resend: have a fresh link of this kind sent to the address on file; False where that is not to be had.
    :ivar resend_after: the kinds of death after which somebody may ask for that.
    :ivar title, explanation, button, done: words of its pages, English, keys of their translations.
    """

    purpose: str
    lifetime: timedelta
    about: Literal["account", "address"]
    dies_with: tuple[StatePart, ...]
    act: Callable[[UnitOfWork, OpenedLink, Any], ActResult]
    letter: Callable[[UnitOfWork, OutboxItem], Letter | None]
    title: str
    explanation: str
    button: str
    done: str
    form: type[BaseModel] = EmptyModel
    form_for: Callable[[OpenedLink], type[BaseModel]] | None = None
    carries: type[BaseModel] = EmptyModel
    spends: Callable[[Any], str] | None = None
    single_use: bool = False
    check: Callable[[UnitOfWork, OpenedLink], None] = lambda uow, opened: None
    context: Callable[[OpenedLink], Mapping[str, Any]] = lambda opened: {}
    prepare: Callable[[UnitOfWork, OpenedLink, Any], Any] = lambda uow, opened, said: said
    gone: type[DeadLink] = LinkInvalid
    needs_session: bool = False
    resend: Callable[[UnitOfWork, LinkClaims], bool] | None = None
    resend_after: tuple[type[DeadLink], ...] = (LinkExpired,)
    version: int = 1

    def __post_init__(self) -> None:
        if self.about not in ("account", "address"):
            raise TypeError(f"{self.purpose}: about is {self.about!r}, but must be 'account' or 'address'")
        if self.spends and self.single_use:
            raise TypeError(f"{self.purpose}: spends an id of its own; single_use would spend it before the act")
        if not (self.spends or any(part.never_returns for part in self.dies_with)):
            raise TypeError(f"{self.purpose}: binds nothing that never returns; old links could come back to life")


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a genuine link says, before anybody asked whether it is still true."""

    link: Link
    subject_id: str
    tags: bytes
    carried: Any
    signed_token: SignedToken = field(repr=False)

    @property
    def link_id(self) -> str:
        """A name for this link that is safe to show and to log."""
        return self.signed_token.id

    @property
    def issued_at(self) -> datetime:
        return self.signed_token.issued_at


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link that is alive: genuine, not too old, and its sentence still true."""

    claims: LinkClaims
    subject: Subject
    expires_at: datetime

    @property
    def link(self) -> Link:
        return self.claims.link

    @property
    def link_id(self) -> str:
        return self.claims.link_id

    @property
    def carried(self) -> Any:
        return self.claims.carried

    @property
    def form(self) -> type[BaseModel]:
        """What the form or JSON must say now."""
        return self.link.form_for(self) if self.link.form_for else self.link.form

    @property
    def account(self) -> Account:
        """The account it is about.

        :raises LinkInvalid: nobody holds the address.
        """
        if self.subject.account is None:
            raise LinkInvalid("no such account")
        return self.subject.account


def parse_email_key(text: str) -> str:
    """The unique form of an address that a genuine link carries."""
    try:
        return parse_email(text).key
    except AddressRefused:
        raise LinkInvalid("its address is not accepted any more") from None
