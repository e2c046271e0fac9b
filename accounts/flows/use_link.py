"""Use a mailed link: open it, read what its form says, act in one transaction, count it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeout

from accounts.core.errors import NotSignedIn, WrongAccount
from accounts.core.link_errors import LinkUsed
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import is_used_up, open_link
from accounts.core.security.throttle import Attempt
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.shared import accounts, unreachable
from accounts.flows.sign_in import step_up


class LinkNotUsedUp(RuntimeError):
    """A declaration of a link is wrong: its act leaves the link as valid as it was."""


@dataclass(frozen=True, slots=True)
class UsedLink:
    """What the use of a link has done.

    :ivar opened: the link as it was before the act.
    :ivar session: the new session of this browser; None where it stays as it is.
    :ivar terms_accepted: whether its account has nothing to accept before it is used.
    """

    opened: OpenedLink
    result: ActResult
    session: Session | None
    terms_accepted: bool


def use_link(
    uow: UnitOfWork,
    link: Link,
    token: object,
    read_form: Callable[[OpenedLink], Any],
    current: CurrentAccount | None,
    *,
    act: Callable[[UnitOfWork, OpenedLink, Any], ActResult] | None = None,
    attempts: Sequence[Attempt] = (),
) -> UsedLink:
    """Do what a link says, once.

    :param read_form: return the validated form for an opened link. It runs before the transaction.
    :param current: who is signed in in this browser. Loaded by the caller before the link is opened: nobody may hold
        one connection while waiting for a second.
    :param act: what to do instead of the act that the link declares, in the same transaction.
    :param attempts: what this use counts as, whatever becomes of it.
    :raises DeadLink: the link is not valid, or not valid any more.
    :raises WrongAccount: another account is signed in than the one that the link is about.
    :raises NotSignedIn, TermsRequired, ConfirmationRequired: the link needs a session of its account, the terms
        accepted, with a fresh proof.
    :raises LinkNotUsedUp: the act left the link valid; all that it did is rolled back.
    :raises TooManyRequests: one of the attempts is over its limit.
    """

    def work() -> tuple[ActResult, Session | None, bool]:
        if attempts:
            uow.count_attempts(*attempts)
        # Opened once more inside the transaction: whoever lost a race is told what has become of the link.
        reopened = open_link(uow, link, token)
        check_account(reopened, current)
        if link.needs_session:
            _check_session(current)
        return _act_once(uow, reopened, act or link.act, prepared, current)

    with uow.keep_counted(*attempts), _told_what_became_of_it(uow, link, token):
        opened = open_link(uow, link, token)
        prepared = _prepare(uow, opened, read_form(opened), attempts)
        result, session, terms_accepted = uow.attempt(work)
    return UsedLink(opened, result, session, terms_accepted)


@contextmanager
def _told_what_became_of_it(uow: UnitOfWork, link: Link, token: object) -> Iterator[None]:
    """Around the use of a link: of a crowd that waits for connections, those who get none are told who has won.

    :raises DeadLink: the link was used meanwhile.
    """
    try:
        yield
    except PoolTimeout:
        uow.release()
        open_link(uow, link, token)
        uow.release()
        raise


def _prepare(uow: UnitOfWork, opened: OpenedLink, form: Any, attempts: Sequence[Attempt]) -> Any:
    """Hash and the like, before anything is written; what was read until here is read again afterwards."""
    uow.release()
    if opened.link.prepare is None:
        return form
    # Counted with the act; but who is over a limit already must not have passwords hashed.
    uow.site.throttle.check(*attempts)
    prepared = opened.link.prepare(uow, opened, form)
    uow.release()
    return prepared


def check_account(opened: OpenedLink, current: CurrentAccount | None) -> None:
    """Refuse to use a link in a browser in which somebody else is signed in.

    :raises WrongAccount: another account is signed in than the one that the link is about.
    """
    if current is None or not opened.subject.id:
        return
    account = opened.subject.account
    if account is None or account.id != current.id:
        raise WrongAccount("another account is signed in")


def _check_session(current: CurrentAccount | None) -> None:
    if current is None:
        raise NotSignedIn("no live session")
    current.require_terms()
    step_up.require_step_up(current)


def _act_once(
    uow: UnitOfWork,
    opened: OpenedLink,
    act: Callable[[UnitOfWork, OpenedLink, Any], ActResult],
    prepared: Any,
    current: CurrentAccount | None,
) -> tuple[ActResult, Session | None, bool]:
    link = opened.link
    if link.single_use and not uow.spend(
        opened.claims.spent_id, uow.site.link_signer.keep_spent_until(opened.expires_at)
    ):
        raise LinkUsed(f"{opened.link_id} was used at the same moment")
    result = act(uow, opened, prepared)
    _prove_address(uow, opened, result)
    session = _open_session(uow, result, current)
    account = result.sign_in_as
    terms_accepted = account is None or uow.site.settings.are_terms_accepted(account.terms_version)
    uow.count_opened(opened.claims, opened.expires_at)
    uow.session.flush()
    if not _is_used_up(uow, opened):
        parts = ", ".join(part.name for part in link.dies_with)
        raise LinkNotUsedUp(
            f"the act of Link(purpose={link.purpose!r}) changed none of dies_with ({parts}) and spent nothing: "
            "the link could be used again. Change one of them in the act, or declare single_use=True."
        )
    return result, session, terms_accepted


def _prove_address(uow: UnitOfWork, opened: OpenedLink, result: ActResult) -> None:
    """Note that the mailbox of an account is its own: links about an account are mailed to its address alone."""
    account = opened.subject.account
    if opened.link.about == "account" and account is not None and account.email_unproven:
        account.email_unproven = False
    if opened.is_unreachable:
        # The email has arrived: what came back before says nothing any more.
        email_key = account.email_key if account is not None else accounts.get_email_key(opened.subject.id)
        unreachable.clear_mark(uow, email_key, result.account_id)


def _is_used_up(uow: UnitOfWork, opened: OpenedLink) -> bool:
    if opened.link.single_use or uow.site.link_signer.moved_parts(opened.claims, opened.subject):
        return True
    # Acts may write past the objects of the session: what the database holds now is what counts.
    uow.session.expire_all()
    return is_used_up(uow, opened.claims)


def _open_session(uow: UnitOfWork, result: ActResult, current: CurrentAccount | None) -> Session | None:
    account = result.sign_in_as
    if account is None:
        return None
    if current is not None and current.id == result.account_id:
        return sessions.renew_session(uow, account.id, account.auth_epoch, current.session)
    return sessions.open_session(uow, account, result.amr)
