"""The file of a SQLite database: for its owner alone, and the one that was opened, or nothing is written."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from accounts.core.database import schema
from accounts.core.database.schema import NotReady
from accounts.core.database.store import Store
from tests.kit.concurrency import run_concurrently

WRITE = text("INSERT INTO spent (id, keep_until) VALUES (:id, '2030-01-01')")


@pytest.fixture
def permissive_umask() -> Iterator[None]:
    kept = os.umask(0o022)
    yield
    os.umask(kept)


def modes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def write(store: Store, id: str) -> None:
    with store.engine.begin() as connection:
        connection.execute(WRITE, {"id": id})


def migrated(path: Path) -> Store:
    store = Store(f"sqlite:///{path}")
    schema.upgrade(store)
    write(store, "first")
    return store


@pytest.mark.usefixtures("permissive_umask")
@pytest.mark.parametrize("folder_mode", [0o700, 0o755, 0o777])
def test_the_file_and_its_companions_are_for_the_owner_alone_whoever_made_the_folder(
    tmp_path: Path, folder_mode: int
) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    folder.chmod(folder_mode)
    store = migrated(folder / "accounts.db")
    assert modes(folder) == dict.fromkeys(["accounts.db", "accounts.db-wal", "accounts.db-shm"], 0o600)
    store.close()


@pytest.mark.usefixtures("permissive_umask")
def test_a_link_to_a_file_that_is_not_there_yet_leads_to_one_for_the_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "accounts.db").symlink_to(tmp_path / "volume" / "real.db")
    store = migrated(tmp_path / "accounts.db")
    assert set(modes(tmp_path / "volume").values()) == {0o600}
    store.close()


def test_files_that_others_can_read_are_mended_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "accounts.db"
    older = migrated(path)
    for each in tmp_path.iterdir():
        each.chmod(0o644)
    with caplog.at_level(logging.INFO, "accounts.store"):
        younger = Store(f"sqlite:///{path}")
        write(younger, "second")
    assert modes(tmp_path) == dict.fromkeys(["accounts.db", "accounts.db-wal", "accounts.db-shm"], 0o600)
    assert f"{path} could be read by others (mode 644); its mode is 600 now" in caplog.messages
    older.close()
    younger.close()


def test_threads_that_come_first_together_make_one_file(tmp_path: Path) -> None:
    store = migrated(tmp_path / "accounts.db")
    store.close()
    again = Store(f"sqlite:///{tmp_path}/accounts.db")
    run_concurrently(16, lambda number: write(again, str(number)))
    again.close()


@pytest.mark.parametrize("how", ["deleted", "replaced", "replaced by a copy", "moved away with its folder"])
def test_nothing_is_written_to_a_file_that_is_not_there_any_more(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "instance" / "accounts.db"
    store = migrated(path)
    store_of_other_threads = store.engine.connect()
    if how == "deleted":
        path.unlink()
    elif how == "replaced":
        path.unlink()
        path.touch()
    elif how == "replaced by a copy":
        shutil.copy(path, tmp_path / "copy")
        (tmp_path / "copy").replace(path)
    else:
        path.parent.rename(tmp_path / "elsewhere")
    found = sorted(tmp_path.rglob("*"))
    for attempt in range(3):
        with pytest.raises(OperationalError, match="was deleted or replaced while it was in use"):
            write(store, f"lost {attempt}")
    with pytest.raises(NotReady) as caught:
        schema.check_revision(store)
    assert caught.value.code == schema.DATABASE_REPLACED
    # Connections that are made now do not make a new file, either.
    store_of_other_threads.close()
    store.close()
    with pytest.raises(OperationalError, match="was deleted or replaced"):
        write(store, "lost, too")
    assert [path for path in sorted(tmp_path.rglob("*")) if path.suffix == ".db"] == [
        path for path in found if path.suffix == ".db"
    ]
    assert len([line for line in caplog.messages if "was deleted or replaced" in line]) == 1


def test_a_file_that_comes_back_is_written_to_again(tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    store = migrated(path)
    path.rename(tmp_path / "away.db")
    with pytest.raises(OperationalError):
        write(store, "refused")
    (tmp_path / "away.db").rename(path)
    write(store, "second")
    schema.check_revision(store)
    with store.engine.connect() as connection:
        assert connection.scalars(text("SELECT id FROM spent ORDER BY id")).all() == ["first", "second"]
    store.close()


def test_the_turn_of_a_writer_that_is_refused_is_given_back(tmp_path: Path) -> None:
    path = tmp_path / "accounts.db"
    store = migrated(path)
    path.rename(tmp_path / "away.db")
    for _ in range(3):
        with pytest.raises(OperationalError):
            write(store, "refused")
    (tmp_path / "away.db").rename(path)
    run_concurrently(8, lambda number: write(store, str(number)))
    store.close()
