"""What each page, JSON answer and console listing costs in a large installation, against a small one.

    python bench/growth.py [--rounds 9] [--scale 1.0] [--postgres URL URL] [--folder KEPT]

The large one has 1,000,000 accounts, 3,000,000 lines in the log, 100,000 invitations, 50,000 letters and 1,000,000
spent ids, times ``--scale``. Both are asked in turn in this process, through the WSGI application and the commands
of the console; CPU is counted, of PostgreSQL's processes, too. What is more than 1.5 times as dear says so, and the
exit status is 1. Making the databases takes some minutes; a ``--folder`` keeps them for the next run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import growth_data
from flask.testing import FlaskClient
from growth_data import ADMIN, ADMIN_EMAIL, LARGE, MEMBER, MEMBER_EMAIL, SMALL, Size
from sqlalchemy import text

from accounts import Settings, create_app
from accounts.cli import cli
from accounts.core.database.store import Store
from accounts.core.site import Site
from accounts.flows import LINKS, TOKENS
from accounts.testing import sign_in

KEY = "kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-bench"
ALLOWED_RATIO = 1.5

MEMBER_PAGES = ("/account/sessions", "/api/account/sessions", "/account", "/account/apps", "/account/identities",
    "/api/account/export")  # fmt: skip
ACCOUNT_SEARCHES = ("", "q=zebulon.quagga@members.example", "q=quagga", "q=quagga+zeb", "q=mil", "q=m", "q=domain1",
    "q=nobody-has-this", "group=board", "group=staff", "state=disabled", "state=locked", "q=quagga&state=active",
    "q=quagga&group=staff", "q=ann&group=board")  # fmt: skip
EVENT_SEARCHES = ("", "kind=sign-in", "kind=mail", "kind=account", "kind=board.met", "kind=no-such",
    f"account={MEMBER}", f"account={MEMBER_EMAIL}", f"actor={MEMBER}", "network=198.51.100.7",
    f"account={MEMBER}&kind=mail", "network=198.51.100.7&kind=sign-in", "since=2020-01-01&kind=board")  # fmt: skip
INVITE_SEARCHES = ("", "q=quagga", f"q={MEMBER_EMAIL}", "q=guests", "state=pending", "state=expired",
    "state=accepted", "state=revoked", "batch=batch00000000001", "batch=batch00000000001&state=pending",
    "q=quagga&state=pending")  # fmt: skip
ADMIN_PAGES = (
    "/admin",
    *(f"{page}?{query}" for query in ACCOUNT_SEARCHES for page in ("/admin/accounts", "/api/admin/accounts")),
    f"/admin/accounts/{MEMBER}", f"/admin/accounts/{ADMIN}", f"/api/admin/accounts/{MEMBER}",
    *(f"/api/admin/audit?{query}" for query in EVENT_SEARCHES), "/admin/audit",
    *(f"/api/admin/invites?limit=50&{query}" for query in INVITE_SEARCHES), "/admin/invites?limit=50",
    "/api/admin/invites/batches?limit=2", "/admin/invites/batches?limit=2",
    "/api/admin/invites/batches/batch00000000001?limit=50", "/api/admin/mail?limit=50", "/admin/mail", "/admin/keys",
    "/admin/limits", "/api/admin/apps",
)  # fmt: skip
COMMANDS = ("users list quagga --limit 50", f"users show {MEMBER_EMAIL}", f"users list-sessions {MEMBER_EMAIL}",
    f"users show-history {MEMBER_EMAIL}", "invites list quagga", "mail count", "mail list",
    f"mail trace {MEMBER_EMAIL}",
    f"audit list --account {MEMBER_EMAIL}", "audit list --network 198.51.100.7", f"limits show {MEMBER_EMAIL}",
    "keys list")  # fmt: skip


Call = Callable[[], None]


@dataclass
class Installation:
    """One of the two.

    :ivar listings: what is measured, by name.
    :ivar postmaster: the process id of the database's server; 0 with SQLite.
    """

    listings: Mapping[str, Call]
    postmaster: int

    def measure(self, name: str) -> float:
        """Return the microseconds of CPU that one listing takes, the database's server included."""
        before = self._cpu_seconds()
        self.listings[name]()
        return (self._cpu_seconds() - before) * 1e6

    def _cpu_seconds(self) -> float:
        return time.process_time() + (_server_cpu_seconds(self.postmaster) if self.postmaster else 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--postgres", nargs=2, metavar="URL", help="two empty databases instead of SQLite")
    parser.add_argument("--folder", type=Path, help="keeps the databases, or has them from the last run")
    parser.add_argument("--only", default="", help="only what has this text in its name")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folders = [folder / "small", folder / "large"]
        urls = given.postgres or [f"sqlite:///{each}/accounts.db" for each in folders]
        environments = [
            make_installation(*each) for each in zip(folders, urls, (SMALL, LARGE.scaled(given.scale)), strict=True)
        ]
        # After both were made: some of the pages want a fresh session.
        small, large = (open_installation(each) for each in environments)
        names = [name for name in small.listings if given.only in name]
        too_dear = [name for name in names if report(name, *measure(small, large, name, given.rounds))]
        sys.exit(bool(too_dear))


def make_installation(folder: Path, url: str, size: Size) -> dict[str, str]:
    """Make an installation where it is not there yet, and return the environment of its commands."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        "ACCOUNTS_ENV": "development",
        "ACCOUNTS_INSTANCE": str(folder),
        "ACCOUNTS_DATABASE_URL": url,
        "ACCOUNTS_SECRET_KEYS": KEY,
    }
    if not (folder / "filled").exists():
        began = time.monotonic()
        growth_data.fill(Site(Settings.load(environment), LINKS, tokens=TOKENS), size)
        (folder / "filled").touch()
        print(f"{folder.name}: {size.accounts} accounts, made in {time.monotonic() - began:.0f} s", flush=True)
    return environment


def open_installation(environment: Mapping[str, str]) -> Installation:
    """Start an application on an installation, and sign an admin and a member in."""
    app = create_app(Settings.load(environment))
    admin, member = app.test_client(), app.test_client()
    sign_in(admin, email=ADMIN_EMAIL)
    sign_in(member, email=MEMBER_EMAIL)
    listings: dict[str, Call] = {f"member {path}": _page(member, path) for path in MEMBER_PAGES}
    listings |= {f"admin {path}": _page(admin, path) for path in ADMIN_PAGES}
    listings |= {f"accounts {words}": _command(words, environment) for words in COMMANDS}
    return Installation(listings, _find_postmaster(Store(environment["ACCOUNTS_DATABASE_URL"])))


def _page(client: FlaskClient, path: str) -> Call:
    def call() -> None:
        answer = client.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])

    return call


def _command(words: str, environment: Mapping[str, str]) -> Call:
    def call() -> None:
        os.environ.update(environment)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            cli.main(words.split(), prog_name="accounts", standalone_mode=False)

    return call


def measure(small: Installation, large: Installation, name: str, rounds: int) -> tuple[float, float, float]:
    """Return the medians of both, in microseconds, and of the ratios in each round."""
    for each in (small, large):
        each.measure(name)
    pairs = [(small.measure(name), large.measure(name)) for _ in range(rounds)]
    ratios = [large_us / small_us for small_us, large_us in pairs]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs), statistics.median(ratios)


def report(name: str, small_us: float, large_us: float, ratio: float) -> bool:
    """Print one line, and return whether it is too dear."""
    is_too_dear = ratio > ALLOWED_RATIO
    print(f"{ratio:>7.2f} {small_us:>9.0f} {large_us:>9.0f} us  {name}{'  <-- too dear' * is_too_dear}", flush=True)
    return is_too_dear


def _find_postmaster(store: Store) -> int:
    if store.is_sqlite:
        return 0
    with store.engine.connect() as connection:
        backend = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def _server_cpu_seconds(postmaster: int) -> float:
    """Return the seconds that the server's processes have used; one that ended with its connection is not seen."""
    nanoseconds = 0
    for pid in Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text().split():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            nanoseconds += int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
    return nanoseconds / 1e9


if __name__ == "__main__":
    main()
