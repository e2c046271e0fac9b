"""How the next letter is found while lists of thousands wait, by the plans that a database makes of what is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import Table

from accounts.core import outbox, outbox_claims
from accounts.core.clock import now
from accounts.core.database import sql
from accounts.core.ids import new_id
from accounts.core.mail_lanes import BULK, CALLS, DIRECT, MAIL_LANES
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from tests.conftest import on_both_databases
from tests.flows.test_plans import explain
from tests.kit.statements import record_statements
from tests.people import Service

LETTERS, BATCHES = 10_000, 5
FEW = 100


def queue_lists(service: Service) -> None:
    """Have some lists wait for their turn, and a few letters of each other lane for their next try."""
    moment, table = now(), OutboxRow.__table__
    assert isinstance(table, Table)
    rows = [
        {"id": new_id(), "purpose": "invite", "subject": new_id(), "facts": {}, "locale": "en", "lane": BULK,
         "batch": f"list{number % BATCHES}", "not_before": moment - timedelta(seconds=number)}
        for number in range(LETTERS)
    ]  # fmt: skip
    for number in range(0, LETTERS, LETTERS // FEW):
        lane = (*MAIL_LANES, CALLS)[number % 4]
        rows[number] |= {"lane": lane, "batch": None, "not_before": moment + timedelta(hours=1)}
    with service.site.store.engine.begin() as connection:
        sql.insert_rows(connection, table, rows)
        connection.exec_driver_sql("ANALYZE")


def claim(service: Service, uow: UnitOfWork) -> object:
    with uow:
        return outbox_claims.claim_item(uow.executor, (DIRECT, BULK))


CASES: dict[str, Callable[[Service, UnitOfWork], object]] = {
    "claim": claim,
    "look": lambda service, uow: outbox_claims.has_due_item(service.site.store.engine, (DIRECT, BULK)),
    "oldest": lambda service, uow: outbox_claims.find_oldest_due(service.site.store.engine),
    "oldest of a list": lambda service, uow: outbox_claims.find_oldest_due(service.site.store.engine, BULK),
    "counts": lambda service, uow: outbox.count_items(service.site.store.engine),
}


@on_both_databases
def test_one_letter_is_found_among_thousands_without_reading_or_sorting_them(service: Service) -> None:
    queue_lists(service)
    for name, work in CASES.items():
        with record_statements(service.site.store.engine) as statements:
            work(service, service.uow())
        steps = explain(service, statements, is_free=True)
        read = [step for step in steps if re.search(r"Seq Scan on outbox|SCAN outbox|Sort Key: .*not_before", step)]
        # To count all reads all, once.
        assert len(read) <= (name == "counts"), (name, steps)
