"""What a link for several people says, signed: nothing of it is looked up when the link is opened.

Stored are the two things that cannot be signed: how many places are taken, and whether it was taken back
(:class:`~accounts.core.models.shared_invites.SharedInvite`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from accounts.config_sign_up import is_domain_listed
from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.link_errors import InviteEnded, InviteFull, LinkInvalid, LinkRevoked, LinkUsed
from accounts.core.links.opening import check_not_before_restore
from accounts.core.models.account import ADMIN_GROUP
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.signing.token_kind import BadToken, SignedToken, TokenKind
from accounts.core.uow import UnitOfWork
from accounts.flows.invites.link import check_inviter
from accounts.flows.shared.fields import Form

MAX_SHARED_LIFE = timedelta(days=180)
"""From its making until the last end that it can be extended to. Who has used it is remembered as long."""


class SharedTerms(Form):
    """What a link for several people says.

    :ivar places: how many people can use it.
    :ivar ends: when it ends, in seconds since 1970.
    :ivar inviter: the account whose right to invite it depends on; "" for the console.
    :ivar locale: the language of its page; "" for that of whoever reads it.
    :ivar domain: the domain that addresses have to be of; "" for any (:mod:`accounts.config_sign_up`).
    :ivar signed: when the link was signed, in seconds since 1970: no part of the payload, which has that beside it.
    """

    id: str
    places: int
    ends: int
    groups: list[str]
    inviter: str
    locale: str
    domain: str
    title: str
    next: str
    signed: int = 0

    def takes(self, email_key: str) -> bool:
        """Return whether an address, in its unique form, is of its domain."""
        return not self.domain or is_domain_listed(email_key, (self.domain,))

    @property
    def ends_at(self) -> datetime:
        """When it ends."""
        return datetime.fromtimestamp(self.ends, UTC)


_SIGNED_FIELDS = tuple(name for name in SharedTerms.model_fields if name != "signed")


def _encode(terms: SharedTerms) -> list[Any]:
    return [getattr(terms, name) for name in _SIGNED_FIELDS]


def _decode(token: SignedToken) -> SharedTerms:
    values = dict(zip(_SIGNED_FIELDS, token.payload, strict=True))
    return SharedTerms(**values, signed=int(token.issued_at.timestamp()))


SHARED_INVITE = TokenKind(purpose="shared-invite", payload=SharedTerms, encode=_encode, decode=_decode)
"""A token and no link of :data:`accounts.flows.LINKS`: those are mailed to one person and die of their first use."""


def read_shared_link(uow: UnitOfWork, token: object) -> SharedTerms:
    """Return what a link for several people says. Whether it holds now is not judged, and nothing is looked up.

    :raises LinkInvalid: it was not signed here as one.
    """
    try:
        return uow.site.signer.verify(SHARED_INVITE, token if isinstance(token, str) else "")
    except BadToken as error:
        raise LinkInvalid(str(error)) from None


def check_terms(uow: UnitOfWork, terms: SharedTerms) -> SharedInvite:
    """Check that a link for several people can be used now, and return its row. Changes nothing.

    State is judged before age: "taken back" helps more than "too old".

    :raises LinkInvalid: it would make admins.
    :raises LinkRevoked: it was taken back, or its inviter may not invite any more.
    :raises LinkUsed: it is not known any more, or a backup was put back since it was signed.
    :raises InviteEnded: its end has come.
    :raises InviteFull: all places are taken.
    """
    if ADMIN_GROUP in terms.groups:
        raise LinkInvalid("nobody becomes an admin by a link for several people")
    row = uow.session.get(SharedInvite, terms.id)
    if row is None:
        raise LinkUsed("how many have used it is not known any more")
    if row.revoked_at is not None:
        raise LinkRevoked(f"{terms.id} was revoked")
    signed_at = datetime.fromtimestamp(terms.signed, UTC)
    check_not_before_restore(uow, signed_at)
    if now() > terms.ends_at:
        raise InviteEnded(f"{terms.id} was good until {terms.ends_at.isoformat()}")
    check_inviter(uow, terms.inviter, signed_at, terms.groups)
    if row.uses >= terms.places:
        raise InviteFull(f"{row.uses} of {terms.places} places are taken")
    return row


def make_place_id(uow: UnitOfWork, invite_id: str, email_key: str) -> str:
    """Return the id by which an address takes one place and no second one. No address stands in it."""
    return _make_place_ids(uow, invite_id, email_key)[uow.site.ring.signing.name]


def has_place(uow: UnitOfWork, invite_id: str, email_key: str, account_id: str = "") -> bool:
    """Return whether an address, or an account, has a place already."""
    ids = [*_make_place_ids(uow, invite_id, email_key).values()]
    if account_id:
        ids.append(_account_place_id(invite_id, account_id))
    return any(spent.is_spent(uow.executor, f"place:{id}") for id in ids)


def mark_place(uow: UnitOfWork, row: SharedInvite, *, email_key: str = "", account_id: str = "") -> None:
    """Keep an address, or an account, from taking a second place, in the transaction in which it takes the first.

    :raises LinkUsed: it has one.
    """
    ids = [*_make_place_ids(uow, row.id, email_key).values()] if email_key else []
    if account_id:
        ids.append(_account_place_id(row.id, account_id))
    until = row.created_at + MAX_SHARED_LIFE + timedelta(days=1)
    marks = {f"place:{id}": until for id in ids}
    if len(spent.spend_each(uow.session, marks)) < len(marks):
        raise LinkUsed("has a place already")


def _make_place_ids(uow: UnitOfWork, invite_id: str, email_key: str) -> dict[str, str]:
    """Return the id of a place under each key of the ring: a link is judged under the key that signed it."""
    signer = uow.site.signer
    value = ["place", invite_id, email_key]
    return {key.name: signer.tag(key, value, 16).hex() for key in uow.site.ring.newest_first()}


def _account_place_id(invite_id: str, account_id: str) -> str:
    return f"{invite_id}:{account_id}"
