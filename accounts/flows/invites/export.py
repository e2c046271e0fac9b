"""Export the links of a batch, for a mail merge or for printing, in the order in which somebody hands them out.

Whoever has them can use them. So asking for them needs a step-up, and the audit log says who did before the first
goes out.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import Field
from sqlalchemy import select

from accounts.core.audit.log import RequestInfo
from accounts.core.database import sql
from accounts.core.link_kinds.parts import Subject
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches
from accounts.flows.invites.inviters import choose_inviter_ids
from accounts.flows.invites.link import INVITE, INVITE_PURPOSE, make_invite_payload
from accounts.flows.invites.manage import INVITES_PER_TRANSACTION
from accounts.flows.shared import app_targets
from accounts.flows.shared.fields import Form

ORDERS = ("line", "name", "email", "group")


class ExportInvitesForm(Form):
    """Which open invitations of a batch, and in which order.

    By ``group``, those with the same groups come together, so that each letter is there once, and a class that is in
    one more group than another stays a pile of its own.
    """

    order: Literal["line", "name", "email", "group"] = "line"
    group: str = Field(default="", max_length=64, description="only those that are invited into this group")


@dataclass(frozen=True, slots=True)
class ExportedInvite:
    """An open invitation with a link of it.

    :ivar line: where it stood in the list; 0 where that is not known.
    :ivar app: name of the app that it leads to, "" for none.
    """

    email: str
    name: str
    groups: tuple[str, ...]
    locale: str
    expires_at: datetime
    url: str
    line: int
    inviter: str
    app: str
    message: str


def record_export(uow: UnitOfWork, batch_id: str, export_format: str, form: ExportInvitesForm) -> str:
    """Put into the log that somebody takes links of a batch along; its name.

    :raises NotFound: there is no such batch.
    """
    with uow:
        batch = batches.find_batch(uow, batch_id)
        count = len(_list_open_ids(uow, batch.id, form))
        uow.record_event("batch.exported", facts={"batch": batch.id, "form": export_format, "count": count})
        return batch.name


def iter_exported_invites(
    site: Site, request_info: RequestInfo, batch_id: str, form: ExportInvitesForm
) -> Generator[ExportedInvite, None, None]:
    """Yield the open invitations of a batch, each with a fresh link. In a unit of work of its own, some at a time."""
    with closing(UnitOfWork(site, request_info)) as uow:
        with uow:
            # Of a whole batch only the ids, two megabytes at most: no index knows names as people sort them.
            ids = _list_open_ids(uow, batch_id, form)
        for chunk in sql.iter_batches(ids, INVITES_PER_TRANSACTION):
            yield from _export_chunk(uow, chunk)


def format_mail_merge(invites: Iterable[ExportedInvite]) -> Iterator[Sequence[str]]:
    """Invitations as rows for a mail merge, headings first."""
    yield ("email", "name", "groups", "language", "valid until", "link", "line", "app", "message")
    for invite in invites:
        until = f"{invite.expires_at:%Y-%m-%d %H:%M} UTC"
        groups, line = ", ".join(invite.groups), str(invite.line or "")
        yield (
            invite.email, invite.name, groups, invite.locale, until, invite.url, line, invite.app, invite.message
        )  # fmt: skip


def find_account_names(uow: UnitOfWork, account_ids: Iterable[str]) -> dict[str, str]:
    """Return the names of accounts by their ids, of those that have one."""
    statement = select(Account.id, Account.name).where(Account.id.in_(set(account_ids)))
    return {row.id: row.name for row in uow.session.execute(statement) if row.name}


def sort_key(order: str, row: Any) -> tuple[Any, ...]:
    """Return what an invitation is sorted by.

    Those from before lines were kept stand in the order in which they were made, which is that of the list.

    :param row: with the columns of ``SentInvite`` that are asked for here.
    """
    by_line = (row.line, row.created_at, row.id)
    names = (_fold(row.name), row.email_key)
    first: dict[str, tuple[Any, ...]] = {
        "line": (),
        "name": (not row.name, *names),
        "email": (row.email_key,),
        "group": (not row.groups, [_fold(group) for group in row.groups], not row.name, *names),
    }
    return first[order] + by_line


def _fold(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _select_open(batch_id: str) -> Any:
    columns = (SentInvite.id, SentInvite.line, SentInvite.created_at, SentInvite.name, SentInvite.email_key)
    return select(*columns, SentInvite.groups).where(SentInvite.batch_id == batch_id, SentInvite.state == "pending")


def _list_open_ids(uow: UnitOfWork, batch_id: str, form: ExportInvitesForm) -> list[str]:
    rows = [row for row in uow.session.execute(_select_open(batch_id)) if not form.group or form.group in row.groups]
    return [row.id for row in sorted(rows, key=lambda row: sort_key(form.order, row))]


def _export_chunk(uow: UnitOfWork, ids: Sequence[str]) -> list[ExportedInvite]:
    with uow:
        # Once more whether they are open: somebody may have accepted since the ids were read.
        statement = select(SentInvite).where(SentInvite.id.in_(ids), SentInvite.state == "pending")
        found = {row.id: row for row in uow.session.scalars(statement)}
        rows = [found[id] for id in ids if id in found]
        if not rows:
            return []
        key, apps = uow.site.ring.signing, app_targets.find_app_names(uow, [row.next for row in rows])
        inviter_ids = choose_inviter_ids(uow, rows)
        names = find_account_names(uow, inviter_ids.values())
        uow.count_signed(key, INVITE_PURPOSE, max(row.expires_at for row in rows), times=len(rows))
        exported = []
        for row in rows:
            inviter_id = inviter_ids[row.inviter_id]
            carried = make_invite_payload(row, inviter_id)
            token = uow.site.link_signer.sign(INVITE, Subject(row.email, None), carried, key=key)
            exported.append(
                ExportedInvite(
                    email=row.email,
                    name=row.name,
                    groups=tuple(row.groups),
                    locale=row.locale,
                    expires_at=row.expires_at,
                    url=uow.site.link_signer.link_url(INVITE, token),
                    line=row.line,
                    inviter=names.get(inviter_id, ""),
                    app=apps.get(row.next, ""),
                    message=row.message,
                )
            )
        return exported
