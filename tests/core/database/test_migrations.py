"""Migrations on a store that is in use: nobody loses a row, on the way up or down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import MetaData, Table, exc, insert, inspect, select, text

from accounts.core.database import schema
from accounts.core.database.store import Store
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from tests.core.database import test_schema
from tests.core.database.test_schema import downgrade
from tests.core.sites import make_site
from tests.flows.invites.batch_file import ledger

empty = test_schema.empty
GROUND = "0001"
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
Rows = dict[str, list[dict[str, Any]]]


def account(number: int, **other: Any) -> dict[str, Any]:
    """An account as the ground had it, with every column filled in."""
    return {
        "id": f"account{number}",
        "email": f"Ana.{number}@Example.org",
        "email_key": f"ana.{number}@example.org",
        "name": f"O'Neil \\ {number}",
        "locale": "de",
        "password_hash": f"$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${number}",
        "status": "active",
        "auth_epoch": number,
        "sign_in_serial": 7,
        "created_at": NOW,
        "last_sign_in_at": NOW + timedelta(days=1),
        "version": 3,
    } | other


def sent(number: int, **other: Any) -> dict[str, Any]:
    """An invitation as the ground had it."""
    return {
        "id": f"invite{number}",
        "email": f"New{number}@example.org",
        "email_key": f"new{number}@example.org",
        "groups": ["editors", "readers"],
        "locale": "en",
        "inviter_id": "account1",
        "created_at": NOW,
        "expires_at": NOW + timedelta(days=7),
        "sent": 2,
        "accepted_at": None,
        "revoked_at": None,
    } | other


GROUND_ROWS: Rows = {
    "accounts": [
        account(1),
        account(2, status="disabled", name="", last_sign_in_at=None),
        account(3, password_hash=None),
    ],
    "memberships": [
        {"account": "account1", "group": "admins"},
        {"account": "account1", "group": "editors"},
        {"account": "account2", "group": "editors"},
    ],
    "spent": [{"id": "invite:first-admin", "keep_until": NOW + timedelta(days=9999)}],
    "sent_invites": [sent(1), sent(2, accepted_at=NOW), sent(3, revoked_at=NOW, groups=[])],
    "outbox": [
        {
            "id": "letter1",
            "purpose": "reset-password",
            "subject": "account1",
            "facts": {"asked": {"network": "192.0.2.1", "agent": "Firefox"}, "next": "/ü"},
            "locale": "de",
            "created_at": NOW,
            "not_before": NOW,
            "attempts": 1,
            "lease_until": None,
            "dead_at": None,
            "last_error": "451 later",
        }
    ],
    "rate_limits": [{"key": "sign-in/x", "window": 2**40, "count": 4}],
    "audit": [
        {
            "id": "event1",
            "at": NOW,
            "kind": "sign-in",
            "account": "account1",
            "actor": None,
            "app": None,
            "link_id": None,
            "network": "192.0.2.1",
            "agent": "",
            "request_id": "r1",
            "facts": {"session": "s1"},
        }
    ],
}


def reflected(store: Store) -> dict[str, Table]:
    """The tables as the database itself has them, of whatever version they are."""
    found = MetaData()
    found.reflect(store.engine)
    return dict(found.tables)


def fill(store: Store) -> None:
    tables = reflected(store)
    with store.engine.begin() as connection:
        for name, rows in GROUND_ROWS.items():
            for row in rows:
                connection.execute(insert(tables[name]), row)


def rows_of(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the ground's tables, in the columns that the ground had."""
    tables, found = reflected(store), {}
    with store.engine.connect() as connection:
        for name, rows in GROUND_ROWS.items():
            columns = [tables[name].c[column] for column in rows[0]]
            found[name] = sorted((tuple(row) for row in connection.execute(select(*columns))), key=repr)
    return found


@pytest.fixture
def ground(empty: Store) -> Store:
    """A store of the first version, in use."""
    schema.upgrade(empty, GROUND)
    fill(empty)
    return empty


def count(found: dict[str, list[tuple[Any, ...]]]) -> dict[str, int]:
    return {name: len(rows) for name, rows in found.items()}


