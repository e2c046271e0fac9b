"""The store: opened by its first use, on the databases that are supported, without the traps they set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from accounts.app import create_app
from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core.database.store import Store, normalize_url
from accounts.extension import get_app_state
from tests.conftest import KEY, on_both_databases
from tests.core.sites import make_site
from tests.kit.concurrency import run_concurrently


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


def test_nothing_is_made_before_the_first_use(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/deep/inside/accounts.db"
    given = {"ACCOUNTS_DATABASE_URL": url, "ACCOUNTS_SECRET_KEYS": [KEY], "ACCOUNTS_INSTANCE": str(tmp_path / "i")}
    stores = [Store(url), make_site(url).store, get_app_state(create_app(Settings.load(given))).site.store]
    assert not any(each.has_engine for each in stores)
    assert list(tmp_path.iterdir()) == []
    with stores[0].engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    assert stores[0].has_engine
    assert (tmp_path / "deep" / "inside").stat().st_mode & 0o777 == 0o700
    stores[0].close()


def test_threads_that_come_first_together_share_one_engine(store: Store) -> None:
    assert len(set(run_concurrently(16, lambda number: id(store.engine)))) == 1


@on_both_databases
def test_a_closed_store_opens_again(store: Store) -> None:
    store.close()
    for _ in range(2):
        with store.engine.connect() as connection:
            assert connection.scalar(text("SELECT 1")) == 1
        store.close()


def test_a_borrowed_engine_is_used_as_it_is_and_left_open(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/host.db")
    store = Store(engine=engine)
    assert store.engine is engine
    assert store.is_sqlite
    with engine.connect() as connection:
        pool = engine.pool
        store.close()
        assert connection.scalar(text("SELECT 1")) == 1
    assert engine.pool is pool, "disposing would have made a new one"
    engine.dispose()


def test_a_sqlite_connection_is_safe_and_waits_for_others(store: Store) -> None:
    with store.engine.connect() as connection:
        found = {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("journal_mode", "synchronous")}
        found |= {name: connection.scalar(text(f"PRAGMA {name}")) for name in ("foreign_keys", "busy_timeout")}
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10000}


@on_both_databases
def test_a_membership_needs_its_account(store: Store) -> None:
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        connection.execute(text("INSERT INTO memberships VALUES ('nobody', 'x')"))


@on_both_databases
def test_threads_that_read_and_then_write_wait_for_each_other(store: Store) -> None:
    """A deferred BEGIN that turns writer fails at once with "database is locked", whatever the timeout."""

    def read_then_write(number: int) -> None:
        for turn in range(5):
            with store.engine.begin() as connection:
                connection.execute(text("SELECT count(*) FROM spent")).scalar_one()
                connection.execute(
                    text("INSERT INTO spent (id, keep_until) VALUES (:id, '2030-01-01')"), {"id": f"{number}-{turn}"}
                )
                connection.execute(text("SELECT count(*) FROM spent")).scalar_one()

    run_concurrently(8, read_then_write)
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM spent")) == 40


def test_a_reader_is_not_held_up_by_a_writer(store: Store) -> None:
    with store.engine.begin() as writer:
        writer.execute(text("INSERT INTO spent (id, keep_until) VALUES ('a', '2030-01-01')"))
        with store.engine.connect() as reader:
            assert reader.scalar(text("SELECT count(*) FROM spent")) == 0


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_postgres_connection_does_not_wait_for_ever(store: Store) -> None:
    with store.engine.connect() as connection:
        found = {
            name: connection.scalar(text(f"SHOW {name}"))
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        }
    assert found == {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "1min"}


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:psst@db/x", "postgres://u:psst@db/x", "postgresql+psycopg2://u:psst@db/x",
     "postgresql+asyncpg://u:psst@db/x", "postgresql+psycopg://u:psst@db/x"],
)  # fmt: skip
def test_postgres_is_always_spoken_to_by_the_tested_driver(url: str) -> None:
    store = Store(url)
    assert normalize_url(url).render_as_string(hide_password=False) == "postgresql+psycopg://u:psst@db/x"
    assert str(store) == "postgresql+psycopg://u:***@db/x"
    assert not store.is_sqlite


@pytest.mark.parametrize("url", ["sqlite:////a/b.db", "sqlite+pysqlite:////a/b.db", "sqlite+aiosqlite:////a/b.db"])
def test_sqlite_is_always_spoken_to_by_pythons_own_driver(url: str) -> None:
    assert str(normalize_url(url)) == "sqlite+pysqlite:////a/b.db"


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is not a database URL"),
        ("psst", "is not a database URL"),
        ("postgresql://u:psst@host:port/x", "is not a database URL"),
        ("://u:psst@h", "is not a database URL"),
        ("mysql://u:psst@h/x", "mysql is not supported; use sqlite or postgresql"),
        ("nosuchthing://u:psst@h/x", "nosuchthing is not supported; use sqlite or postgresql"),
        ("sqlite://", "SQLite needs a file; memory is not shared by threads"),
        ("sqlite:///:memory:", "SQLite needs a file; memory is not shared by threads"),
    ],
)
def test_another_database_is_refused_without_its_password(url: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Store(url)
    assert str(caught.value) == f"ACCOUNTS_DATABASE_URL: {said}"


@on_both_databases
def test_an_error_does_not_quote_the_parameters_of_its_statement(store: Store) -> None:
    insert = text('INSERT INTO memberships (account, "group") VALUES (:who, :group)')
    with pytest.raises(IntegrityError) as caught, store.engine.begin() as connection:
        connection.execute(insert, {"who": "hush-hush", "group": "x"})
    assert "hidden due to hide_parameters" in str(caught.value)
    assert "{'who': 'hush-hush'" not in str(caught.value)


def test_a_place_that_cannot_hold_a_database_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path}/file/accounts.db")
    with pytest.raises(OperationalError), store.engine.connect():
        pass
    store.close()
