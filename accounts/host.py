"""What a host app has of links: the state that they bind, and the unit of work of their act."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.link_errors import LinkUsed
from accounts.core.link_kinds import parts
from accounts.core.link_kinds.kind import EmptyModel, LinkClaims, LinkKind
from accounts.core.link_kinds.parts import StatePart, Subject
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import find_holder
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.security.addresses import AddressRefused, parse_email
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.sessions.session import CurrentAccount
from accounts.flows.shared import accounts, mail_request
from accounts.flows.shared.fields import GROUP_PATTERN

DEFAULT_LETTER = "host-link"
"""The folder of words of a link for which the host has written none."""
DEFAULT_EXPLANATION = N_("Nothing happens until you press the button.")
DEFAULT_BUTTON = N_("Confirm")
DEFAULT_DONE = N_("Done. Thank you.")
MAX_FACTS_CHARACTERS = 1000
"""Of the facts of a link as JSON: longer addresses are cut by mail programs."""
RESERVED_FIELDS = frozenset({"token", "csrf_token", "link_id"})
"""Fields of requests to a link that are not the form's."""

LinkFunction = Callable[["HostWork", Any, Any], object]
Recipient = Account | CurrentAccount | str
About = Literal["account", "address"]


class Binds:
    """Parts of the state that a link of a host can bind: it dies when one of them moves."""

    password = parts.password
    """The password: moves when it is changed or reset."""
    email = parts.email
    """The mail address."""
    auth_epoch = parts.auth_epoch
    """A counter that rises with everything that ends all sessions: a new password, a lost group, a new address."""
    sign_ins = parts.sign_ins
    """A counter that rises with every sign-in."""

    @staticmethod
    def group(name: str) -> StatePart:
        """Return the part that moves when the account joins or leaves a group.

        :raises ValueError: no group can have that name.
        """
        _check_group(name)
        return StatePart(f"group:{name}", lambda subject: _is_member(subject, name), moved_by=("account.groups",))

    @staticmethod
    def value(name: str, read: Callable[[Any], str | int | None], *, never_returns: bool = False) -> StatePart:
        """Return a part of the host's own state.

        :param name: what it is called in explanations of dead links; part of every signature.
        :param read: returns its value now, for the account (None where nobody holds the address).
        :param never_returns: whether it never goes back to an old value, such as a counter that only rises.
        """
        return StatePart(f"value:{name}", lambda subject: read(subject.account), never_returns=never_returns)


binds = Binds()
_ACCOUNT_ONLY = (Binds.password, Binds.email, Binds.auth_epoch, Binds.sign_ins)


class HostLinkPayload(BaseModel):
    """What a link of a host says beside its subject: the id that its act spends, and facts of the host."""

    model_config = ConfigDict(extra="forbid")

    id: str
    facts: dict[str, Any] = Field(default_factory=dict)


class HostWork:
    """The unit of work as a host sees it: all of it is committed, or nothing.

    :ivar facts: what :meth:`Accounts.send` was given beside the recipient; signed, so nobody has changed it.
    :ivar email: the address that the link is about; "" outside of a link.
    """

    def __init__(self, uow: UnitOfWork, opened: OpenedLink | None = None) -> None:
        self._uow = uow
        self._link_id = opened.link_id if opened else None
        self.facts: Mapping[str, Any] = opened.carried.facts if opened else {}
        self.email = opened.subject.email if opened else ""

    @property
    def session(self) -> Session:
        """The SQLAlchemy session of this transaction: for tables of the host in the same database, too."""
        return self._uow.session

    def get_account(self, account: Recipient) -> Account:
        """Return the account that this transaction can change.

        :param account: an account, ``current_account``, an id, or an address.
        :raises NotFound: there is none.
        """
        if isinstance(account, Account) and account in self.session:
            return account
        return accounts.find_account(self._uow, account if isinstance(account, str) else account.id)

    def add_to_group(self, account: Recipient, *groups: str) -> bool:
        """Add an account to groups; False when it is in all of them already.

        :raises ValueError: no group can have that name.
        """
        for group in groups:
            _check_group(group)
        return bool(accounts.add_groups(self._uow, self.get_account(account), groups))

    def remove_from_group(self, account: Recipient, *groups: str) -> bool:
        """Take an account out of groups; False when it is in none of them. Losing one ends its sessions.

        :raises LastAdmin: nobody would administer any more.
        """
        return bool(accounts.remove_groups(self._uow, self.get_account(account), groups))

    def end_sessions(self, account: Recipient) -> None:
        """End all sessions of an account; links that bind ``auth_epoch`` die, too."""
        self.get_account(account).auth_epoch += 1

    def record_event(self, kind: str, account: Recipient | None = None, **facts: Any) -> None:
        """Append to the audit log.

        :param kind: such as ``newsletter.joined``; at most 40 characters.
        :param facts: JSON; no secrets, and nothing that a stranger typed.
        :raises ValueError: the service itself records events of this kind, or the name is too long.
        """
        if kind in EVENT_LABELS or not 0 < len(kind) <= 40:
            raise ValueError(f"{kind!r} cannot be the kind of an event of your own")
        account_id = None if account is None else self.get_account(account).id
        self._uow.record_event(kind, account_id=account_id, link_id=self._link_id, facts=_check_facts(facts))

    def spend(self, id: str, keep_until: datetime) -> bool:
        """Use an id of your own up; False when it already was.

        :param id: at most 70 characters.
        :param keep_until: until when that is remembered.
        """
        return self._uow.spend(f"host:{id}", keep_until)

    def send(self, purpose: str, to: Recipient, facts: Mapping[str, Any], locale: str = "") -> None:
        """Have a link mailed when this transaction is committed; see :meth:`Accounts.send`."""
        subject, account = self._find_recipient(self._uow.site.links[purpose], to)
        locale = locale or (account.locale if account else "")
        self._uow.enqueue(purpose, subject, {"facts": _check_facts(facts, MAX_FACTS_CHARACTERS)}, locale)

    def _find_recipient(self, kind: LinkKind, to: Recipient) -> tuple[str, Account | None]:
        if kind.about == "account":
            account = self.get_account(to)
            return account.id, account
        return get_recipient_key(to), None

    def __enter__(self) -> Self:
        self._uow.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._uow.__exit__(kind, error, trace)


