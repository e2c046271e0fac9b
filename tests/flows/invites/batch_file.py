"""Lists of people to invite, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import InviteBatch, SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import batches, sending
from accounts.flows.invites.batch_file import NewBatchForm
from accounts.flows.invites.search import InviteSearchForm, search_invites
from accounts.flows.shared.frozen_lists import ListProgress
from tests.people import Service


def batch_of(uow: UnitOfWork, people: str, name: str = "Spring", **more: Any) -> InviteBatch:
    """A list that was handed in, and nothing more."""
    return batches.create_batch(uow, NewBatchForm.model_validate({"name": name, "people": people, **more}))


def sent(uow: UnitOfWork, batch_id: str) -> list[ListProgress]:
    """Sends a batch to its end; every step on the way."""
    return list(sending.send_batch(uow.site, uow.request_info, batch_id))


def verdicts(uow: UnitOfWork, batch_id: str) -> list[tuple[str, str, str]]:
    """What is told of each row: address, verdict, reason."""
    return [(row.email, row.verdict, row.reason) for row in batches.list_batch_rows(uow, batch_id).rows]


def people(count: int, at: str = "crowd") -> str:
    return "\n".join(f"{at}{number:05}@example.org" for number in range(count))


def tally(service: Service, *kinds: str) -> dict[str, int]:
    """How many events of each kind there are."""
    query = select(AuditRow.kind, func.count()).where(AuditRow.kind.in_(kinds)).group_by(AuditRow.kind)
    return {row[0]: row[1] for row in service.uow().fetch_all(query)}


def once_each(service: Service) -> int:
    """How many were invited, each of them once, each with one letter due."""
    keys = [row[0] for row in service.uow().fetch_all(select(SentInvite.email_key))]
    letters = service.uow().fetch_all(select(func.count()).where(OutboxRow.purpose == "invite"))[0][0]
    assert len(keys) == len(set(keys)) == letters
    return len(keys)


def ledger(uow: UnitOfWork) -> Sequence[SentInvite]:
    """What was sent, newest first."""
    return search_invites(uow, InviteSearchForm()).rows
