"""Moments, ids, and what a row shows of itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import time_machine
from sqlalchemy import delete, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from accounts.core import clock
from accounts.core.database.store import Store
from accounts.core.errors import Problem, TooManyRequests
from accounts.core.ids import new_id
from accounts.core.link_errors import DeadLink, LinkInvalid
from accounts.core.models.account import Account, Membership
from accounts.core.models.counters import Spent
from tests.conftest import on_both_databases


@on_both_databases
def test_a_moment_comes_back_as_it_went_in_aware_and_in_utc(database: str) -> None:
    store = Store(database)
    at = datetime(2030, 1, 1, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    with Session(store.engine) as session:
        session.add(Spent(id="a", keep_until=at))
        session.commit()
        session.expire_all()
        found = session.get_one(Spent, "a").keep_until
        assert found == at
        assert found.tzinfo is UTC
        assert session.scalars(select(Spent.id).where(Spent.keep_until <= at)).all() == ["a"]
        assert session.scalars(select(Spent.id).where(Spent.keep_until < at)).all() == []
    store.close()


def test_a_moment_without_a_zone_is_refused(database: str) -> None:
    store = Store(database)
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 - a naive moment is what is tested
    with Session(store.engine) as session:
        session.add(Spent(id="a", keep_until=naive))
        with pytest.raises(StatementError, match="without time zone"):
            session.flush()
    store.close()


@on_both_databases
def test_an_account_takes_its_memberships_along(database: str) -> None:
    store = Store(database)
    with Session(store.engine) as session, session.begin():
        account = Account(email="a@example.org", email_key="a@example.org", locale="en")
        session.add(account)
        session.flush()
        account.memberships += [Membership(account_id=account.id, group=group) for group in ("b", "a")]
        session.flush()
        assert account.groups == ("a", "b")
        assert account.active
        assert repr(account) == f"<Account {account.id}>"
        session.execute(delete(Account))
        assert session.scalars(select(Membership)).all() == []
    store.close()


def test_ids_are_16_url_safe_characters_and_never_the_same() -> None:
    ids = {new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(id) for id in ids} == {16}
    assert set("".join(ids)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_now_is_aware() -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
        assert clock.now() == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_problem_keeps_its_reason_apart_from_its_message() -> None:
    problem = LinkInvalid("bad signature")
    assert isinstance(problem, DeadLink)
    assert (problem.code, problem.status, problem.reason) == ("link_invalid", 400, "bad signature")
    assert "signature" not in problem.message
    assert str(Problem()) == "internal_error"
    assert TooManyRequests(retry_after=3).retry_after == 3


def test_each_problem_has_a_code_of_its_own_and_a_message() -> None:
    def kinds(kind: type[Problem]) -> list[type[Problem]]:
        return [kind, *(below for each in kind.__subclasses__() for below in kinds(each))]

    # Those of the service: a host app of another test may have declared its own.
    ours = [kind for kind in kinds(Problem) if kind.__module__.startswith("accounts.")]
    # What inherits its code is told alike: its class is for the code that catches it.
    found = [kind for kind in ours if kind not in (Problem, DeadLink) and "code" in vars(kind)]
    assert len({kind.code for kind in found}) == len(found)
    assert all(400 <= kind.status < 600 and kind.message.endswith((".", ".")) for kind in found)
