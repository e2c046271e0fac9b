"""One piece of work: whole or not at all, and again after a lost race."""

from __future__ import annotations

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from accounts.core.audit.log import RequestInfo
from accounts.core.database import spent
from accounts.core.database.spent import FOR_EVER
from accounts.core.errors import Conflict
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import MAX_TRANSACTION_ATTEMPTS, UnitOfWork
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import Service


def somebody(service: Service, name: str = "ann") -> str:
    with Session(service.site.store.engine, expire_on_commit=False) as session, session.begin():
        account = Account(email=f"{name}@example.org", email_key=f"{name}@example.org", locale="en")
        session.add(account)
    return account.id


def count(service: Service, table: type[AuditRow] | type[OutboxRow] | type[Account]) -> int:
    with Session(service.site.store.engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_a_unit_of_work_that_needs_no_store_never_connects(service: Service) -> None:
    with service.uow():
        pass
    service.uow().close()
    assert not service.site.store.has_engine


@on_both_databases
def test_a_commit_keeps_everything_and_wakes_the_mail_worker(service: Service) -> None:
    uow = UnitOfWork(service.site, RequestInfo("admin-id", "10.0.0.1", "Firefox on Linux", "req-1", "de"))
    with uow:
        uow.enqueue("reset-password", "ann@example.org", {"next": "/x"})
        uow.record_event("kind", account_id="a", link_id="l", facts={"n": 1})
        assert not service.site.mail_due.is_set(), "nobody may look before the commit"
    assert service.site.mail_due.is_set()
    mail, event = uow.session.scalars(select(OutboxRow)).one(), uow.session.scalars(select(AuditRow)).one()
    assert mail.facts == {"asked": {"network": "10.0.0.1", "agent": "Firefox on Linux"}, "next": "/x"}
    assert (mail.purpose, mail.subject, mail.locale, mail.attempts) == ("reset-password", "ann@example.org", "de", 0)
    assert (event.kind, event.account_id, event.actor, event.link_id) == ("kind", "a", "admin-id", "l")
    assert (event.network, event.agent, event.request_id) == ("10.0.0.1", "Firefox on Linux", "req-1")
    assert event.facts == {"n": 1}
    uow.close()


def test_a_commit_without_mail_wakes_nobody(service: Service) -> None:
    uow = service.uow()
    with uow:
        uow.record_event("kind")
    assert not service.site.mail_due.is_set()
    assert count(service, AuditRow) == 1


@on_both_databases
def test_an_error_rolls_everything_back(service: Service) -> None:
    uow = service.uow()

    def fail() -> None:
        with uow:
            uow.enqueue("reset-password", "ann@example.org")
            uow.record_event("kind")
            uow.spend("id", FOR_EVER)
            uow.session.flush()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not service.site.mail_due.is_set()
    assert count(service, AuditRow) == count(service, OutboxRow) == 0
    with uow:
        assert uow.spend("id", FOR_EVER)
    assert not service.site.mail_due.is_set(), "the letter that was rolled back is forgotten"


@on_both_databases
def test_a_commit_that_fails_escapes_and_leaves_nothing_open(service: Service) -> None:
    somebody(service)
    uow = service.uow()

    def fail() -> None:
        with uow:
            uow.enqueue("reset-password", "ann@example.org")
            uow.session.add(Account(email="ann@example.org", email_key="ann@example.org", locale="en"))

    with pytest.raises(IntegrityError):
        fail()
    assert not service.site.mail_due.is_set()
    assert count(service, OutboxRow) == 0
    assert service.site.store.engine.pool.status().endswith("Current Checked out connections: 0")


@on_both_databases
@pytest.mark.parametrize("objects_first", [True, False])
def test_bare_statements_and_objects_are_settled_together_or_not_at_all(
    service: Service, objects_first: bool
) -> None:
    somebody(service)
    uow = service.uow()

    def work(email: str) -> None:
        with uow:
            if objects_first:
                uow.session.scalars(select(Account.id)).all()
            assert uow.spend(email, FOR_EVER)
            uow.session.add(Account(email=email, email_key=email, locale="en"))
            uow.record_event("kind")

    with pytest.raises(IntegrityError):
        work("ann@example.org")
    assert count(service, AuditRow) == 0
    assert not spent.is_spent(uow.executor, "ann@example.org")
    uow.close()
    work("bea@example.org")
    assert spent.is_spent(uow.executor, "bea@example.org")
    assert (count(service, Account), count(service, AuditRow)) == (2, 1)
    uow.close()
    assert service.site.store.engine.pool.status().endswith("Current Checked out connections: 0")


@on_both_databases
def test_a_bare_statement_sees_what_was_changed_in_objects(service: Service) -> None:
    account_id, uow = somebody(service), service.uow()
    uow.session.get_one(Account, account_id).name = "Ann"
    assert uow.session.scalar(select(Account.name)) == "Ann"
    uow.close()


def test_what_was_not_settled_is_rolled_back_by_closing_which_may_happen_twice(service: Service) -> None:
    uow = service.uow()
    uow.record_event("kind")
    uow.session.flush()
    uow.close()
    uow.close()
    assert count(service, AuditRow) == 0


def test_releasing_gives_the_connection_back_and_forgets_what_was_read(service: Service) -> None:
    account_id, uow = somebody(service), service.uow()
    seen = uow.session.get_one(Account, account_id)
    uow.release()
    assert service.site.store.engine.pool.status().endswith("Current Checked out connections: 0")
    assert uow.session.get_one(Account, account_id) is not seen
    uow.close()


def test_reading_holds_nothing(service: Service) -> None:
    account_id, uow = somebody(service), service.uow()
    assert [tuple(row) for row in uow.fetch_all(select(Account.id))] == [(account_id,)]
    assert service.site.store.engine.pool.status().endswith("Current Checked out connections: 0")


@on_both_databases
def test_of_writers_who_saw_the_same_state_each_is_run_again_until_it_is_true(service: Service) -> None:
    account_id = somebody(service)
    runs: list[int] = []

    def raise_epoch(number: int) -> None:
        uow = service.uow()

        def work() -> None:
            runs.append(number)
            uow.session.get_one(Account, account_id).auth_epoch += 1

        uow.attempt(work)

    run_concurrently(2, raise_epoch)
    uow = service.uow()
    assert uow.session.get_one(Account, account_id).auth_epoch == 3
    assert 2 <= len(runs) <= 4
    uow.close()


@on_both_databases
def test_a_lost_race_is_run_again_from_the_start(service: Service) -> None:
    account_id, uow = somebody(service), service.uow()
    seen: list[int] = []

    def work() -> str:
        account = uow.session.get_one(Account, account_id)
        seen.append(account.auth_epoch)
        uow.record_event("tried")
        if len(seen) == 1:
            elsewhere = service.uow()
            with elsewhere:
                elsewhere.session.get_one(Account, account_id).auth_epoch = 7
        account.auth_epoch += 1
        return "done"

    assert uow.attempt(work) == "done"
    assert seen == [1, 7]
    assert count(service, AuditRow) == 1, "what the loser wrote is gone"


@on_both_databases
def test_an_integrity_error_is_run_again_and_told_as_a_conflict_in_the_end(service: Service) -> None:
    somebody(service)
    uow, runs = service.uow(), []

    def work() -> None:
        runs.append(1)
        uow.session.add(Account(email="ann@example.org", email_key="ann@example.org", locale="en"))

    with pytest.raises(Conflict):
        uow.attempt(work)
    assert len(runs) == MAX_TRANSACTION_ATTEMPTS == 3
    assert count(service, Account) == 1


@pytest.mark.parametrize("state", [psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected])
def test_what_postgres_says_about_a_lost_race_is_one_too(service: Service, state: type[psycopg.Error]) -> None:
    uow, runs = service.uow(), []

    def work() -> str:
        runs.append(1)
        if len(runs) < MAX_TRANSACTION_ATTEMPTS:
            raise OperationalError("UPDATE", None, state("lost"))
        return "done"

    assert uow.attempt(work) == "done"
    assert len(runs) == MAX_TRANSACTION_ATTEMPTS


@pytest.mark.parametrize(
    "error", [StaleDataError("lost"), OperationalError("x", None, psycopg.errors.DeadlockDetected())]
)
def test_whoever_loses_every_time_is_told_of_a_conflict(service: Service, error: Exception) -> None:
    def work() -> None:
        raise error

    with pytest.raises(Conflict):
        service.uow().attempt(work)


@pytest.mark.parametrize("error", [OperationalError("x", None, psycopg.errors.QueryCanceled()), KeyError("x")])
def test_any_other_error_is_not_tried_again(service: Service, error: Exception) -> None:
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        raise error

    with pytest.raises(type(error)):
        service.uow().attempt(work)
    assert runs == [1]


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_real_deadlock_is_survived(service: Service) -> None:
    ids = [somebody(service, "one"), somebody(service, "two")]

    def lock_both(number: int) -> None:
        uow = service.uow()

        def work() -> None:
            for id in ids if number else reversed(ids):
                uow.session.execute(update(Account).where(Account.id == id).values(name=str(number)))
                uow.session.execute(text("SELECT pg_sleep(0.2)"))

        uow.attempt(work)

    run_concurrently(2, lock_both)
    uow = service.uow()
    assert len(set(uow.session.scalars(select(Account.name)))) == 1
    uow.close()


def test_sqlite_says_locked_as_an_error_that_is_not_a_race(service: Service) -> None:
    def work() -> None:
        raise DBAPIError("x", None, Exception("database is locked"))

    with pytest.raises(DBAPIError, match="locked"):
        service.uow().attempt(work)
