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
from accounts.core.link_kinds.parts import Part, Subject
from accounts.core.models.account import Account
from accounts.core.security.addresses import AddressRefused, parse
from accounts.core.signing.tokens import Statement

if TYPE_CHECKING:
    from accounts.core.outbox import Intent, Letter
    from accounts.core.uow import UnitOfWork


class Nothing(BaseModel):
    """Asks for, or carries, nothing."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True)
class Done:
    """What an act has done.

    :ivar signs_in: the account that this browser is now signed in as, if any, by the proofs ``amr`` (RFC 8176).
    """

    account_id: str
    signs_in: Account | None = None
    created: bool = False
    amr: tuple[str, ...] = ("pwd",)


@dataclass(frozen=True, kw_only=True)
class Link:
    """One kind of mailed link, declared once: URL, pages, JSON, words and mail all follow from it.

    :ivar purpose: salt, URL, endpoint and folder of words at once.
    :ivar lives: how long; ``ACCOUNTS_LIFETIME_<PURPOSE>`` (seconds) overrides it.
    :ivar about: whether the subject is an account or an address.
    :ivar dies_with: the parts of the state whose change kills it.
    :ivar spends: the id in ``spent`` that the act uses up, where no state moves by itself.
    :ivar asks: what the form or JSON must say.
    :ivar asks_of: the same, where it depends on whom the opened link finds.
    :ivar carries: what the link itself says beside its subject.
    :ivar check: further conditions that must hold now, raising a Problem where they do not.
    :ivar shows: what a person sees before acting.
    :ivar prepare: slow work (hashing) before the unit of work; its result is what ``act`` gets as ``said``.
    :ivar act: does it, in one unit of work.
    :ivar letter: writes the mail for an intent, signing the link at that moment; None drops the intent.
    :ivar gone: what is told when the account is not there any more.
    :ivar needs_session: acts only for a fresh session of the account itself.
    :ivar again: has a fresh link of this kind sent to the address on file; False where that is not to be had.
    :ivar again_after: the kinds of death after which somebody may ask for that.
    :ivar title, explains, button, done: words of its pages, English, keys of their translations.
    """

    purpose: str
    lives: timedelta
    about: Literal["account", "address"]
    dies_with: tuple[Part, ...]
    act: Callable[[UnitOfWork, Opened, Any], Done]
    letter: Callable[[UnitOfWork, Intent], Letter | None]
    title: str
    explains: str
    button: str
    done: str
    asks: type[BaseModel] = Nothing
    asks_of: Callable[[Opened], type[BaseModel]] | None = None
    carries: type[BaseModel] = Nothing
    spends: Callable[[Any], str] | None = None
    check: Callable[[UnitOfWork, Opened], None] = lambda uow, opened: None
    shows: Callable[[Opened], Mapping[str, Any]] = lambda opened: {}
    prepare: Callable[[UnitOfWork, Opened, Any], Any] = lambda uow, opened, said: said
    gone: type[DeadLink] = LinkInvalid
    needs_session: bool = False
    again: Callable[[UnitOfWork, Sentence], bool] | None = None
    again_after: tuple[type[DeadLink], ...] = (LinkExpired,)
    version: int = 1

    def __post_init__(self) -> None:
        if not (self.spends or any(part.never_returns for part in self.dies_with)):
            raise TypeError(f"{self.purpose}: binds nothing that never returns; old links could come back to life")


@dataclass(frozen=True, slots=True)
class Sentence:
    """What a genuine link says, before anybody asked whether it is still true."""

    link: Link
    subject_id: str
    tags: bytes
    carried: Any
    statement: Statement = field(repr=False)

    @property
    def link_id(self) -> str:
        """A name for this link that is safe to show and to log."""
        return self.statement.id

    @property
    def issued_at(self) -> datetime:
        return self.statement.issued_at


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that is alive: genuine, not too old, and its sentence still true."""

    sentence: Sentence
    subject: Subject
    expires_at: datetime

    @property
    def link(self) -> Link:
        return self.sentence.link

    @property
    def link_id(self) -> str:
        return self.sentence.link_id

    @property
    def carried(self) -> Any:
        return self.sentence.carried

    @property
    def asks(self) -> type[BaseModel]:
        """What the form or JSON must say now."""
        return self.link.asks_of(self) if self.link.asks_of else self.link.asks

    @property
    def account(self) -> Account:
        """The account it is about.

        :raises LinkInvalid: nobody holds the address.
        """
        if self.subject.account is None:
            raise LinkInvalid("no such account")
        return self.subject.account


def address_key(text: str) -> str:
    """The unique form of an address that a genuine link carries."""
    try:
        return parse(text).key
    except AddressRefused:
        raise LinkInvalid("its address is not accepted any more") from None