def get_recipient_key(to: Recipient) -> str:
    """Return what limits on letters know a recipient by: the id of an account, or an address.

    :raises ValueError: neither.
    """
    if not isinstance(to, str):
        # current_account is false where nobody is signed in, whatever its type says.
        account_id: str | None = getattr(to, "id", None)
        if account_id is None:
            raise ValueError("nobody is signed in: 'to' needs an account, its id, or an address")
        return account_id
    if "@" not in to:
        return to
    try:
        return parse_email(to).email
    except AddressRefused:
        raise ValueError("'to' is not an address that mail can be sent to") from None


def make_link(
    function: LinkFunction,
    purpose: str,
    *,
    lifetime: timedelta,
    dies_with: Iterable[StatePart],
    about: About,
    form: type[BaseModel] | None,
    title: str,
    explanation: str,
    button: str,
    done: str,
    needs_session: bool,
) -> Link:
    """Return the declaration of a link whose act is a function of a host.

    :raises TypeError: a declaration that cannot work.
    """
    bound = tuple(dies_with)
    if about == "address" and set(bound).intersection(_ACCOUNT_ONLY):
        raise TypeError(f"{purpose}: a link about an address binds groups and values only; nobody may hold it")
    taken = RESERVED_FIELDS.intersection(form.model_fields) if form else ()
    if taken:
        raise TypeError(f"{purpose}: a form cannot have a field {min(taken)!r}")

    def act(uow: UnitOfWork, opened: OpenedLink, data: Any) -> ActResult:
        # Before the act, so that a click that changes nothing uses the link up, too.
        if not uow.spend(_spent_id(opened.carried), uow.site.link_signer.keep_spent_until(opened.expires_at)):
            raise LinkUsed("used at the same moment")
        account = opened.subject.account
        function(HostWork(uow, opened), account, data)
        return ActResult(account.id if account else "")

    def letter(uow: UnitOfWork, item: OutboxItem) -> Letter | None:
        written = _write_letter(uow, item, link)
        given = {"title": link.title, "explanation": explanation, "button": button}
        return written and replace(
            written, context={**item.facts.get("facts", {}), **given, **written.context}, default_words=DEFAULT_LETTER
        )

    link = Link(
        purpose=purpose,
        lifetime=lifetime,
        about=about,
        dies_with=bound,
        carries=HostLinkPayload,
        spends=_spent_id,
        form=form or EmptyModel,
        act=act,
        letter=letter,
        resend=_resend,
        needs_session=needs_session,
        title=title or purpose.replace("-", " ").capitalize(),
        explanation=explanation or DEFAULT_EXPLANATION,
        button=button or DEFAULT_BUTTON,
        done=done or DEFAULT_DONE,
    )
    return link


def _write_letter(uow: UnitOfWork, item: OutboxItem, link: Link) -> Letter | None:
    # The id of the item, not a new one: a letter that is tried twice holds one link twice.
    carried = HostLinkPayload(id=item.id, facts=item.facts.get("facts", {}))
    if link.about == "account":
        account = uow.session.get(Account, item.about.id)
        return mail_request.build_account_letter(uow, item, link, account, carried)
    subject = find_holder(uow, item.about.email)
    context = {
        "asked": item.requested_by,
        "email": subject.email,
        "name": subject.account.name if subject.account else None,
        "until": now() + uow.site.link_signer.lifetime(link),
    }
    url = uow.link_url(link, subject, carried)
    if subject.account is None:
        return Letter(link.purpose, item.about.email, item.locale, context, link=url)
    letter = Letter.to_account(link.purpose, subject.account, context, link=url, to=item.about.email)
    # In the language that the host has asked for.
    return replace(letter, locale=item.locale)


def _resend(uow: UnitOfWork, claims: LinkClaims) -> bool:
    uow.enqueue(claims.kind.purpose, claims.subject_id, {"facts": claims.carried.facts})
    return True


def _spent_id(carried: Any) -> str:
    return f"host-link:{carried.id}"


def _is_member(subject: Subject, group: str) -> int:
    return int(subject.account is not None and group in subject.account.groups)


def _check_group(name: str) -> None:
    if not GROUP_PATTERN.fullmatch(name):
        raise ValueError(f"{name!r} cannot be the name of a group: letters, digits, - and _, at most 64")


def _check_facts(facts: Mapping[str, Any], max_characters: int | None = None) -> dict[str, Any]:
    try:
        length = len(json.dumps(facts))
    except (TypeError, ValueError):
        raise TypeError("facts must be JSON: text, numbers, true, false, None, lists and dicts of these") from None
    if max_characters is not None and length > max_characters:
        raise ValueError(f"facts of a link have at most {max_characters} characters as JSON, not {length}")
    return dict(facts)
