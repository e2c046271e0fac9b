"""What admins do about accounts: what is found, what ends what, and that somebody always administers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.audit import AuditRow
from accounts.core.security.throttle import INVITE_LETTERS, INVITE_LISTS, INVITER, Limit
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import limits as helpdesk_limits
from accounts.flows.helpdesk.accounts import AccountSearchForm, DeleteAccountForm
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.steps import Member, create_first_admin, list_event_kinds, sign_up_member
from tests.kit.concurrency import run_concurrently
from tests.people import Service


def found(service: Service, **data: str) -> list[str]:
    rows = helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm.model_validate(data)).rows
    return [row.email for row in rows]


def make(service: Service, *rows: tuple[str, str]) -> None:
    """Accounts by address and name, for searching only."""
    uow = service.uow()
    with uow:
        for email, name in rows:
            uow.session.add(Account(email=email, email_key=email.casefold(), name=name, locale="en"))


@on_both_databases
def test_what_is_typed_is_text_and_never_a_pattern(service: Service) -> None:
    make(service, ("a_b@example.org", "50% off"), ("axb@example.org", "50x off"), ("c\\d@example.org", "Z\\_%"))
    assert found(service, q="a_b") == ["a_b@example.org"]
    assert found(service, q="50%") == ["a_b@example.org"]
    assert found(service, q="\\") == ["c\\d@example.org"]
    assert found(service, q="%") == ["a_b@example.org", "c\\d@example.org"]
    assert found(service, q="'; DROP TABLE accounts; --") == []
    assert found(service, q="\x00a_\x00b\x1b") == ["a_b@example.org"]
    assert len(found(service, q="EXAMPLE")) == 3
    assert found(service, q="OFF") == ["a_b@example.org", "axb@example.org"]


@on_both_databases
def test_names_are_found_in_small_and_capital_letters_of_any_language(service: Service) -> None:
    make(service, ("o@example.org", "Özil ÇELİK"), ("r@example.org", "Ольга"), ("s@example.org", "Groß"))
    assert found(service, q="öZIL") == ["o@example.org"]
    assert found(service, q="ОЛЬГА") == ["r@example.org"]
    assert found(service, q="groß") == ["s@example.org"]


@on_both_databases
def test_pages_follow_each_other_without_gap_or_repetition(service: Service) -> None:
    make(service, *((f"p{number:03}@example.org", "") for number in range(23)))
    seen: list[str] = []
    place, pages = "", 0
    while True:
        page = helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm(after=place, limit=5))
        seen, pages = seen + [row.email for row in page.rows], pages + 1
        if page.next is None:
            break
        place = page.next
    assert seen == [f"p{number:03}@example.org" for number in range(23)]
    assert pages == 5


@on_both_databases
def test_groups_and_states_narrow_the_list(service: Service) -> None:
    admin, other, third = create_first_admin(service), sign_up_member(service), sign_up_member(service)
    accounts.set_groups(service.uow(), other.id, ["editors"])
    accounts.disable_account(service.uow(), third.id)
    assert found(service, group="editors") == [other.email]
    assert found(service, group="edit") == []
    assert found(service, state="disabled") == [third.email]
    assert found(service, q=admin.id) == [admin.email]
    uow = service.uow()
    with uow:
        uow.session.execute(update(Account).where(Account.id == other.id).values(locked_at=now()))
    assert found(service, state="locked") == [other.email]
    page = helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm(state="locked"))
    assert page.rows[0].state == "locked"


@on_both_databases
def test_an_account_is_shown_with_its_sessions_and_each_can_be_ended(service: Service) -> None:
    create_first_admin(service)
    somebody = sign_up_member(service)
    kept, ended = somebody.sign_in(), somebody.sign_in()
    shown = helpdesk_accounts.get_account_details(service.uow(), somebody.id)
    assert {each.id for each in shown.sessions} >= {kept.id, ended.id}
    assert shown.history[0].kind == "sign-in"
    helpdesk_accounts.end_account_session(service.uow(), somebody.id, ended.id)
    assert somebody.load_current_account(ended) is None
    assert somebody.load_current_account(kept) is not None
    helpdesk_accounts.end_account_sessions(service.uow(), somebody.id)
    assert somebody.load_current_account(kept) is None
    assert helpdesk_accounts.get_account_details(service.uow(), somebody.id).sessions == ()


@on_both_databases
def test_a_lock_is_lifted(service: Service) -> None:
    somebody = sign_up_member(service)
    uow = service.uow()
    with uow:
        uow.session.execute(update(Account).values(locked_at=now(), failures=3))
    helpdesk_accounts.clear_account_lock(service.uow(), somebody.id)
    helpdesk_accounts.clear_account_lock(service.uow(), somebody.id)
    assert (somebody.row.locked_at, somebody.row.failures) == (None, 0)
    assert list_event_kinds(service, somebody.id).count("account.unlocked") == 1
    assert somebody.sign_in().account_id == somebody.id


@on_both_databases
def test_a_reset_sent_by_an_admin_says_nothing_about_the_admin(service: Service) -> None:
    somebody = sign_up_member(service)
    asker = RequestInfo(account_id="theadmin", network="203.0.113.9", agent="Safari on iOS")
    helpdesk_accounts.send_password_reset(service.uow(asker), somebody.id)
    letter = service.mails_to(somebody.email)[-1].message.as_string()
    assert "/l/reset-password/" in letter
    assert "203.0.113" not in letter
    assert "Safari" not in letter
    assert list_event_kinds(service, somebody.id)[-2:] == ["account.reset-sent", "mail.sent"]


def who_administers(service: Service) -> int:
    query = select(func.count()).select_from(Membership).join(Account, Account.id == Membership.account_id)
    return int(
        service.uow().fetch_all(query.where(Membership.group == ADMIN_GROUP, Account.status == "active"))[0][0]
    )


WAYS: dict[str, Callable[[Service, Member], object]] = {
    "delete": lambda service, who: helpdesk_accounts.delete_account_as_admin(
        service.uow(), who.id, DeleteAccountForm.model_validate({"email": who.email})
    ),
    "disable": lambda service, who: accounts.disable_account(service.uow(), who.id),
    "groups": lambda service, who: accounts.set_groups(service.uow(), who.id, []),
}


@pytest.mark.parametrize("ways", [("delete", "delete"), ("delete", "disable"), ("groups", "delete")], ids=str)
@on_both_databases
def test_admins_who_remove_each_other_at_the_same_moment_leave_one(service: Service, ways: tuple[str, str]) -> None:
    left = create_first_admin(service)
    for _ in range(4):
        two = [left, sign_up_member(service)]
        accounts.set_groups(service.uow(), two[1].id, [ADMIN_GROUP])

        def remove(index: int, two: list[Member] = two) -> str:
            try:
                WAYS[ways[index]](service, two[index])
            except Exception as wrong:  # noqa: BLE001 - its name is compared
                return type(wrong).__name__
            return "done"

        outcome = Counter(run_concurrently(2, remove))
        assert outcome["done"] == 1, outcome
        assert set(outcome) <= {"done", "LastAdmin", "Conflict"}
        assert who_administers(service) == 1
        assert first_admin_url(service.uow()) is None, "the first admin is made once"
        left = next(each for each in two if is_admin(service, each))


def is_admin(service: Service, who: Member) -> bool:
    query = select(Account.id).join(Membership, Membership.account_id == Account.id)
    active = query.where(Account.id == who.id, Membership.group == ADMIN_GROUP, Account.status == "active")
    return bool(service.uow().fetch_all(active))


@on_both_databases
def test_the_last_admin_cannot_be_deleted_and_nothing_of_it_happens(service: Service) -> None:
    admin = create_first_admin(service)
    with pytest.raises(Exception, match="last active admin"):
        WAYS["delete"](service, admin)
    assert admin.row.active
    assert "account.deleted" not in list_event_kinds(service, admin.id)
    assert service.deliver() == 0


@on_both_databases
def test_deleting_needs_the_right_address_and_leaves_it_in_no_table(service: Service) -> None:
    create_first_admin(service)
    somebody = sign_up_member(service)
    with pytest.raises(Exception, match="another address"):
        helpdesk_accounts.delete_account_as_admin(
            service.uow(), somebody.id, DeleteAccountForm.model_validate({"email": "a@example.org"})
        )
    WAYS["delete"](service, somebody)
    service.deliver()
    from accounts.core.models.base import Base

    with service.site.store.engine.connect() as connection:
        for table in Base.metadata.sorted_tables:
            rows = [str(tuple(row)) for row in connection.execute(select(table))]
            assert not [row for row in rows if somebody.email in row], table.name
    (line,) = service.uow().fetch_all(select(AuditRow.__table__).where(AuditRow.kind == "account.deleted"))
    assert line.account == somebody.id


def test_a_page_behind_an_account_that_is_gone_is_refused_and_not_the_first_again(service: Service) -> None:
    make(service, *((f"p{number}@example.org", "") for number in range(3)))
    place = helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm(limit=1)).next
    assert place is not None
    uow = service.uow()
    with uow:
        uow.session.delete(accounts.find_account(uow, place))
    with pytest.raises(NotFound):
        helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm(after=place))


@pytest.mark.parametrize("limit", [INVITER, INVITE_LISTS, INVITE_LETTERS])
def test_limits_that_hold_up_an_admin_who_invites_are_seen_and_lifted(service: Service, limit: Limit) -> None:
    admin = create_first_admin(service)
    service.site.throttle.reserve(limit.by(admin.id))
    form = helpdesk_limits.LimitsForm.model_validate({"email": admin.email})
    assert limit.name in {each.limit for each in helpdesk_limits.list_limits(service.uow(), form)}
    assert limit.name in helpdesk_limits.clear_limits(service.uow(), form)
    assert service.site.throttle.fetch_windows([limit.by(admin.id)]) == {}
