"""Use a mailed link: open it, read what its form says, act in one transaction, count it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from accounts.core.database.spent import is_spent
from accounts.core.errors import DeadLink, LinkUsed, NotSignedIn, WrongAccount
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import REVOKED_SUFFIX, find_subject, open_link
from accounts.core.signing import key_usage
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions.session import CurrentAccount, Session
from accounts.flows.sign_in import step_up


class LinkNotUsedUp(RuntimeError):
    """A declaration of a link is wrong: its act leaves the link as valid as it was."""


@dataclass(frozen=True, slots=True)
class UsedLink:
    """What the use of a link has done.

    :ivar opened: the link as it was before the act.
    :ivar session: the new session of this browser; None where it stays as it is.
    """

    opened: OpenedLink
    result: ActResult
    session: Session | None


def use_link(
    uow: UnitOfWork,
    link: Link,
    token: object,
    read_form: Callable[[OpenedLink], Any],
    current: CurrentAccount | None,
    *,
    act: Callable[[UnitOfWork, OpenedLink, Any], ActResult] | None = None,
) -> UsedLink:
    """Do what a link says, once.

    :param read_form: return the validated form for an opened link. It runs before the transaction.
    :param current: who is signed in in this browser. Loaded by the caller before the link is opened: nobody may hold
        one connection while waiting for a second.
    :param act: what to do instead of the act that the link declares, in the same transaction.
    :raises DeadLink: the link is not valid, or not valid any more.
    :raises WrongAccount: another account is signed in than the one that the link is about.
    :raises NotSignedIn, ConfirmationRequired: the link needs a session of its account, with a fresh proof.
    :raises LinkNotUsedUp: the act left the link valid; all that it did is rolled back.
    """
    opened = open_link(uow, link, token)
    form = read_form(opened)
    # Hashing and the like, before anything is written; what was read until here is read again afterwards.
    prepared = link.prepare(uow, opened, form)
    uow.release()

    def work() -> tuple[ActResult, Session | None]:
        # Opened once more inside the transaction: whoever lost a race is told what has become of the link.
        reopened = open_link(uow, link, token)
        check_account(reopened, current)
        if link.needs_session:
            _check_session(current)
        result = _act_once(uow, reopened, act or link.act, prepared)
        key_usage.count_opened(uow.executor, reopened.claims.signed_token.key, link.purpose)
        return result, _open_session(uow, result, current)

    result, session = uow.attempt(work)
    return UsedLink(opened, result, session)


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
    step_up.require_step_up(current)


def _act_once(
    uow: UnitOfWork, opened: OpenedLink, act: Callable[[UnitOfWork, OpenedLink, Any], ActResult], prepared: Any
) -> ActResult:
    link = opened.link
    if link.single_use and not uow.spend(
        opened.claims.spent_id, uow.site.link_signer.keep_spent_until(opened.expires_at)
    ):
        raise LinkUsed(f"{opened.link_id} was used at the same moment")
    result = act(uow, opened, prepared)
    uow.session.flush()
    if not _is_used_up(uow, opened):
        parts = ", ".join(part.name for part in link.dies_with)
        raise LinkNotUsedUp(
            f"the act of Link(purpose={link.purpose!r}) changed none of dies_with ({parts}) and spent nothing: "
            "the link could be used again. Change one of them in the act, or declare single_use=True."
        )
    return result


def _is_used_up(uow: UnitOfWork, opened: OpenedLink) -> bool:
    link, claims = opened.link, opened.claims
    if link.single_use:
        return True
    if uow.site.link_signer.moved_parts(claims, opened.subject):
        return True
    id = claims.spent_id
    if id and (is_spent(uow.executor, id) or is_spent(uow.executor, id + REVOKED_SUFFIX)):
        return True
    # Acts may write past the objects of the session: what the database holds now is what counts.
    uow.session.expire_all()
    try:
        subject = find_subject(uow, link, claims)
    except DeadLink:
        return True
    return bool(uow.site.link_signer.moved_parts(claims, subject))


def _open_session(uow: UnitOfWork, result: ActResult, current: CurrentAccount | None) -> Session | None:
    if result.sign_in_as is None:
        return None
    if current is not None and current.id == result.account_id:
        return sessions.renew_session(uow, result.sign_in_as, current.session)
    return sessions.open_session(uow, result.sign_in_as, result.amr)
