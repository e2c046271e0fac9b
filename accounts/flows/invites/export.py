"""Export the links of a batch, for a mail merge or for printing.

Whoever has them can use them. So asking for them needs a step-up, and the audit log says who did before the first
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
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites.link import INVITE, INVITE_PURPOSE, choose_inviter_ids, make_invite_payload
from accounts.flows.invites.manage import INVITES_PER_TRANSACTION


@dataclass(frozen=True, slots=True)
class ExportedInvite:
    """An open invitation with a link of it."""

    email: str
    name: str
    groups: tuple[str, ...]
    locale: str
    expires_at: datetime
    url: str


def record_export(uow: UnitOfWork, batch_id: str, export_format: str) -> str:
    """Put into the log that somebody takes the links of a batch along; its name.

    :raises NotFound: there is no such batch.
    """
    with uow:
        batch = batches.find_batch(uow, batch_id)
        count_open = select(func.count()).where(SentInvite.batch_id == batch.id, SentInvite.state == "pending")
        facts = {"batch": batch.id, "form": export_format, "count": uow.session.scalar(count_open) or 0}
        uow.record_event("batch.exported", facts=facts)
        return batch.name


def iter_exported_invites(
    site: Site, request_info: RequestInfo, batch_id: str
) -> Generator[ExportedInvite, None, None]:
    """Yield the open invitations of a batch, each with a fresh link. In a unit of work of its own, some at a time."""
    after_id = ""
    with closing(UnitOfWork(site, request_info)) as uow:
        while True:
            chunk = _export_chunk(uow, batch_id, after_id)
            if not chunk:
                return
            after_id = chunk[-1][0]
            yield from (invite for _, invite in chunk)


def format_mail_merge(invites: Iterable[ExportedInvite]) -> Iterator[Sequence[str]]:
    """Invitations as rows for a mail merge, headings first."""
    yield ("email", "name", "groups", "language", "valid until", "link")
    for invite in invites:
        until = f"{invite.expires_at:%Y-%m-%d %H:%M} UTC"
        yield (invite.email, invite.name, ", ".join(invite.groups), invite.locale, until, invite.url)


def _export_chunk(uow: UnitOfWork, batch_id: str, after_id: str) -> list[tuple[str, ExportedInvite]]:
    statement = select(SentInvite).where(
        SentInvite.batch_id == batch_id, SentInvite.id > after_id, SentInvite.state == "pending"
    )
    with uow:
        rows = uow.session.scalars(statement.order_by(SentInvite.id).limit(INVITES_PER_TRANSACTION)).all()
        if not rows:
            return []
        link_signer, key = uow.site.link_signer, uow.site.ring.signing
        inviter_ids = choose_inviter_ids(uow, rows)
        uow.count_signed(key, INVITE_PURPOSE, max(row.expires_at for row in rows), times=len(rows))
        exported = []
        for row in rows:
            carried = make_invite_payload(row, inviter_ids[row.inviter_id])
            token = link_signer.sign(INVITE, Subject(row.email, None), carried, key=key)
            url = link_signer.link_url(INVITE, token)
            groups = tuple(row.groups)
            exported.append((row.id, ExportedInvite(row.email, row.name, groups, row.locale, row.expires_at, url)))
    return exported
