"""Lists of people to invite, for tests."""

from __future__ import annotations

from typing import Any

from accounts.core.models_invites import InviteBatch
from accounts.core.uow import UnitOfWork
from accounts.flows import invite_batches, invite_sending
from accounts.flows.invite_lists import NewBatch
from accounts.flows.invite_sending import Step


def batch_of(uow: UnitOfWork, people: str, name: str = "Spring", **more: Any) -> InviteBatch:
    """A list that was handed in, and nothing more."""
    return invite_batches.create(uow, NewBatch.model_validate({"name": name, "people": people, **more}))


def sent(uow: UnitOfWork, batch_id: str) -> list[Step]:
    """Sends a batch to its end; every step on the way."""
    return list(invite_sending.send(uow.house, uow.asker, batch_id))


def verdicts(uow: UnitOfWork, batch_id: str) -> list[tuple[str, str, str]]:
    """What is told of each row: address, verdict, reason."""
    return [(row.email, row.verdict, row.reason) for row in invite_batches.rows(uow, batch_id)]
