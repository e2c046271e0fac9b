"""The tables: made, compared with the models, and told when they are not what this code knows."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from accounts.config_sources import SettingsError
from accounts.core.database import schema
from accounts.core.database.schema import VERSION_TABLE, NotReady
from accounts.core.database.store import Store
from accounts.core.models.base import Base
from tests.conftest import on_both_databases
from tests.kit.concurrency import run_concurrently

_numbers = count(1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store on a database without tables."""
    if request.param == "sqlite":
        store = Store(f"sqlite:///{tmp_path}/empty.db")
        yield store
        store.close()
        return
    server, name = request.getfixturevalue("postgres_server"), f"empty{next(_numbers)}"
    store = Store(server.create_database(name))
    yield store
    store.close()
    server.drop_database(name)


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    made = Store(database)
    yield made
    made.close()


def tables(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names())


def set_version(store: Store, version: str, oldest_code: str | None) -> None:
    """Have tables of another version, on which code of ``oldest_code`` and newer works."""
    statement = f"UPDATE {VERSION_TABLE} SET version_num = :version, oldest_code = :oldest"  # noqa: S608 - our own name
    with store.engine.begin() as connection:
        connection.execute(text(statement), {"version": version, "oldest": oldest_code})


def downgrade(store: Store, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.migrations_folder()))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, to)


OURS = set(Base.metadata.tables) | {VERSION_TABLE}


def test_an_empty_database_is_upgraded_once_and_then_left_alone(empty: Store) -> None:
    assert tables(empty) == set()
    schema.upgrade(empty)
    assert tables(empty) == OURS
    schema.upgrade(empty)
    schema.check_revision(empty)


def test_four_that_start_at_once_upgrade_one_after_the_other(empty: Store) -> None:
    url = empty.engine.url.render_as_string(hide_password=False)

    def start(number: int) -> None:
        store = Store(url)
        schema.upgrade(store)
        schema.check_revision(store)
        store.close()

    run_concurrently(4, start)
    assert tables(empty) == OURS


