"""Acts on many accounts that are begun twice, broken off, or overtaken by what happens meanwhile."""

from __future__ import annotations

import itertools
from collections import Counter
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from accounts.core.errors import Forbidden, LastAdmin, NotFound
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.audit import AuditRow
from accounts.core.models.bulk import BulkAct
from accounts.core.models.outbox import OutboxRow
from accounts.flows.account import close_account
from accounts.flows.helpdesk import bulk, bulk_run
from accounts.flows.helpdesk.bulk import DiscardedAct
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from accounts.flows.shared.frozen_lists import LIST_RETENTION
from tests.conftest import on_both_databases
from tests.flows.helpdesk.bulk_acts import count_act, do_act, events_of, make_accounts, make_act, results
from tests.flows.steps import Member, create_first_admin, sign_up_member
from tests.kit.concurrency import outcome_of, run_concurrently
from tests.people import Service

pytestmark = on_both_databases


@pytest.fixture(autouse=True)
def few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_run, "ACCOUNTS_PER_TRANSACTION", 5)


def second_admin(service: Service) -> Member:
    member = sign_up_member(service, "second")
    accounts.set_groups(service.uow(), member.id, [ADMIN_GROUP])
    return member


def epoch_of(member: Member) -> int:
    return member.row.auth_epoch


def begin(member: Member, act_id: str) -> Any:
    """The steps of an act, of which two are done: nothing, and the first five accounts."""
    steps = bulk_run.run_bulk_act(member.service.site, member.uow().request_info, act_id, epoch_of(member))
    assert [step.done for step in itertools.islice(steps, 2)] == [0, 5]
    return steps


def test_whoever_is_interrupted_goes_on_and_nothing_is_done_twice(service: Service) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 12)
    act = make_act(admin.uow(), "sign-out", ids)
    begin(admin, act.id).close()
    assert [step.done for step in do_act(admin.uow(), act.id)] == [5, 10, 12, 12]
    assert events_of(service, act.id) == {"bulk.made": 1, "sign-out.everywhere": 12, "bulk.done": 1}
    with service.uow() as uow:
        epochs = Counter(uow.session.scalars(select(Account.auth_epoch).where(Account.id.in_(ids))))
    assert epochs == {2: 12}


def test_four_who_do_one_act_at_once_take_turns(service: Service) -> None:
    first, second = create_first_admin(service), second_admin(service)
    ids = make_accounts(service, 33)
    act = make_act(first.uow(), "send-reset", ids)
    ends = run_concurrently(4, lambda number: do_act((first, second)[number % 2].uow(), act.id)[-1])
    assert {(step.done, step.left, step.finished) for step in ends} == {(33, 0, True)}
    assert events_of(service, act.id) == {"bulk.made": 1, "account.reset-sent": 33, "bulk.done": 1}


def test_two_acts_about_the_same_accounts_at_once_are_both_done(service: Service) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 20, group="staff")
    there = make_act(admin.uow(), "add-groups", ids, groups=["club"])
    back = make_act(admin.uow(), "remove-groups", ids[::-1], groups=["staff"])
    run_concurrently(2, lambda number: do_act(admin.uow(), (there, back)[number].id))
    with service.uow() as uow:
        groups = set(uow.session.scalars(select(Membership.group).where(Membership.account_id.in_(ids))))
    assert (groups, count_act(service, there.id).done, count_act(service, back.id).done) == ({"club"}, 20, 20)


def test_an_account_is_judged_as_it_is_when_its_turn_comes(service: Service) -> None:
    admin = create_first_admin(service)
    gone, off, joined, same = (sign_up_member(service, name) for name in ("gone", "off", "joined", "same"))
    people = [gone.id, off.id, joined.id, same.id]
    disable = make_act(admin.uow(), "disable", people)
    add = make_act(admin.uow(), "add-groups", people, groups=["staff"])
    assert count_act(service, disable.id).due == count_act(service, add.id).due == 4
    with service.uow() as uow:
        close_account.delete_account(uow, uow.session.get_one(Account, gone.id))
    accounts.disable_account(service.uow(), off.id)
    accounts.set_groups(service.uow(), joined.id, ["staff", "club"])
    do_act(admin.uow(), add.id)
    do_act(admin.uow(), disable.id)
    assert results(service, add.id) == {
        None: "skipped gone", off.id: "done", joined.id: "skipped member", same.id: "done",
    }  # fmt: skip
    assert results(service, disable.id) == {
        None: "skipped gone", off.id: "skipped disabled", joined.id: "done", same.id: "done",
    }  # fmt: skip
    assert joined.row.groups == ("club", "staff"), "what somebody else gave stays"


@pytest.mark.parametrize("how", ["demoted", "disabled", "signed out", "deleted"])
def test_who_loses_the_right_in_the_midst_does_nothing_more(service: Service, how: str) -> None:
    create_first_admin(service)
    admin, ids = second_admin(service), make_accounts(service, 12)
    steps = begin(admin, make_act(admin.uow(), "disable", ids).id)
    if how == "demoted":
        accounts.set_groups(service.uow(), admin.id, [])
    elif how == "disabled":
        accounts.disable_account(service.uow(), admin.id)
    elif how == "signed out":
        sessions.sign_out_everywhere(service.uow(), admin.id)
    else:
        with service.uow() as uow:
            close_account.delete_account(uow, uow.session.get_one(Account, admin.id))
    with pytest.raises(Forbidden):
        next(steps)
    with service.uow() as uow:
        status = Counter(uow.session.scalars(select(Account.status).where(Account.id.in_(ids))))
    assert status == {"disabled": 5, "active": 7}


