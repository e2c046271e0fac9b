"""Making acts on many accounts and doing them, for tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models.account import Account, Membership
from accounts.core.models.audit import AuditRow
from accounts.core.models.bulk import BulkAct
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import bulk, bulk_run
from accounts.flows.helpdesk.bulk import BulkCounts
from accounts.flows.helpdesk.bulk_form import BulkActForm
from accounts.flows.shared.frozen_lists import ListProgress
from tests.people import Service


def make_accounts(service: Service, count: int, *, group: str = "", name: str = "crowd") -> list[str]:
    """Ids of accounts that were never signed up, in the order of their addresses; as fast as a table is filled."""
    shared = {"locale": "en", "status": "active", "auth_epoch": 1, "sign_in_serial": 0, "version": 1}
    ids = [new_id() for _ in range(count)]
    rows = [
        {
            "id": id,
            "email": email,
            "email_key": email,
            "name": f"{name.title()} {number}",
            "created_at": now(),
            **shared,
        }
        for number, id in enumerate(ids)
        if (email := f"{name}{number:05}@example.org")
    ]
    with service.site.store.engine.begin() as connection:
        connection.execute(insert(Account), rows)
        if group:
            connection.execute(insert(Membership), [{"account": id, "group": group} for id in ids])
    return ids


def make_act(uow: UnitOfWork, act: str, who: Sequence[str] = (), **data: Any) -> BulkAct:
    """An act about who is named, or about all that match."""
    scope = "ticked" if who else "matching"
    form = BulkActForm.model_validate({"act": act, "who": list(who), "scope": scope, **data})
    return bulk.create_bulk_act(uow, form).act


def do_act(uow: UnitOfWork, act_id: str, epoch: int | None = None) -> list[ListProgress]:
    """All steps of an act; of an admin, in a session of the epoch that they have now."""
    asker = uow.request_info.account_id
    if epoch is None and asker is not None:
        epoch = uow.session.get_one(Account, asker).auth_epoch
        uow.release()
    return list(bulk_run.run_bulk_act(uow.site, uow.request_info, act_id, epoch))


def count_act(service: Service, act_id: str) -> BulkCounts:
    with service.uow() as uow:
        return bulk.count_bulk_act(uow, act_id)


def results(service: Service, act_id: str) -> dict[str | None, str]:
    """Verdict and reason of each account, by its id."""
    with service.uow() as uow:
        return {row.account: f"{row.verdict} {row.reason}".strip() for row in bulk.list_bulk_rows(uow, act_id).rows}


def events_of(service: Service, act_id: str) -> Counter[str]:
    """How many lines of each kind the log has about an act."""
    with service.uow() as uow:
        rows = uow.session.execute(select(AuditRow.kind, AuditRow.facts))
        return Counter(kind for kind, facts in rows if facts and facts.get("bulk") == act_id)
