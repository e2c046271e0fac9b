"""Declare kinds of links with what they do.

A link says: as of this state of an account, do this. It is valid while that state has not changed and it is not too
old. Nothing is stored: the act changes the state, and so the first use invalidates the link and its elder siblings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from accounts.config import Settings
from accounts.core.link_errors import DeadLink, LinkExpired, LinkInvalid, LinkUsed
from accounts.core.link_kinds.kind import EmptyModel, LinkClaims, LinkKind
from accounts.core.link_kinds.parts import Subject
from accounts.core.messages import Message
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork


@dataclass(frozen=True, slots=True)
class ActResult:
    """What an act has done.

    :ivar account_id: the account that it acted on.
    :ivar sign_in_as: the account that is signed in in this browser, if any, by the methods ``amr`` (RFC 8176).
    :ivar created: whether the account was created.
    :ivar outcome: what the page that follows tells, of the texts that its link declares as ``outcomes``.
    """

    account_id: str
    sign_in_as: Account | None = None
    created: bool = False
    amr: tuple[str, ...] = ("pwd",)
    outcome: Message | None = None


@dataclass(frozen=True, kw_only=True)
class Link(LinkKind):
    """One kind of link, declared once: URL, pages, JSON, words and email all follow from it.

    What it says and what it binds is in :class:`LinkKind`; here is what it does.

    :ivar form: the model of the form or JSON that it asks for.
    :ivar form_for: returns that model, where it depends on whom the opened link finds.
    :ivar check_policy: what the settings say about the text of the link, raising a DeadLink. Judged before anything
        is looked up: the answer cannot depend on who has an account.
    :ivar check: further conditions that must hold now, raising a Problem where they do not. Judged before the age:
        a link that is too old offers no fresh one that would be refused.
    :ivar context: returns what a user sees before acting.
    :ivar values: returns what stands in the fields of the form before anything is typed.
    :ivar prepare: slow work (hashing) before the transaction, if any; its result is what ``act`` gets as ``form``.
    :ivar act: does it, in one transaction.
    :ivar letter: returns the email for an outbox item, signing the link at that moment; None drops the item.
    :ivar gone: the error where the account is not there any more.
    :ivar needs_session: acts only for a session of the account itself, after a step-up.
    :ivar goes_on: whether a browser that it signs in goes straight on to its account, with no page in between.
    :ivar describe_use: returns the error for a link whose id is spent, where there is more to say than that.
    :ivar template: template of its page, which extends that of all links.
    :ivar resend: queues a fresh link of this kind to the address on file; False where there is none to be had.
    :ivar resend_after: the errors after which a user may ask for that.
    :ivar outcomes: what its act may have done, where ``done`` does not say it all; English, as the words below.
    :ivar title, explanation, button, done: words of its pages, English, keys of their translations.
    """

    act: Callable[[UnitOfWork, OpenedLink, Any], ActResult]
    letter: Callable[[UnitOfWork, OutboxItem], Letter | None]
    title: str
    explanation: str
    button: str
    done: str
    form: type[BaseModel] = EmptyModel
    form_for: Callable[[OpenedLink], type[BaseModel]] | None = None
    check_policy: Callable[[Settings, LinkClaims], None] = lambda settings, claims: None
    check: Callable[[UnitOfWork, OpenedLink], None] = lambda uow, opened: None
    context: Callable[[UnitOfWork, OpenedLink], Mapping[str, Any]] = lambda uow, opened: {}
    values: Callable[[UnitOfWork, OpenedLink], Mapping[str, Any]] = lambda uow, opened: {}
    prepare: Callable[[UnitOfWork, OpenedLink, Any], Any] | None = None
    gone: type[DeadLink] = LinkInvalid
    needs_session: bool = False
    goes_on: bool = False
    describe_use: Callable[[UnitOfWork, LinkClaims], DeadLink] = lambda uow, claims: LinkUsed(
        f"{claims.spent_id} was used"
    )
    outcomes: tuple[str, ...] = ()
    template: str = "link.html"
    resend: Callable[[UnitOfWork, LinkClaims], bool] | None = None
    resend_after: tuple[type[DeadLink], ...] = (LinkExpired,)


def as_link(kind: LinkKind) -> Link:
    """Return a kind of link with what it does.

    :raises TypeError: it was declared as data only, and nothing can be done with it.
    """
    if not isinstance(kind, Link):
        raise TypeError(f"{kind.purpose} is declared without an act")
    return kind


def get_link(site: Site, purpose: str) -> Link:
    """Return the kind of link of a purpose.

    :raises KeyError: there is none here.
    """
    return as_link(site.links[purpose])


def list_links(site: Site) -> tuple[Link, ...]:
    """Return all kinds of links that open here."""
    return tuple(as_link(kind) for kind in site.links.values())


@dataclass(frozen=True, slots=True)
class OpenedLink:
    """A link that is valid: signed here, not expired, its bound parts unmoved.

    :ivar is_reserved: whether the address that it is about is kept for an account that may still take it back.
    :ivar is_unreachable: whether mail to the address of its subject came back.
    """

    claims: LinkClaims
    subject: Subject
    expires_at: datetime
    is_reserved: bool = False
    is_unreachable: bool = False

    @property
    def link(self) -> Link:
        """The kind of the link."""
        return as_link(self.claims.kind)

    @property
    def link_id(self) -> str:
        """The id of this link, safe to show and to log."""
        return self.claims.link_id

    @property
    def carried(self) -> Any:
        """What the link says beside its subject, of the kind's ``carries`` model."""
        return self.claims.carried

    @property
    def form(self) -> type[BaseModel]:
        """The model of the form or JSON that this link asks for."""
        return self.link.form_for(self) if self.link.form_for else self.link.form

    @property
    def account(self) -> Account:
        """The account that the link is about.

        :raises LinkInvalid: nobody holds the address.
        """
        if self.subject.account is None:
            raise LinkInvalid("no such account")
        return self.subject.account


def parse_email_key(text: str) -> str:
    """Return the unique form of the address in a link.

    :raises LinkInvalid: the address is not accepted any more.
    """
    try:
        return parse_email(text).key
    except AddressRefused:
        raise LinkInvalid("its address is not accepted any more") from None
