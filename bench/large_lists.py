"""What the largest lists take: letters to print, links, reports, and acts on as many accounts, to their end.

    python bench/large_lists.py [--rows 20000] [--postgres URL] [--only SQLite]

So many are invited by one list, beside as many accounts. Every step is a command of the console in a process of its
own, so that its peak of memory is its own; ``nothing`` is a command that only opens the database. Seconds are of the
clock, its start included; CPU is that of the command, without PostgreSQL's. Without ``--postgres`` a server is
started that keeps what it is given. Whether it takes as much more as there is more: run it with ``--rows 5000``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.contender import ROOT
from harness.postgres import start_postgres

KEY = "kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-bench"
STEPS: Mapping[str, tuple[str, ...]] = {
    "nothing": ("mail", "count"),
    "accounts brought in": ("import", "{accounts}", "--confirmed"),
    "list judged": ("invites", "create", "--csv", "{invited}", "--batch", "list", "--dry-run"),
    "invitations queued": ("invites", "send-batch", "list"),
    "letters, printed": ("invites", "print-letters", "list"),
    "links as CSV": ("invites", "export-batch", "list", "--order", "name"),
    "report as CSV": ("invites", "report", "list"),
    "Sign-out": ("users", "bulk", "start", "sign-out", "--all", "--yes"),
    "added to a group": ("users", "bulk", "start", "add-groups", "--all", "--group", "staff", "--yes"),
    "invitations revoked": ("invites", "revoke", "--batch", "list"),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command took.

    :ivar peak: memory, in MiB.
    """

    seconds: float
    cpu: float
    peak: float


def write_lists(folder: Path, rows: int) -> dict[str, str]:
    """Write a list of accounts and one of people to invite, and return their paths."""
    accounts, invited = folder / "accounts.csv", folder / "invited.csv"
    with accounts.open("w", encoding="utf-8") as file:
        file.write("email,name\n")
        file.writelines(f"person{number}@example.org,Person {number}\n" for number in range(rows))
    with invited.open("w", encoding="utf-8") as file:
        file.write("email,name,groups\n")
        file.writelines(
            f"invited{number}@example.net,Maximilian Mustermann {number},class-{number % 40}\n"
            for number in range(rows)
        )
    return {"accounts": str(accounts), "invited": str(invited)}


def run_command(arguments: tuple[str, ...], environ: Mapping[str, str], folder: Path) -> Cost:
    """Run a command of the console to its end, its output into a file."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "accounts", *arguments], env=environ, cwd=folder, stdout=out, stderr=err
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"accounts {' '.join(arguments)}: {(folder / 'err').read_text()[-2000:]}")
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def measure(label: str, url: str, folder: Path, rows: int) -> None:
    """Make one installation, run all steps, and print a line for each."""
    folder.mkdir()
    paths = write_lists(folder, rows)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "ACCOUNTS_ENV": "development",
        "ACCOUNTS_INSTANCE": str(folder),
        "ACCOUNTS_DATABASE_URL": url,
        "ACCOUNTS_SECRET_KEYS": KEY,
    }
    run_command(("upgrade",), environ, folder)
    for name, arguments in STEPS.items():
        cost = run_command(tuple(each.format_map(paths) for each in arguments), environ, folder)
        rate = "" if name == "nothing" else f"{rows / cost.seconds:,.0f}"
        size = (folder / "out").stat().st_size / 1_000_000
        figures = f"{cost.seconds:7.1f} {rate:>7} {cost.cpu:7.1f} {cost.peak:6.0f} {size:7.1f}"
        print(f"{label:>10} {rows:>6} {name:<20} {figures}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000, help="at most 20,000, the largest list that is taken")
    parser.add_argument("--postgres", default="", metavar="URL", help="an empty database")
    parser.add_argument("--only", choices=("SQLite", "PostgreSQL"), help="one of the databases")
    given = parser.parse_args()
    print(f"{'database':>10} {'rows':>6} {'step':<20} seconds  rows/s   CPU s    MiB  MB out")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if given.only != "PostgreSQL":
            measure("SQLite", f"sqlite:///{place / 'accounts.db'}", place / "sqlite", given.rows)
        if given.only != "SQLite":
            url = given.postgres or start_postgres(stack)
            measure("PostgreSQL", url, place / "postgres", given.rows)


if __name__ == "__main__":
    main()
