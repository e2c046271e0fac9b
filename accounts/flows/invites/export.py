"""Links of a batch for whoever brings them to people otherwise: in a mail merge, or printed.

Whoever has them can use them. So asking for them needs a fresh proof, and the log says who did before the first
goes out.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from accounts.core.audit.log import RequestInfo
from accounts.core.link_kinds.parts import Subject
from accounts.core.models.invites import SentInvite
from accounts.core.signing import key_usage
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites.link import INVITE, PURPOSE, carried_of, voucher
from accounts.flows.invites.search import condition_of

CHUNK = 200


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation with a link of it."""

    email: str
    name: str
    groups: tuple[str, ...]
    locale: str
    expires_at: datetime
    url: str


def note(uow: UnitOfWork, batch_id: str, form: str) -> str:
    """Put into the log that somebody takes the links of a batch along; its name.

    :raises NotFound: there is no such batch.
    """
    with uow:
        batch = batches.find(uow, batch_id)
        open_ones = select(func.count()).where(SentInvite.batch_id == batch.id, *condition_of("pending"))
        facts = {"batch": batch.id, "form": form, "count": uow.session.scalar(open_ones) or 0}
        uow.record_event("batch.exported", facts=facts)
        return batch.name


def links(house: Site, asker: RequestInfo, batch_id: str) -> Generator[Invitation, None, None]:
    """The open invitations of a batch, each with a fresh link. In a unit of work of its own, some at a time."""
    last = ""
    with closing(UnitOfWork(house, asker)) as uow:
        while True:
            found = _some(uow, batch_id, last)
            if not found:
                return
            last = found[-1][0]
            yield from (each for _, each in found)


def table(found: Iterable[Invitation]) -> Iterator[Sequence[str]]:
    """Invitations as rows for a mail merge, headings first."""
    yield ("email", "name", "groups", "language", "valid until", "link")
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d %H:%M} UTC"
        yield (each.email, each.name, ", ".join(each.groups), each.locale, until, each.url)


def _some(uow: UnitOfWork, batch_id: str, last: str) -> list[tuple[str, Invitation]]:
    page = select(SentInvite).where(SentInvite.batch_id == batch_id, SentInvite.id > last, *condition_of("pending"))
    with uow:
        rows = uow.session.scalars(page.order_by(SentInvite.id).limit(CHUNK)).all()
        if not rows:
            return []
        signer, key = uow.site.link_signer, uow.site.ring.signing
        vouchers = {inviter: voucher(uow, inviter) for inviter in {row.inviter_id for row in rows}}
        key_usage.count_signed(uow.session, key, PURPOSE, max(row.expires_at for row in rows), times=len(rows))
        found = []
        for row in rows:
            carried = carried_of(row, vouchers[row.inviter_id])
            token = signer.sign(INVITE, Subject(row.email, None), carried, key=key)
            url = signer.link_url(INVITE, token)
            groups = tuple(row.groups)
            found.append((row.id, Invitation(row.email, row.name, groups, row.locale, row.expires_at, url)))
    return found