FILLED = {name: len(rows) for name, rows in GROUND_ROWS.items()}


def test_an_upgrade_keeps_every_row_as_it_is(ground: Store) -> None:
    before = rows_of(ground)
    assert count(before) == FILLED
    schema.upgrade(ground)
    schema.check_revision(ground)
    assert rows_of(ground) == before


def test_down_to_the_ground_and_up_again_keeps_every_row_as_it_is(ground: Store) -> None:
    before, tables = rows_of(ground), shape(ground)
    schema.upgrade(ground)
    after = shape(ground)
    downgrade(ground, GROUND)
    ground.close()
    assert rows_of(ground) == before
    assert shape(ground) == tables, "as if it had never been newer"
    schema.upgrade(ground)
    assert rows_of(ground) == before
    assert shape(ground) == after


def shape(store: Store) -> dict[str, tuple[object, ...]]:
    """Columns, indexes, and constraints of every table."""
    found = inspect(store.engine)
    return {
        name: (
            sorted(str(sorted(column.items(), key=str)) for column in found.get_columns(name)),
            sorted(str(index["name"]) for index in found.get_indexes(name)),
            sorted(str(each["name"]) for each in found.get_unique_constraints(name)),
            [(each["name"], each["options"]) for each in found.get_foreign_keys(name)],
        )
        for name in found.get_table_names()
    }


def test_what_was_there_before_the_upgrade_begins_at_nought(ground: Store) -> None:
    schema.upgrade(ground)
    site = make_site(ground.engine.url.render_as_string(hide_password=False))
    with UnitOfWork(site) as uow:
        for number in (1, 2, 3):
            found = uow.session.get_one(Account, f"account{number}")
            assert (found.email_serial, found.lock_serial, found.anchor_serial, found.failures) == (0, 0, 0, 0)
            assert (found.locked_at, found.anchor_email, found.anchor_key, found.anchor_until) == (None,) * 4
        assert uow.session.get_one(Account, "account1").groups == ("admins", "editors")
        assert uow.session.get_one(Account, "account1").created_at == NOW
        assert {row.next for row in uow.session.scalars(select(SentInvite))} == {""}
        assert [row.groups for row in ledger(uow) if row.id == "invite1"] == [["editors", "readers"]]
        uow.close()
    site.store.close()


def test_foreign_keys_hold_again_after_an_upgrade(ground: Store) -> None:
    schema.upgrade(ground)
    with ground.engine.connect() as connection, pytest.raises(exc.IntegrityError):
        connection.execute(text("INSERT INTO memberships (account, \"group\") VALUES ('nobody', 'admins')"))
    with ground.engine.begin() as connection:
        connection.execute(text("DELETE FROM accounts WHERE id = 'account1'"))
    assert count(rows_of(ground))["memberships"] == 1


def test_the_addresses_that_lines_are_about_come_along_on_the_way_up_and_down(ground: Store) -> None:
    def fetch(statement: str) -> list[tuple[Any, ...]]:
        with ground.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    schema.upgrade(ground, "0008")
    mark = {"mark": "5e" * 16, "audit": "event1", "at": NOW}
    with ground.engine.begin() as connection:
        connection.execute(insert(reflected(ground)["audit_marks"]), mark)
    schema.upgrade(ground)
    assert fetch("SELECT id, address_tag FROM audit") == [("event1", "5e" * 16)]
    with ground.engine.begin() as connection:
        assert connection.execute(text("DELETE FROM audit_marks")).rowcount == 1, (
            "code of the version before finds it"
        )
    downgrade(ground, "0008")
    ground.close()
    assert fetch("SELECT mark, audit FROM audit_marks") == [("5e" * 16, "event1")]


def test_an_upgraded_store_goes_on_working(ground: Store) -> None:
    schema.upgrade(ground)
    site = make_site(ground.engine.url.render_as_string(hide_password=False))
    uow = UnitOfWork(site)
    accounts.set_groups(uow, "account2", ["readers"])
    accounts.enable_account(uow, "account2")
    assert accounts.find_account(uow, "ANA.2@example.org").groups == ("readers",)
    uow.close()
    site.store.close()
