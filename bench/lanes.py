"""How long a letter that somebody waits for takes while a list is being mailed.

    python bench/lanes.py [INVITATIONS] [--postgres [URL]]

So many invitations wait in the lane of lists (20,000 unless told), the threads of one process work them off, and
resets, sign-in links and activations are asked for over HTTP meanwhile. Printed are the seconds from the answer to
the mail server's 250, beside those with nothing waiting. The mail server is a process of its own. On SQLite, or with
``--postgres`` in an empty database: of a server that is started for it and keeps what it is given, or by its URL.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from harness.letters import Sink
from harness.postgres import start_postgres
from sqlalchemy import insert

from accounts import Accounts
from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.ids import new_id
from accounts.core.mail_lanes import BULK, DIRECT
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.core.outbox import cancel_batch, count_items
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state, start_workers
from accounts.flows.shared import accounts
from accounts.flows.shared.accounts import NoPassword

BATCH = "list"
ASKS = 20
MAX_SECONDS = 60.0
PATHS = {"reset": "/api/forgot-password", "sign-in link": "/api/sign-in/mail", "activation": "/api/sign-up"}


def make_settings(port: int, folder: Path, url: str) -> Settings:
    return Settings.load(
        {
            **({"ACCOUNTS_DATABASE_URL": url} if url else {}),
            "ACCOUNTS_INSTANCE": str(folder),
            "ACCOUNTS_MAIL_SERVER": "127.0.0.1",
            "ACCOUNTS_MAIL_PORT": str(port),
            "ACCOUNTS_DEVELOPMENT_NO_LIMITS": "1",
        }
    )


def queue_list(site: Site, count: int) -> None:
    """Queue the invitations of a list, all of them due at once."""
    moment, ids = now(), [new_id() for _ in range(count)]
    invites = [
        {
            "id": id,
            "email": f"invited{number}@example.net",
            "email_key": f"invited{number}@example.net",
            "groups": [],
            "locale": "en",
            "inviter_id": "",
            "batch_id": BATCH,
            "expires_at": moment + timedelta(days=7),
        }
        for number, id in enumerate(ids)
    ]
    letters: list[dict[str, Any]] = [
        {"purpose": "invite", "subject": id, "facts": {"asked": {}}, "locale": "en", "lane": BULK, "batch": BATCH}
        for id in ids
    ]
    with UnitOfWork(site) as uow:
        uow.session.execute(insert(SentInvite), invites)
        uow.session.execute(insert(OutboxRow), letters)


def make_people(site: Site, count: int) -> None:
    """Make accounts that ask for letters."""
    with UnitOfWork(site) as uow:
        for number in range(count):
            accounts.create_account(uow, f"person{number}@example.org", NoPassword(), locale="en")


def measure_seconds(app: Flask, sink: Sink, path: str, email: str) -> float:
    """Ask for a letter, and return how many seconds later the mail server has it."""
    client = app.test_client()
    token = client.get("/api/csrf").get_json()["csrf_token"]
    answer = client.post(path, json={"email": email}, headers={"X-CSRF-Token": token})
    assert answer.status_code == 202, answer.get_data(as_text=True)
    began = time.monotonic()
    while sink.letters.link_to(email) is None:
        assert time.monotonic() - began < MAX_SECONDS, f"no letter to {email}"
        time.sleep(0.002)
    return time.monotonic() - began


def report(app: Flask, sink: Sink, state: str) -> None:
    """Print the seconds of some letters of each kind: median and longest."""
    for kind, path in PATHS.items():
        people = [
            f"{kind.split('-')[0]}{state.split(maxsplit=1)[0]}{number}@example.com"
            if kind == "activation"
            else f"person{number}@example.org"
            for number in range(ASKS)
        ]
        waits = [measure_seconds(app, sink, path, email) for email in people]
        print(f"{state:<26} {kind:<14} {statistics.median(waits):8.3f} {max(waits):8.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("invitations", type=int, nargs="?", default=20_000)
    parser.add_argument("--postgres", nargs="?", const="", metavar="URL", help="instead of SQLite")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = "" if given.postgres is None else given.postgres or start_postgres(stack)
        sink = Sink(folder)
        stack.callback(sink.stop)
        app = Flask(__name__)
        Accounts(app, settings=make_settings(sink.port, folder / "instance", url))
        site = get_app_state(app).site
        schema.upgrade(site.store)
        make_people(site, ASKS)
        stop = start_workers(app)
        try:
            measure(app, sink, given.invitations)
        finally:
            stop(MAX_SECONDS)
            site.store.close()


def measure(app: Flask, sink: Sink, count: int) -> None:
    """Print what letters take while nothing waits, and while a list does; then cancel the list."""
    site = get_app_state(app).site
    print(f"{site.store.engine.dialect.name:<26} {'asked for':<14} {'median s':>8} {'longest':>8}")
    report(app, sink, "nothing")
    queue_list(site, count)
    began, carried = time.monotonic(), sink.letters.read()
    report(app, sink, f"{count} invitations")
    seconds, waiting = time.monotonic() - began, count_items(site.store.engine)[0]
    pace = (sink.letters.read() - carried) / seconds
    print(f"{waiting} still wait; {pace:.0f} letters a second in all, lane {DIRECT!r} first")
    began = time.monotonic()
    with UnitOfWork(site) as uow:
        cancelled = cancel_batch(uow.executor, BATCH)
    print(f"cancelled {cancelled} in {time.monotonic() - began:.3f} s")


if __name__ == "__main__":
    main()
