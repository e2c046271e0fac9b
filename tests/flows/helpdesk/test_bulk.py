"""Acts on many accounts: who is meant, what would happen, and what happens, to each once."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from accounts.core.errors import InvalidInput, NotFound, TooManyRequests
from accounts.core.models.account import Account
from accounts.core.models.bulk import BulkAct, BulkActAccount
from accounts.core.models.outbox import OutboxRow
from accounts.core.models.upstream import Identity
from accounts.core.security import throttle
from accounts.flows.helpdesk import bulk, bulk_form, bulk_report
from accounts.flows.helpdesk.accounts import AccountSearchForm, search_accounts
from accounts.flows.helpdesk.bulk_form import BULK_ACTS, BulkActForm
from accounts.flows.helpdesk.bulk_freeze import count_matches
from accounts.flows.shared import accounts
from accounts.flows.shared.frozen_lists import FREEZE_TIMEOUT, LIST_RETENTION
from tests.conftest import on_both_databases
from tests.flows.helpdesk.bulk_acts import count_act, do_act, events_of, make_accounts, make_act, results
from tests.flows.steps import create_first_admin, list_event_kinds, sign_up_member
from tests.people import Service

SEARCHES: list[dict[str, Any]] = [
    {},
    {"q": "crowd"},
    {"q": "crowd 3"},
    {"q": "example.org"},
    {"q": "crowd00003@example.org"},
    {"group": "staff"},
    {"q": "crowd", "group": "staff", "state": "active"},
    {"state": "disabled"},
    {"q": "nobody"},
]


@on_both_databases
def test_all_that_match_are_those_that_the_list_shows(service: Service) -> None:
    create_first_admin(service)
    ids = make_accounts(service, 12, group="staff")
    accounts.disable_account(service.uow(), ids[3])
    accounts.set_groups(service.uow(), ids[4], [])
    for search in SEARCHES:
        shown = [row.id for row in search_accounts(service.uow(), AccountSearchForm(**search)).rows]
        assert count_matches(service.uow(), AccountSearchForm(**search), 1000) == len(shown), search
        if not shown:
            with pytest.raises(InvalidInput) as refused:
                make_act(service.uow(), "sign-out", **search)
            assert refused.value.fields[0].field == "scope"
            continue
        act = make_act(service.uow(), "sign-out", **search)
        assert sorted(str(each) for each in results(service, act.id)) == sorted(shown), search
    assert count_matches(service.uow(), AccountSearchForm(q="crowd"), 5) == 6


@on_both_databases
def test_the_dry_run_says_what_happens_to_each_and_nothing_happens(service: Service) -> None:
    admin, member = create_first_admin(service), sign_up_member(service)
    off = sign_up_member(service, "off")
    accounts.disable_account(service.uow(), off.id)
    before = [each.row.auth_epoch for each in (admin, member, off)]
    everybody = [admin.id, member.id, off.id]
    expected = {
        ("disable", ()): ("skipped yourself", "due", "skipped disabled"),
        ("enable", ()): ("skipped active", "skipped active", "due"),
        ("sign-out", ()): ("skipped yourself", "due", "skipped disabled"),
        ("send-reset", ()): ("due", "due", "skipped disabled"),
        ("add-groups", ("staff",)): ("due", "due", "due"),
        ("remove-groups", ("staff",)): ("skipped not-member",) * 3,
        ("remove-groups", ("admins", "staff")): ("skipped yourself", "skipped not-member", "skipped not-member"),
    }
    for (action, groups), verdicts in expected.items():
        act = make_act(admin.uow(), action, everybody, groups=list(groups))
        assert results(service, act.id) == dict(zip(everybody, verdicts, strict=True)), action
        assert events_of(service, act.id) == {"bulk.made": 1}
    assert [each.row.auth_epoch for each in (admin, member, off)] == before
    operators = make_act(service.uow(), "disable", everybody)
    assert results(service, operators.id)[admin.id] == "skipped last-admin"


@on_both_databases
def test_each_account_is_one_act_as_if_it_were_done_alone(service: Service) -> None:
    admin, one, two = create_first_admin(service), sign_up_member(service, "one"), sign_up_member(service, "two")
    accounts.set_groups(service.uow(), two.id, ["staff"])
    people = [one.id, two.id]
    session = one.sign_in()

    added = make_act(admin.uow(), "add-groups", people, groups=["staff", "club"])
    steps = do_act(admin.uow(), added.id)
    assert [(step.done, step.skipped, step.left) for step in steps] == [(0, 0, 2), (2, 0, 0), (2, 0, 0)]
    assert [step.finished for step in steps] == [False, False, True]
    assert (one.row.groups, two.row.groups) == (("club", "staff"), ("club", "staff"))
    assert events_of(service, added.id) == {"bulk.made": 1, "account.groups": 2, "bulk.done": 1}
    assert one.load_current_account(session) is not None

    removed = make_act(admin.uow(), "remove-groups", people, groups=["staff"])
    do_act(admin.uow(), removed.id)
    assert (one.row.groups, two.row.groups) == (("club",), ("club",))
    assert one.load_current_account(session) is None, "who loses a group is signed out"

    session = two.sign_in()
    do_act(admin.uow(), make_act(admin.uow(), "sign-out", people).id)
    assert two.load_current_account(session) is None
    assert list_event_kinds(service, two.id)[-1] == "sign-out.everywhere"

    disabled = make_act(admin.uow(), "disable", people)
    do_act(admin.uow(), disabled.id)
    assert {one.row.status, two.row.status} == {"disabled"}
    assert events_of(service, disabled.id)["account.disabled"] == 2

    with service.uow() as uow:
        uow.session.add(Identity(issuer="https://idp.example", subject="x", account_id=one.id))
        uow.session.add(Identity(issuer="https://idp.example", subject="y", account_id=two.id))
    do_act(admin.uow(), make_act(admin.uow(), "enable", [one.id], identities=False).id)
    do_act(admin.uow(), make_act(admin.uow(), "enable", [two.id]).id)
    assert {one.row.status, two.row.status} == {"active"}
    with service.uow() as uow:
        assert list(uow.session.scalars(select(Identity.account_id))) == [one.id], "what is not kept is taken away"


@on_both_databases
def test_letters_are_mailed_once_and_do_not_say_where_the_admin_is(service: Service) -> None:
    admin, one, two = create_first_admin(service), sign_up_member(service, "one"), sign_up_member(service, "two")
    people = [one.id, two.id]
    service.deliver()
    reset = make_act(admin.uow(), "send-reset", people)
    do_act(admin.uow(), reset.id)
    assert events_of(service, reset.id) == {"bulk.made": 1, "account.reset-sent": 2, "bulk.done": 1}
    with service.uow() as uow:
        letters = uow.session.scalars(select(OutboxRow)).all()
        assert sorted(row.subject for row in letters) == sorted(people)
        assert {row.facts["asked"]["network"] for row in letters} == {""}, "an admin's network is nobody's business"
        assert {(row.lane, row.batch) for row in letters} == {("bulk", reset.id)}, "behind what somebody waits for"
    assert service.link_url(one.email, "reset-password")
    do_act(admin.uow(), reset.id)
    assert events_of(service, reset.id)["account.reset-sent"] == 2, "nothing is done twice"


@pytest.mark.parametrize(
    ("data", "field", "code"),
    [
        ({"act": "disable"}, "who", "nobody"),
        ({"act": "disable", "who": ["nobody@example.org", "x"]}, "who", "unknown"),
        ({"act": "add-groups", "scope": "matching"}, "groups", "missing"),
        ({"act": "remove-groups", "scope": "matching"}, "groups", "missing"),
        ({"act": "add-groups", "scope": "matching", "groups": ["admins", "staff"]}, "groups", "admins"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_field_and_leaves_nothing(
    service: Service, data: dict[str, Any], field: str, code: str
) -> None:
    admin = create_first_admin(service)
    with pytest.raises(InvalidInput) as refused:
        bulk.create_bulk_act(admin.uow(), BulkActForm.model_validate(data))
    assert [(each.field, each.code) for each in refused.value.fields] == [(field, code)]
    with service.uow() as uow:
        assert BULK_ACTS.fetch_page(uow).rows == []


@on_both_databases
def test_accounts_are_named_by_id_or_address_and_each_counts_once(service: Service) -> None:
    admin, one, two = create_first_admin(service), sign_up_member(service, "one"), sign_up_member(service, "two")
    named = [two.id, one.email.upper(), two.email, one.id, "gone", "nobody@example.org"]
    made = bulk.create_bulk_act(admin.uow(), BulkActForm.model_validate({"act": "disable", "who": named}))
    assert made.unknown == ["gone", "nobody@example.org"]
    assert list(results(service, made.act.id)) == [two.id, one.id], "in the order in which they are named"


def test_more_than_may_be_are_refused(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    make_accounts(service, 4)
    monkeypatch.setattr("accounts.flows.helpdesk.bulk_freeze.MAX_BULK_ACCOUNTS", 3)
    with pytest.raises(InvalidInput) as refused:
        make_act(service.uow(), "disable")
    assert refused.value.fields[0].code == "too_many_accounts"
    with service.uow() as uow:
        assert uow.session.scalars(select(BulkAct)).all() == []


def test_an_admin_makes_so_many_acts_an_hour_and_sends_so_many_letters_a_day(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 3)
    monkeypatch.setattr("accounts.flows.helpdesk.bulk_run.ACCOUNTS_PER_TRANSACTION", 1)
    act = make_act(admin.uow(), "send-reset", ids)
    service.site.throttle.reserve(throttle.BULK_LETTERS.by(admin.id, cost=20_000 - 2))
    with pytest.raises(TooManyRequests):
        do_act(admin.uow(), act.id)
    counts = count_act(service, act.id)
    assert (counts.done, counts.due) == (2, 1), "the rest can be done later"
    do_act(service.uow(), act.id)
    assert count_act(service, act.id).done == 3, "an operator is not limited"
    service.site.throttle.reserve(throttle.BULK_ACTS.by(admin.id, cost=59))
    with pytest.raises(TooManyRequests):
        make_act(admin.uow(), "send-reset", ids)


@on_both_databases
def test_what_is_discarded_is_not_done_and_what_nobody_goes_on_with_goes(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, ids = create_first_admin(service), make_accounts(service, 3)
    act = make_act(admin.uow(), "disable", ids)
    assert bulk.discard_bulk_act(admin.uow(), act.id).left == 3
    with pytest.raises(NotFound):
        do_act(admin.uow(), act.id)
    assert events_of(service, act.id) == {"bulk.made": 1, "bulk.discarded": 1}
    old, done = make_act(admin.uow(), "disable", ids), make_act(admin.uow(), "sign-out", ids[:1])
    do_act(admin.uow(), done.id)
    with service.uow() as uow:
        for each in (old, done):
            uow.session.get_one(BulkAct, each.id).touched_at -= LIST_RETENTION * 2
    kept = make_act(admin.uow(), "disable", ids)
    with service.uow() as uow:
        half_made = BulkAct(act="disable", groups=[], kept=[], made_by="")
        uow.session.add(half_made)
    bulk.delete_stale_bulk_acts(service.site)
    with service.uow() as uow:
        assert set(uow.session.scalars(select(BulkAct.id))) == {kept.id, half_made.id}
        assert set(uow.session.scalars(select(BulkActAccount.act_id))) == {kept.id}
        uow.session.get_one(BulkAct, half_made.id).touched_at -= FREEZE_TIMEOUT * 2
    bulk.delete_stale_bulk_acts(service.site)
    with service.uow() as uow:
        assert set(uow.session.scalars(select(BulkAct.id))) == {kept.id}
        assert set(uow.session.scalars(select(Account.status))) == {"active"}


def test_the_report_has_every_account_with_its_reason_in_words(service: Service) -> None:
    admin, member = create_first_admin(service), sign_up_member(service)
    act = make_act(admin.uow(), "disable", [admin.id, member.id])
    do_act(admin.uow(), act.id)
    rows = bulk_report.iter_bulk_report(service.site, admin.uow().request_info, act.id)
    assert list(bulk_report.format_bulk_report(rows, str.upper))[1:] == [
        (admin.email, "Admin", admin.id, "skipped", "YOUR OWN ACCOUNT"),
        (member.email, "Member", member.id, "done", ""),
    ]


def test_every_action_has_a_label_and_is_done_somehow() -> None:
    assert set(bulk_form.ACTION_LABELS) == set(bulk_form.BULK_ACTIONS)
