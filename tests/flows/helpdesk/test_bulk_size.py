"""What an act on many accounts costs: statements for each account, plans, and what is held meanwhile."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from accounts.flows.helpdesk import bulk, bulk_run
from accounts.flows.helpdesk.bulk_form import BULK_ACTIONS, MAX_BULK_ACCOUNTS, BulkRowsForm
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.helpdesk.bulk_acts import count_act, do_act, make_accounts, make_act
from tests.flows.steps import create_first_admin
from tests.people import Service

STATEMENTS_PER_ACCOUNT = {
    "add-groups": 1,
    "remove-groups": 4,
    "disable": 4,
    "enable": 5,
    "sign-out": 3,
    "send-reset": 1,
}
"""Of one account more. Where sessions end, apps that know them, and apps of which only a consent is left, are looked
up and told; enabling counts what else there is to take away."""
STATEMENTS_PER_ACT = 30


@on_both_databases
def test_freezing_takes_one_statement_and_judging_a_few_for_five_hundred(service: Service) -> None:
    admin = create_first_admin(service)
    make_accounts(service, 1200)
    with service.record_statements() as seen:
        act = make_act(admin.uow(), "sign-out")
    assert len([each for each in seen if "INSERT INTO bulk_act_accounts" in each]) == 1
    assert len(seen) < 40
    counts = count_act(service, act.id)
    assert (counts.due, counts.skipped) == (1200, {"yourself": 1})


@on_both_databases
@pytest.mark.parametrize("action", BULK_ACTIONS)
def test_an_account_more_costs_a_few_statements(service: Service, action: str) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 40, group="staff")
    groups = {"add-groups": ["club"], "remove-groups": ["staff"]}.get(action, [])
    if action == "enable":
        for each in ids:
            accounts.disable_account(service.uow(), each)
    seen_by_size: dict[int, int] = {}
    for people in (ids[:10], ids[10:]):
        act = make_act(admin.uow(), action, people, groups=groups)
        with service.record_statements() as seen:
            do_act(admin.uow(), act.id)
        seen_by_size[len(people)] = len(seen)
        assert count_act(service, act.id).done == len(people)
    each_more = (seen_by_size[30] - seen_by_size[10]) / 20
    assert each_more <= STATEMENTS_PER_ACCOUNT[action], seen_by_size
    assert seen_by_size[10] - 10 * each_more <= STATEMENTS_PER_ACT


def test_an_act_holds_nothing_between_two_steps(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_run, "ACCOUNTS_PER_TRANSACTION", 5)
    admin, ids = create_first_admin(service), make_accounts(service, 12)
    act = make_act(admin.uow(), "sign-out", ids)
    steps = bulk_run.run_bulk_act(service.site, admin.uow().request_info, act.id, admin.row.auth_epoch)
    for _ in steps:
        pool: Any = service.site.store.engine.pool
        assert pool.checkedout() == 0


def test_pages_of_an_act_come_in_the_order_of_its_set(service: Service) -> None:
    admin = create_first_admin(service)
    ids = make_accounts(service, 7)
    act = make_act(admin.uow(), "sign-out", q="crowd")
    seen: list[str | None] = []
    after: str | None = ""
    while after is not None:
        page = bulk.list_bulk_rows(service.uow(), act.id, BulkRowsForm(after=after, limit=3))
        seen, after = seen + [row.account for row in page.rows], page.next
    assert seen == ids, "by address"


@pytest.mark.faults
@on_both_databases
def test_as_many_as_may_be_are_frozen_also_those_that_no_search_has_seen(service: Service) -> None:
    """The terms by which accounts are found are made by searches, some hundred accounts at a time."""
    make_accounts(service, MAX_BULK_ACCOUNTS)
    act = make_act(service.uow(), "sign-out", q="crowd")
    assert count_act(service, act.id).due == MAX_BULK_ACCOUNTS
    steps = bulk_run.run_bulk_act(service.site, service.uow().request_info, act.id)
    assert [step.left for step in itertools.islice(steps, 2)] == [MAX_BULK_ACCOUNTS, MAX_BULK_ACCOUNTS - 50]
    steps.close()
