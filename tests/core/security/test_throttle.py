"""Limits: how often something may be tried, by whom, until when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from accounts.core.database.store import Store
from accounts.core.errors import TooManyRequests
from accounts.core.models.counters import RateLimit
from accounts.core.security.throttle import (
    HOUR,
    Limit,
    LimitReached,
    Throttle,
    Window,
    client_network,
)
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.kit.statements import record_statements

FEW = Limit("few", 3, timedelta(minutes=10))


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


@pytest.fixture
def throttle(store: Store) -> Throttle:
    return Throttle(store)


def tries(throttle: Throttle, *who: str, limit: Limit = FEW) -> int | None:
    """None when the try is let through, else the seconds to wait."""
    try:
        throttle.reserve(limit.by(*who))
    except TooManyRequests as refused:
        return refused.retry_after
    return None


def rows(store: Store) -> int:
    with store.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(RateLimit)) or 0


@on_both_databases
def test_a_window_lets_its_amount_through_and_says_how_long_to_wait(throttle: Throttle) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        assert [tries(throttle, "ann") for _ in range(3)] == [None] * 3
        time.shift(60)
        assert tries(throttle, "ann") == 541
        assert tries(throttle, "ann") == 541, "knocking does not move the end"
        time.shift(539)
        assert tries(throttle, "ann") == 2
        time.shift(2)
        assert tries(throttle, "ann") is None, "a new window begins with the first try in it"
        time.shift(599)
        assert [tries(throttle, "ann") for _ in range(3)] == [None, None, 2]


@on_both_databases
def test_what_is_counted_apart_does_not_mix(throttle: Throttle) -> None:
    other = Limit("other", FEW.amount, FEW.window)
    for who, limit in [(("ann",), FEW), (("bob",), FEW), (("ann", "net"), FEW), (("ann",), other)]:
        assert [tries(throttle, *who, limit=limit) is None for _ in range(4)] == [True] * 3 + [False]


@on_both_databases
def test_fifty_tries_at_once_let_exactly_the_amount_through(throttle: Throttle) -> None:
    ten = Limit("ten", 10, HOUR)
    found = run_concurrently(50, lambda number: tries(throttle, "ann", "10.0.0.1", limit=ten))
    assert found.count(None) == 10
    assert all(wait is None or 3500 < wait <= 3601 for wait in found)


@on_both_databases
def test_the_longest_address_and_network_can_be_counted(throttle: Throttle, store: Store) -> None:
    assert tries(throttle, "a" * 254, "2001:db8:1111:2222::/64") is None
    with store.engine.connect() as connection:
        (key,) = connection.scalars(select(RateLimit.key)).all()
    assert "aaa" not in key, "an address has no business in this table"


def test_the_sweep_forgets_windows_that_are_over_and_no_others(throttle: Throttle, store: Store) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        tries(throttle, "ann")
        time.shift(timedelta(minutes=5))
        tries(throttle, "bob")
        time.shift(timedelta(minutes=5))
        throttle.delete_expired()
        assert rows(store) == 1
        assert [tries(throttle, "bob") is None for _ in range(3)] == [True, True, False]


@on_both_databases
def test_windows_are_told_and_lifted_one_by_one(throttle: Throttle, store: Store) -> None:
    ann, bob, nobody = FEW.by("ann"), FEW.by("bob"), FEW.by("nobody")
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        throttle.reserve(ann, FEW.by("bob", cost=2))
        time.shift(10)
        throttle.reserve(ann)
        assert throttle.fetch_windows([ann, bob, nobody]) == {
            ann: Window(2, 1893456600),
            bob: Window(2, 1893456600),
        }
        throttle.clear([ann, nobody])
        assert throttle.fetch_windows([ann, bob]).keys() == {bob}
        time.shift(600)
        assert throttle.fetch_windows([bob]) == {}
        assert (throttle.delete_expired(), rows(store)) == (1, 0)


@on_both_databases
def test_what_one_limit_refuses_counts_for_none(throttle: Throttle) -> None:
    narrow, wide = FEW.by("ann"), Limit("wide", 100, HOUR).by("10.0.0.1")
    throttle.reserve(FEW.by("ann", cost=2), wide)
    with pytest.raises(LimitReached) as caught:
        throttle.reserve(FEW.by("ann", cost=2), wide)
    assert caught.value.attempt.limit is FEW
    windows = throttle.fetch_windows([narrow, wide])
    assert [windows[each].count for each in (narrow, wide)] == [2, 1]


@on_both_databases
def test_what_is_counted_in_a_transaction_goes_with_it(throttle: Throttle, store: Store) -> None:
    ann = FEW.by("ann")
    with store.engine.connect() as connection:
        throttle.count(connection, ann)
        connection.rollback()
        assert throttle.fetch_windows([ann]) == {}
        throttle.count(connection, ann)
        connection.commit()
    assert throttle.fetch_windows([ann])[ann].count == 1


@on_both_databases
def test_several_limits_are_one_statement_and_one_commit(throttle: Throttle, store: Store) -> None:
    with record_statements(store.engine) as statements:
        throttle.reserve(FEW.by("ann"), FEW.by("bob"), FEW.by("cid"))
    assert (len(statements), statements.commits) == (1, 1)


def test_limits_that_are_not_enforced_are_counted(store: Store) -> None:
    lenient, ann = Throttle(store, enforced=False), FEW.by("ann")
    for _ in range(5):
        lenient.reserve(ann)
    assert lenient.fetch_windows([ann])[ann].count == 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::ffff:c000:207", "192.0.2.7"),
        ("", "unknown"),
        ("unix:", "unknown"),
        ("192.0.2.7:80", "unknown"),
        ("x" * 1000, "unknown"),
    ],
)
def test_a_client_address_falls_into_the_bucket_of_its_network(address: str, network: str) -> None:
    assert client_network(address) == network


@on_both_databases
def test_to_check_refuses_what_would_be_refused_and_counts_nothing(throttle: Throttle, store: Store) -> None:
    throttle.check()
    throttle.check(FEW.by("ann", cost=3))
    for _ in range(3):
        throttle.check(FEW.by("ann"))
        throttle.reserve(FEW.by("ann"))
    with pytest.raises(LimitReached) as refused:
        throttle.check(FEW.by("bob"), FEW.by("ann"))
    assert refused.value.attempt == FEW.by("ann")
    assert throttle.fetch_windows([FEW.by("ann"), FEW.by("bob")])[FEW.by("ann")].count == 3
    Throttle(store, enforced=False).check(FEW.by("ann"))