def test_an_act_that_is_discarded_in_the_midst_is_over(service: Service) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 12)
    act = make_act(admin.uow(), "disable", ids)
    steps = begin(admin, act.id)
    assert bulk.discard_bulk_act(admin.uow(), act.id).left == 7
    with pytest.raises(NotFound):
        next(steps)


def count_letters(service: Service) -> Counter[str | None]:
    """How many letters wait of each act."""
    with service.uow() as uow:
        return Counter(uow.session.scalars(select(OutboxRow.batch)))


def test_letters_that_wait_are_cancelled_with_their_act_and_with_no_other(service: Service) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 12)
    act, other = make_act(admin.uow(), "send-reset", ids), make_act(admin.uow(), "send-reset", ids[:2])
    do_act(admin.uow(), other.id)
    steps = begin(admin, act.id)
    assert count_letters(service) == {act.id: 5, other.id: 2}
    with service.record_statements() as seen:
        assert bulk.discard_bulk_act(admin.uow(), act.id) == DiscardedAct(left=7, letters=5)
    assert len([each for each in seen if "DELETE FROM outbox" in each]) == 1
    with pytest.raises(NotFound):
        next(steps)
    assert count_letters(service) == {other.id: 2}
    with service.uow() as uow:
        facts = uow.session.scalars(select(AuditRow.facts).where(AuditRow.kind == "bulk.discarded")).one()
    assert facts == {"bulk": act.id, "act": "send-reset", "left": 7, "letters": 5}


def test_whoever_discards_an_act_while_it_is_done_leaves_none_of_its_letters(service: Service) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 40)
    act = make_act(admin.uow(), "send-reset", ids)
    steps = begin(admin, act.id)

    def do_or_discard(number: int) -> None:
        if number:
            bulk.discard_bulk_act(admin.uow(), act.id)
        else:
            with suppress(NotFound):
                list(steps)

    run_concurrently(2, do_or_discard)
    assert count_letters(service) == {}


def test_letters_of_an_act_that_is_forgotten_for_its_age_go_their_own_way(service: Service) -> None:
    admin = create_first_admin(service)
    act = make_act(admin.uow(), "send-reset", make_accounts(service, 2))
    do_act(admin.uow(), act.id)
    with service.uow() as uow:
        uow.session.get_one(BulkAct, act.id).touched_at -= LIST_RETENTION * 2
    bulk.delete_stale_bulk_acts(service.site)
    assert events_of(service, act.id)["bulk.discarded"] == 1
    assert count_letters(service) == {act.id: 2}


@pytest.mark.parametrize("action", ["disable", "remove-groups"])
def test_of_the_last_two_admins_who_take_the_right_from_each_other_one_keeps_it(
    service: Service, action: str
) -> None:
    first, second = create_first_admin(service), second_admin(service)
    groups = [ADMIN_GROUP] if action == "remove-groups" else []
    acts = [make_act(each.uow(), action, [first.id, second.id], groups=groups).id for each in (first, second)]
    epochs = [epoch_of(first), epoch_of(second)]
    outcomes = run_concurrently(
        2,
        lambda number: outcome_of(
            (first, second)[number].uow(), lambda uow: do_act(uow, acts[number], epochs[number])
        ),
    )
    assert sorted(outcomes) == ["Forbidden", "done"]
    left = [each for each in (first, second) if each.row.active and ADMIN_GROUP in each.row.groups]
    assert len(left) == 1


def test_an_operator_and_an_admin_at_once_leave_one_who_administers(service: Service) -> None:
    first, second = create_first_admin(service), second_admin(service)
    act = make_act(service.uow(), "disable", [first.id])
    outcomes = run_concurrently(
        2,
        lambda number: outcome_of(
            service.uow(),
            (lambda uow: do_act(uow, act.id), lambda uow: accounts.disable_account(uow, second.id))[number],
        ),
    )
    assert outcomes[0] == "done"
    assert outcomes[1] in ("done", LastAdmin.__name__)
    assert [first.row.active, second.row.active].count(True) == 1


def test_who_signs_in_meanwhile_does_not_hold_up_the_act(service: Service) -> None:
    """A sign-in writes to the account, too: the one who loses the race reads it again."""
    admin = create_first_admin(service)
    people = [sign_up_member(service, f"p{number}") for number in range(4)]
    act = make_act(admin.uow(), "add-groups", [each.id for each in people], groups=["staff"])

    def work(number: int) -> None:
        if number:
            people[number - 1].sign_in()
        else:
            do_act(admin.uow(), act.id)

    run_concurrently(5, work)
    assert count_act(service, act.id).done == 4
    with service.uow() as uow:
        assert len(uow.session.scalars(select(AuditRow.id).where(AuditRow.kind == "sign-in")).all()) >= 4
