"""How fast and in how much memory accounts move: rehearsed, brought in, written out, copied.

``python bench/moving.py [--accounts 100000] [--postgres URL]``. Each step runs in a process of its own, so that its
peak of memory is its own; ``hello`` is what a process needs that has only opened the store. Without ``--postgres`` it
starts a server of its own, the same way as the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sqlalchemy import func, select

from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.database.store import Store
from accounts.core.models.account import Account
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS, TOKENS
from accounts.flows.moving import backup, copy, export, import_accounts
from accounts.flows.moving.rows import ImportOptions

HASH = "pbkdf2_sha256$600000$c2FsdHNhbHQ$" + "A" * 43 + "="
GOAL = 2000
"""Rows a second at least."""
KEY = "kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-bench"


def write_file(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("email,password_hash,name,groups,confirmed_at,active,created_at\n")
        for number in range(count):
            file.write(f"person{number}@example.org,{HASH},Person {number},staff|group{number % 20},"
                       "2020-01-01T00:00:00Z,1,2020-01-01T00:00:00Z\n")  # fmt: skip


def make_site(url: str) -> Site:
    given = {"ACCOUNTS_DATABASE_URL": url, "ACCOUNTS_SECRET_KEYS": KEY}
    return Site(Settings.load(given), LINKS, tokens=TOKENS)


def step(name: str, url: str, path: Path) -> int:
    """Do one step; answers how many rows it was about."""
    site = make_site(url)
    how = ImportOptions(source="plain")
    if name == "hello":
        schema.check_revision(site.store)
        return 0
    if name == "rehearse":
        return import_accounts.rehearse_import(UnitOfWork(site), path, how).rows
    if name == "import":
        report = import_accounts.import_accounts(UnitOfWork(site), path, how)
        assert report.importable == report.rows, report
        return report.importable
    if name == "import again":
        report = import_accounts.import_accounts(UnitOfWork(site), path, how)
        assert report.already_imported == report.rows, report
        return report.rows
    if name == "export":
        with path.with_suffix(".jsonl").open("w", encoding="utf-8") as out:
            out.writelines(export.format_json_lines(export.export_accounts(UnitOfWork(site))))
        with site.store.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(Account)).scalar_one()
    if name == "backup":
        backup.write_backup(site.store, path.with_suffix(".backup"))
        return 0
    raise ValueError(name)


def measured(name: str, url: str, path: Path, to: str) -> dict[str, Any]:
    began, worked = time.perf_counter(), time.process_time()
    if name == "copy":
        site, target = make_site(url), Store(to)
        rows = sum(copy.copy_database(site.store, target).values())
    else:
        rows = step(name, url, path)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"rows": rows, "seconds": seconds, "cpu": time.process_time() - worked, "peak_mib": peak}


def in_own_process(name: str, url: str, path: Path, to: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--step", name, "--url", url, "--file", str(path), "--to", to],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextlib.contextmanager
def postgres_url(given: str) -> Iterator[str]:
    if given:
        yield given
        return
    from tests.servers.postgres import postgres

    with postgres() as server:
        yield server.create_database("bench")


def report(count: int, given: str) -> bool:
    print(f"{count} accounts; rows a second and the peak of memory of the process")
    good = True
    with tempfile.TemporaryDirectory() as folder, postgres_url(given) as other:
        place = Path(folder)
        path = place / "people.csv"
        write_file(path, count)
        for label, url in (("SQLite", f"sqlite:///{place / 'accounts.db'}"), ("PostgreSQL", other)):
            store = Store(url)
            schema.upgrade(store)
            store.close()
            for name in ("hello", "rehearse", "import", "import again", "export", "backup"):
                good &= show(label, name, in_own_process(name, url, path))
        to = f"sqlite:///{place / 'copy.db'}"
        good &= show("PostgreSQL", "copy", in_own_process("copy", other, path, to))
    return good


def show(label: str, name: str, found: dict[str, Any]) -> bool:
    speed = found["rows"] / found["seconds"] if found["rows"] else 0
    rate = f"{speed:>9,.0f}/s" if speed else " " * 11
    cost = f"{found['cpu']:7.1f} s of CPU {found['peak_mib']:7.0f} MiB"
    print(f"{label:>11} {name:<13} {found['seconds']:7.1f} s {rate} {cost}", flush=True)
    return name != "import" or speed >= GOAL


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--accounts", type=int, default=100_000)
    arguments.add_argument("--postgres", default="")
    for option in ("--step", "--url", "--file", "--to"):
        arguments.add_argument(option, default="", help=argparse.SUPPRESS)
    said = arguments.parse_args()
    if said.step:
        print(json.dumps(measured(said.step, said.url, Path(said.file), said.to)))
    elif not report(said.accounts, said.postgres):
        sys.exit(f"the import is slower than {GOAL} rows a second")