def test_a_first_start_waits_for_whoever_holds_the_new_file(tmp_path: Path) -> None:
    """Turning a file to WAL does not heed the busy timeout."""
    holder = sqlite3.connect(tmp_path / "new.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    leave = threading.Timer(0.3, holder.close)
    leave.start()
    store = Store(f"sqlite:///{tmp_path}/new.db")
    schema.upgrade(store)
    leave.join()
    assert tables(store) == OURS
    store.close()


def test_it_goes_down_to_nothing_and_up_again(empty: Store) -> None:
    schema.upgrade(empty)
    downgrade(empty, "base")
    assert tables(empty) == {VERSION_TABLE}
    with pytest.raises(SettingsError, match="of version none"):
        schema.check_revision(empty)
    schema.upgrade(empty, schema.head_revision())
    schema.check_revision(empty)
    assert tables(empty) == OURS


def test_a_failed_upgrade_leaves_nothing_behind(empty: Store) -> None:
    with empty.engine.begin() as connection:
        connection.execute(text("CREATE TABLE memberships (x INTEGER)"))
    with pytest.raises(SettingsError, match=r"memberships.*exists"):
        schema.upgrade(empty)
    assert tables(empty) == {"memberships"}


@on_both_databases
def test_models_and_migrations_say_the_same(store: Store) -> None:
    with store.engine.connect() as connection:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


@on_both_databases
def test_indexes_of_some_rows_hold_these_rows(store: Store) -> None:
    found, option = inspect(store.engine), f"{store.engine.dialect.name}_where"
    conditions = {
        index["name"]: re.sub("[()]", "", str(index["dialect_options"][option]))
        for table in Base.metadata.tables
        for index in found.get_indexes(table)
        if option in index.get("dialect_options", {})
    }
    assert conditions == {
        index.name: index.info["where"]
        for table in Base.metadata.tables.values()
        for index in table.indexes
        if "where" in index.info
    }
    assert conditions


@on_both_databases
def test_each_constraint_has_a_name(store: Store) -> None:
    found = inspect(store.engine)
    for table in Base.metadata.tables:
        assert found.get_pk_constraint(table)["name"] == f"pk_{table}"
        assert all(index["name"] for index in found.get_indexes(table))
    assert [each["name"] for each in found.get_unique_constraints("accounts")] == ["uq_accounts_email_key"]
    assert [each["name"] for each in found.get_foreign_keys("memberships")] == ["fk_memberships_account_accounts"]


def test_a_database_without_tables_says_what_to_run(empty: Store) -> None:
    with pytest.raises(SettingsError) as caught:
        schema.check_revision(empty)
    assert str(caught.value) == f"the tables are of version none, not {schema.head_revision()}; run: accounts upgrade"


@on_both_databases
def test_tables_of_a_newer_version_are_left_alone(store: Store) -> None:
    set_version(store, "9999", oldest_code="9999")
    output = "the tables are of version 9999, which this code does not know; it is older than they are"
    for ask in (schema.check_revision, schema.upgrade):
        with pytest.raises(SettingsError) as caught:
            ask(store)
        assert str(caught.value) == output


@pytest.mark.parametrize("ask", [schema.check_revision, schema.upgrade])
def test_a_database_that_does_not_answer_is_told_in_one_line_without_its_password(
    ask: object, tmp_path: Path
) -> None:
    assert callable(ask)
    for url in ("postgresql://u:psst@127.0.0.1:1/x?connect_timeout=1", f"sqlite:///{tmp_path}/x"):
        (tmp_path / "x").mkdir(exist_ok=True)
        store = Store(url)
        with pytest.raises(SettingsError) as caught:
            ask(store)
        (line,) = str(caught.value).splitlines()
        assert line.startswith(f"ACCOUNTS_DATABASE_URL: cannot use {store}: ")
        assert "psst" not in line
        store.close()


def test_a_file_that_is_no_database_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("no database at all, " * 100)
    store = Store(f"sqlite:///{tmp_path}/x.db")
    with pytest.raises(SettingsError, match="file is not a database"):
        schema.upgrade(store)
    store.close()


def test_a_host_may_keep_its_own_migrations_in_the_same_database(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/host.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('hosts')"))
    store = Store(engine=engine)
    schema.upgrade(store)
    schema.check_revision(store)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "hosts"
    engine.dispose()


@on_both_databases
def test_newer_tables_on_which_this_code_works_are_used_as_they_are(store: Store) -> None:
    set_version(store, "9999", oldest_code=schema.head_revision())
    for ask in (schema.check_revision, schema.upgrade, schema.check_revision):
        ask(store)
    with store.engine.connect() as connection:
        assert schema.current_revision(connection) == "9999"


@on_both_databases
def test_newer_tables_that_do_not_say_who_works_on_them_are_left_alone(store: Store) -> None:
    set_version(store, "9999", oldest_code=None)
    with pytest.raises(NotReady) as caught:
        schema.check_revision(store)
    assert caught.value.code == schema.TABLES_NEWER


def test_each_revision_says_which_code_works_on_its_tables() -> None:
    scripts = ScriptDirectory(str(schema.migrations_folder())).walk_revisions()
    said = {each.revision: getattr(each.module, "oldest_code", "") for each in scripts}
    assert {revision: oldest for revision, oldest in said.items() if oldest not in said or oldest > revision} == {}


@on_both_databases
def test_the_tables_say_which_code_works_on_them(store: Store) -> None:
    scripts = ScriptDirectory(str(schema.migrations_folder())).walk_revisions()
    with store.engine.connect() as connection:
        said = connection.scalar(text(f"SELECT oldest_code FROM {VERSION_TABLE}"))  # noqa: S608 - our own name
    assert said == max(each.module.oldest_code for each in scripts)
