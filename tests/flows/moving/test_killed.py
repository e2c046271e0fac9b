"""kill -9 in the middle of moving: what was brought in is whole, and nothing half looks like all of it."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from accounts.core.database import schema
from accounts.core.database.store import Store
from accounts.core.models.account import Account, Membership
from accounts.core.models.audit import AuditRow
from accounts.flows.moving.copy import list_tables
from accounts.flows.moving.import_accounts import ACCOUNT_IMPORTED_EVENT, ROWS_PER_TRANSACTION
from tests.conftest import KEY, on_both_databases
from tests.flows.moving.files import BCRYPT, person, write_csv
from tests.people import Service

pytestmark = pytest.mark.faults
PEOPLE = 8 * ROWS_PER_TRANSACTION
PATIENCE = 120


@pytest.fixture
def people(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "people.csv", (person(f"p{number}", groups="staff") for number in range(PEOPLE)))


class Command:
    """``accounts`` as a process of its own, on a database, that can be killed with all that it has begun."""

    def __init__(self, database: str, *arguments: str) -> None:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path)}
        environ |= {"ACCOUNTS_DATABASE_URL": database, "ACCOUNTS_SECRET_KEYS": KEY, "ACCOUNTS_ENV": "development"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "accounts", *arguments],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def ends(self) -> str:
        """What it said; it has to end well."""
        text, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, text
        return text

    def killed(self, when: Callable[[], object]) -> bool:
        """Kill it a moment after something has come; False where it had ended before."""
        end = time.monotonic() + PATIENCE
        while self.process.poll() is None and not when():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.1))
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        text, _ = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode in (0, -signal.SIGKILL), text
        return self.process.returncode != 0


def brought_in(store: Store) -> int:
    """How many accounts there are: whole batches, each account with its group and its line in the log."""
    with store.engine.connect() as connection:
        lines = select(func.count()).select_from(AuditRow).where(AuditRow.kind == ACCOUNT_IMPORTED_EVENT)
        counts = select(*(
            each.scalar_subquery()
            for each in (
                select(func.count()).select_from(Account), select(func.count()).select_from(Membership), lines,
            )
        ))  # fmt: skip
        accounts, members, noted = connection.execute(counts).one()
    assert accounts == members == noted
    assert accounts % ROWS_PER_TRANSACTION == 0
    return int(accounts)


@on_both_databases
def test_an_import_that_was_killed_and_run_again_loses_and_doubles_nobody(
    service: Service, database: str, people: Path
) -> None:
    store = service.site.store

    def goes_on() -> bool:
        before = brought_in(store)
        return Command(database, "import", str(people)).killed(lambda: brought_in(store) > before)

    assert sum(goes_on() for _ in range(3)) > 1, "it was in the middle"
    Command(database, "import", str(people)).ends()
    assert brought_in(store) == PEOPLE
    with store.engine.connect() as connection:
        keys = set(connection.scalars(select(Account.email_key)))
        hashes = set(connection.scalars(select(Account.password_hash)))
    assert keys == {f"p{number}@example.org" for number in range(PEOPLE)}
    assert hashes == {BCRYPT["stored"]}
    assert f"0 came in, {PEOPLE} are here already" in Command(database, "import", str(people)).ends()


@pytest.mark.parametrize("to", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_copy_that_was_killed_leaves_a_target_that_is_empty_and_can_be_copied_to(
    service: Service, database: str, people: Path, other: str
) -> None:
    Command(database, "import", str(people)).ends()
    target = Store(other)
    # The tables are there just before the first row is copied.
    Command(database, "data", "copy", "--to", other).killed(lambda: is_current(target))
    if any(rows(target).values()):
        assert rows(target) == rows(service.site.store), "it came to its end"
    else:
        Command(database, "data", "copy", "--to", other).ends()
    assert rows(target) == rows(service.site.store)
    target.close()


def is_current(store: Store) -> bool:
    try:
        schema.check_revision(store)
    except Exception:  # noqa: BLE001 - whatever says that it is not there yet
        return False
    return True


def rows(store: Store) -> dict[str, int]:
    with store.engine.connect() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in list_tables()
        }


@on_both_databases
def test_a_backup_that_was_killed_leaves_the_older_one_or_a_whole_one(
    service: Service, database: str, people: Path, tmp_path: Path
) -> None:
    if not service.site.store.is_sqlite and shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump here; on Debian: apt install postgresql-client")
    Command(database, "import", str(people)).ends()
    backed_up = tmp_path / "backup"
    backed_up.write_bytes(b"older")
    for _ in range(4):
        if backup_killed(database, backed_up):
            assert backed_up.read_bytes() == b"older" or is_whole(service.site.store, backed_up)
        else:
            assert is_whole(service.site.store, backed_up)
        backed_up.write_bytes(b"older")
    Command(database, "data", "backup", str(backed_up)).ends()
    assert is_whole(service.site.store, backed_up)


def backup_killed(database: str, path: Path) -> bool:
    """Kills a backup as soon as it writes; False where it was faster."""
    parts = set(path.parent.glob(".*.part"))
    return Command(database, "data", "backup", str(path)).killed(lambda: set(path.parent.glob(".*.part")) - parts)


def is_whole(store: Store, path: Path) -> bool:
    """Whether a backup has every account."""
    if not store.is_sqlite:
        result = subprocess.run(
            ["pg_restore", "--data-only", "--table=accounts", "--file=-", str(path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return result.stdout.count("@example.org\t") >= PEOPLE
    copy = Store(f"sqlite:///{path}")
    try:
        return brought_in(copy) == PEOPLE
    finally:
        copy.close()
