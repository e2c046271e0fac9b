"""Join with a sign-in of another service: instead of a password, where a mailed link has proven the mailbox.

What another service says of an address proves nothing, whatever it says of it: whoever runs an issuer, or has an
account there, can name any. A link for several people, which is mailed to nobody, takes the address from there as if
it had been typed: the email that goes to it proves the mailbox.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from accounts.core.errors import Conflict, Forbidden, IdentityTaken, InvalidInput
from accounts.core.links.link import ActResult, Link, OpenedLink
from accounts.core.links.opening import open_link
from accounts.core.messages import N_
from accounts.core.models.account import Account
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import join as shared_invites
from accounts.flows.invites.join import JOIN, JoinForm
from accounts.flows.invites.link import INVITE
from accounts.flows.invites.shared_terms import SHARED_INVITE, SharedTerms, read_shared_link
from accounts.flows.sessions.session import CurrentAccount
from accounts.flows.shared.accounts import NoPassword
from accounts.flows.shared.validation import validate
from accounts.flows.upstream import identities
from accounts.flows.upstream.provider import UpstreamUser
from accounts.flows.upstream.waiting import PendingAction
from accounts.flows.use_link import UsedLink, check_account, use_link

JOIN_LINKS: Mapping[PendingAction, Link] = {"join": INVITE, "join-shared": JOIN}
"""The kinds of mailed links that make an account, by what somebody sets out to do with one."""
ASK_TO_JOIN: PendingAction = "ask-to-join"
PURPOSES: Mapping[PendingAction, str] = {
    **{action: link.purpose for action, link in JOIN_LINKS.items()},
    ASK_TO_JOIN: SHARED_INVITE.purpose,
}
"""Of which link somebody makes use, by what they set out to do."""
ACTIONS: Mapping[str, PendingAction] = {purpose: action for action, purpose in PURPOSES.items()}
NO_ADDRESS_MESSAGE = N_("The other service doesn't share your email address. Enter it here.")


def read_terms(uow: UnitOfWork, action: PendingAction, token: object) -> SharedTerms | None:
    """Return what the link for several people says by which somebody joins; None where it is an invitation.

    :raises LinkInvalid: it was not signed here.
    """
    if action == ASK_TO_JOIN:
        return read_shared_link(uow, token)
    if JOIN_LINKS[action] is not JOIN:
        return None
    terms: SharedTerms = uow.site.link_signer.verify(JOIN, token).carried
    return terms


def open_join_link(uow: UnitOfWork, link: Link, token: object, current: CurrentAccount | None) -> OpenedLink:
    """Return a mailed link by which somebody may join with a sign-in of another service.

    :raises DeadLink: it is not valid.
    :raises WrongAccount: somebody is signed in, and the link is for somebody else.
    :raises Forbidden: it is the first admin's, or an account holds its address.
    """
    opened = open_link(uow, link, token)
    uow.release()
    check_account(opened, current)
    if not opened.subject.id or opened.subject.account is not None:
        raise Forbidden("the first admin chooses a password, and who has an account signs in to it")
    return opened


def join_by_identity(
    uow: UnitOfWork,
    link: Link,
    token: object,
    link_id: str,
    user: UpstreamUser,
    current: CurrentAccount | None,
    *,
    terms: str = "",
) -> UsedLink:
    """Use a mailed link with a sign-in instead of a password: the link proves the mailbox.

    :param link: one of ``JOIN_LINKS``.
    :param token: the link of this kind that is open in this browser.
    :param link_id: the link that this visit was begun for.
    :param current: who is signed in in this browser.
    :param terms: the version of the terms that was accepted when they set out; "" for none.
    :returns: with the session of the new account.
    :raises DeadLink: the link is not valid any more, or the last place was taken at the same moment.
    :raises WrongAccount: somebody is signed in, and the link is for somebody else.
    :raises IdentityTaken: the sign-in is connected to another account.
    """

    def check_opened(opened: OpenedLink) -> None:
        if opened.link_id != link_id:
            raise Conflict("another link was opened meanwhile")

    def act(uow: UnitOfWork, opened: OpenedLink, form: object) -> ActResult:
        if identities.find_identity(uow, user) is not None:
            raise IdentityTaken("connected to another account")
        result = link.act(uow, opened, NoPassword(user.name, terms))
        if result.sign_in_as is None:
            raise Conflict("an account holds the address by now")
        identities.add_identity(uow, result.sign_in_as, user)
        return replace(result, amr=identities.UPSTREAM_AMR)

    used = use_link(uow, link, token, check_opened, current, act=act)
    if used.session is None:
        raise Conflict("an account holds the address by now")
    return used


def request_join(uow: UnitOfWork, token: object, link_id: str, user: UpstreamUser) -> None:
    """Ask to join by a link for several people, at the address that another service has of its user.

    Whoever has connected the sign-in is written to at the address of that account.

    :param token: the link for several people that is open in this browser.
    :param link_id: the one that this visit was begun for.
    :raises DeadLink: the link does not hold, or all places are taken.
    :raises InvalidInput: there is no address, none that mail goes to, or none of the link's domain.
    :raises TooManyRequests: alike for addresses with and without an account.
    """
    if read_shared_link(uow, token).id != link_id:
        raise Conflict("another link was opened meanwhile")
    identity = identities.find_identity(uow, user)
    email = uow.session.get_one(Account, identity.account_id).email if identity else user.email
    uow.release()
    if not email:
        raise InvalidInput.for_field("no address from there", "email", "missing", NO_ADDRESS_MESSAGE)
    shared_invites.request_join(uow, token, validate(JoinForm, {"email": email}))
