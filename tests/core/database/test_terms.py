"""The terms by which rows are found: where a word begins, however it is written, and that they follow their rows."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from accounts.core.database import sweep, terms
from accounts.core.database.terms import ACCOUNT_TERMS, INVITE_TERMS, make_terms, parse_words
from accounts.core.models.account import Account
from accounts.core.models.terms import TERM_CHARACTERS, AccountTerm, InviteTerm
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk.accounts import AccountSearchForm, DeleteAccountForm
from accounts.flows.invites import send as send_invites
from accounts.flows.shared import accounts as account_flows
from tests.conftest import on_both_databases
from tests.flows.steps import create_first_admin, sign_up_member
from tests.people import Service


def found(service: Service, **data: str | int) -> list[str]:
    rows = helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm.model_validate(data)).rows
    return [row.email for row in rows]


def make(service: Service, *rows: tuple[str, str]) -> None:
    with service.uow() as uow:
        for email, name in rows:
            uow.session.add(Account(email=email, email_key=email.casefold(), name=name, locale="en"))


def terms_of(service: Service, email: str) -> list[str]:
    statement = select(AccountTerm.term).where(AccountTerm.email_key == email).order_by(AccountTerm.term)
    return [row.term for row in service.uow().fetch_all(statement)]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["ann.miller@example.org", "Ann Miller"], ["ann.miller@example.org", "example.org", "miller@example.org"]),
        (["x+tag@mail.example.org", ""], ["+tag@mail.example.org", "example.org", "mail.example.org"]),
        (["root@localhost", "O'Neil"], ["'neil", "localhost", "neil", "o'neil", "root@localhost"]),
        (["a@b.example", "50% OFF"], ["%", "50%", "a@b.example", "b.example", "off"]),
        (["a@xn--mller-kva.example", "Groß"], ["gross", "müller.example", "xn--mller-kva.example"]),
        (["", ""], []),
        (["--- @ .", ""], []),
        (["a" * 100, ""], ["a" * TERM_CHARACTERS]),
    ],
)
def test_a_term_begins_where_a_word_begins(texts: list[str], expected: list[str]) -> None:
    assert set(make_terms(texts)) >= set(expected)
    assert all(
        not other.startswith(term) for term in make_terms(texts) for other in make_terms(texts) if other != term
    )


def test_the_longest_word_is_asked_first_and_separators_in_front_are_left_out() -> None:
    assert parse_words(" ANN  @example.org .x - ") == ["example.org", "ann", "x"]
    assert parse_words("@ . -") == []
    assert parse_words("b" * 100) == ["b" * TERM_CHARACTERS]


@on_both_databases
def test_accounts_are_found_by_the_beginning_of_each_word(service: Service) -> None:
    make(
        service,
        ("ann.miller@example.org", "Ann Miller"),
        ("bob+tag@xn--mller-kva.example", "Bob O'Neil"),
        ("c_d@mail.example.org", "Çelik, Ö. 50%"),
    )
    ann, bob, third = "ann.miller@example.org", "bob+tag@xn--mller-kva.example", "c_d@mail.example.org"
    for text, expected in {
        "mil": [ann], "ann mil": [ann], "mil ann": [ann], "ann bob": [], "MILLER@EXAM": [ann], "iller": [],
        "b": [bob], "bo": [bob], "+tag": [bob], "müll": [bob], "o'n": [bob], "neil": [bob], "xn--m": [bob],
        "bob+tag@müller.example": [bob], "@example.org": [ann, third], "ç": [third], "50%": [third], "%": [third],
        "_d": [third], '"': [], "*": [], "'": [bob], "ann*": [], "a_n": [], "mi%": [], "\\": [],
        "Ann.Miller@example.org": [ann],
    }.items():  # fmt: skip
        assert found(service, q=text) == expected, text


@on_both_databases
def test_pages_of_matches_follow_each_other_and_each_account_comes_once(service: Service) -> None:
    make(service, *((f"ann.anna{number:02}@annex.example", "Annie Ann") for number in range(12)))
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        page = helpdesk_accounts.search_accounts(service.uow(), AccountSearchForm(q="ann", after=after, limit=5))
        seen, after = seen + [row.email for row in page.rows], page.next
    assert sorted(seen) == [f"ann.anna{number:02}@annex.example" for number in range(12)]


@on_both_databases
def test_members_of_a_large_group_come_once_each_page_after_page(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accounts.core.database.page.FEW_ROWS", 2)
    create_first_admin(service)
    with service.uow() as uow:
        for number in range(7):
            account = Account(email=f"m{number}@a.example", email_key=f"m{number}@a.example", locale="en")
            uow.session.add(account)
            uow.session.flush()
            account_flows.add_groups(uow, account, ["staff"])
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        form = AccountSearchForm(group="staff", after=after, limit=3)
        page = helpdesk_accounts.search_accounts(service.uow(), form)
        seen, after = seen + [row.email for row in page.rows], page.next
    assert sorted(seen) == [f"m{number}@a.example" for number in range(7)]
    assert len(found(service, group="staff", q="a.example")) == 7
    assert len(found(service, group="staff", state="active")) == 7


@on_both_databases
def test_a_new_name_or_address_is_found_and_the_old_one_is_not(service: Service) -> None:
    member = sign_up_member(service)
    with service.uow() as uow:
        uow.session.get_one(Account, member.id).name = "Zebulon"
    assert found(service, q="zebu") == [member.email]
    with service.uow() as uow:
        account = uow.session.get_one(Account, member.id)
        account.name, account.email, account.email_key = "Ann", "new@x.example", "new@x.example"
    assert found(service, q="zebu") == found(service, q=member.email) == []
    assert found(service, q="new@") == ["new@x.example"]
    assert terms_of(service, member.email) == []


@on_both_databases
def test_terms_that_are_made_while_a_name_changes_are_made_again(service: Service) -> None:
    """Read before the terms were made, written after: the row says again that it has none."""
    member = sign_up_member(service)
    with service.uow() as uow:
        account = uow.session.get_one(Account, member.id)
        assert not account.searchable
        terms.update_all_terms(service.site.store.engine)
        account.name = "Zebulon"
    assert found(service, q="zebu") == [member.email]


@on_both_databases
def test_nothing_of_a_deleted_account_or_invitation_is_left(service: Service) -> None:
    create_first_admin(service)
    member = sign_up_member(service)
    send_invites.send_invite(service.uow(), send_invites.InviteForm.model_validate({"email": member.email}))
    terms.update_all_terms(service.site.store.engine)
    assert terms_of(service, member.email)
    helpdesk_accounts.delete_account_as_admin(
        service.uow(), member.id, DeleteAccountForm.model_validate({"email": member.email})
    )
    assert terms_of(service, member.email) == []
    assert service.uow().fetch_all(select(func.count()).select_from(InviteTerm))[0][0] == 0


@on_both_databases
def test_terms_are_made_in_portions(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "ROWS_PER_PORTION", 3)
    make(service, *((f"p{number}@example.org", "") for number in range(7)))
    engine = service.site.store.engine
    assert [terms.update_terms(engine, ACCOUNT_TERMS) for _ in range(4)] == [3, 3, 1, 0]
    assert terms.update_terms(engine, INVITE_TERMS) == 0
    assert len(found(service, q="p")) == 7


@on_both_databases
def test_the_version_before_adds_and_changes_accounts_that_have_terms(service: Service) -> None:
    """It names no column that it does not know."""
    columns = '"id", email, email_key, name, locale, status, auth_epoch, sign_in_serial, created_at, version'
    values = "'old', 'old@x.example', 'old@x.example', 'Otto', 'en', 'active', 1, 0, '2026-01-01', 1"
    with service.site.store.engine.begin() as connection:
        connection.exec_driver_sql(f"INSERT INTO accounts ({columns}) VALUES ({values})")  # noqa: S608 - our own text
    assert found(service, q="otto") == ["old@x.example"]
    with service.site.store.engine.begin() as connection:
        connection.execute(update(Account).values(email="moved@x.example", email_key="moved@x.example"))
    assert found(service, q="moved@x.example") == found(service, q="otto") == ["moved@x.example"]
