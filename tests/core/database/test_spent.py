"""What is used up."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database import spent
from accounts.core.database.spent import FOR_EVER
from accounts.core.models.counters import Spent
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import Service


@on_both_databases
def test_of_fifty_at_once_one_spends_it(service: Service) -> None:
    def spend(number: int) -> bool:
        uow = service.uow()
        with uow:
            return uow.spend("invite:x", now() + timedelta(days=1))

    assert run_concurrently(50, spend).count(True) == 1


@on_both_databases
def test_what_is_spent_stays_so_and_says_so(service: Service) -> None:
    uow = service.uow()
    with uow:
        assert uow.spend("a", FOR_EVER)
        assert not uow.spend("a", FOR_EVER)
    assert spent.is_spent(uow.session, "a")
    assert not spent.is_spent(uow.session, "b")
    assert not uow.spend("a", now())
    uow.close()


@on_both_databases
def test_what_is_rolled_back_is_not_spent(service: Service) -> None:
    uow = service.uow()
    assert uow.spend("a", FOR_EVER)
    uow.close()
    assert not spent.is_spent(uow.session, "a")
    uow.close()


@on_both_databases
def test_the_sweep_forgets_what_cannot_be_alive_any_more(service: Service) -> None:
    engine, moment = service.site.store.engine, now()
    with Session(engine) as session, session.begin():
        for name, at in (("old", moment - timedelta(seconds=1)), ("new", moment + timedelta(hours=1))):
            spent.spend(session, name, at)
        spent.spend(session, "ever", FOR_EVER)
    assert spent.delete_expired(engine) == 1
    assert spent.delete_expired(engine) == 0
    with Session(engine) as session:
        assert session.get(Spent, "old") is None
        assert session.get_one(Spent, "ever").keep_until == FOR_EVER
