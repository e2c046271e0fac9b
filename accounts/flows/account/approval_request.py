"""Say what a request for an account is, and how the links to the admins carry it: nowhere else is it kept.

Links are signed and can be read by whoever holds one, and by every log of addresses on the way. So who the applicant
is stands in them encrypted, under the key ring of this installation.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from accounts.core.clock import now
from accounts.core.link_errors import LinkInvalid
from accounts.core.signing import encryption
from accounts.core.signing.encryption import DecryptionFailed
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import Form

REVIEW_PURPOSE = "review-request"
MAX_CARRIED_BYTES = 1440
"""Of what was typed and where it leads: a link with more would be longer than a token may be."""


class AccountRequest(Form):
    """A request for an account.

    :ivar id: the same in all links of the request. It is spent when somebody decides.
    :ivar expires: seconds since 1970, the same for all of them, whenever their letters go out.
    :ivar applicant: the address, whose mailbox was proven.
    :ivar asked_at: seconds since 1970.
    """

    id: str
    expires: int
    asked_at: int
    applicant: str
    name: str
    message: str
    locale: str
    next: str
    network: str


class ReviewPayload(Form):
    """What a link to an admin says in the clear, and what it says about the applicant (``sealed``)."""

    id: str
    expires: int
    asked_at: int
    sealed: str


SEALED_FIELDS = tuple(name for name in AccountRequest.model_fields if name not in ReviewPayload.model_fields)


def make_request(
    uow: UnitOfWork,
    applicant: str,
    lifetime: timedelta,
    *,
    id: str,
    name: str,
    message: str = "",
    next: str = "",
    locale: str = "",
) -> AccountRequest:
    """Return what the links to the admins say.

    :param lifetime: how long the admins have.
    :param next: where the applicant wanted to go. It is left out where it does not fit: who they are goes first.
    """
    asked_at: datetime = now()
    size = sum(len(text.encode()) for text in (name, message, next))
    return AccountRequest(
        id=id,
        expires=int((asked_at + lifetime).timestamp()),
        asked_at=int(asked_at.timestamp()),
        applicant=applicant,
        name=name,
        message=message,
        locale=locale or uow.request_info.locale,
        next=next if size <= MAX_CARRIED_BYTES else "",
        network=uow.request_info.network,
    )


def seal_request(uow: UnitOfWork, request: AccountRequest) -> ReviewPayload:
    """Return a request as a link carries it."""
    values = [getattr(request, name) for name in SEALED_FIELDS]
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    sealed = encryption.encrypt(uow.site.ring, REVIEW_PURPOSE, text)
    return ReviewPayload(id=request.id, expires=request.expires, asked_at=request.asked_at, sealed=sealed)


def read_request(uow: UnitOfWork, payload: ReviewPayload) -> AccountRequest:
    """Return the request that a link carries.

    :raises LinkInvalid: the key under which it was sealed has left the ring.
    """
    try:
        values = json.loads(encryption.decrypt(uow.site.ring, REVIEW_PURPOSE, payload.sealed))
    except DecryptionFailed as error:
        raise LinkInvalid(str(error)) from None
    return AccountRequest(
        id=payload.id,
        expires=payload.expires,
        asked_at=payload.asked_at,
        **dict(zip(SEALED_FIELDS, values, strict=True)),
    )
