"""How much memory inviting by a list takes: reading it, sending it, and taking its links along.

    python bench/streams.py [--rows 10000] [--database postgresql://...]

Each step runs in a process of its own, once with a tenth of the rows and once with all of them, through the addresses
that a browser or another program would ask. What counts is how far memory grew above what the process held before:
the two figures of one step have to be alike. Linux only (it asks /proc). A PostgreSQL database has to be empty.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PASSWORD = "four words nobody joins"
STEPS = ("upload", "send", "links as JSON", "links as CSV", "letters")
BATCHES = "/admin/invites/batches"


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=10_000)
    asked.add_argument("--database", default="", help="an empty PostgreSQL database instead of SQLite")
    asked.add_argument("--step", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.step:
        print(json.dumps(measure(given.step, given.rows)))
        return
    print(f"{'step':<14} {'rows':>6} {'seconds':>8} {'rows/s':>7} {'before':>8} {'grew by':>8}   (MB)")
    for rows in (given.rows // 10, given.rows):
        with tempfile.TemporaryDirectory() as folder:
            for step in STEPS:
                show(step, rows, run(step, rows, folder, given.database))


def run(step: str, rows: int, folder: str, database: str) -> dict[str, float]:
    """One step in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACCOUNTS_")}
    environment |= {
        "ACCOUNTS_ENV": "development",
        "ACCOUNTS_INSTANCE": folder,
        "ACCOUNTS_DATABASE_URL": database or f"sqlite:///{folder}/accounts.db",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, __file__, "--step", step, "--rows", str(rows)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(step: str, rows: int, found: dict[str, float]) -> None:
    seconds = found["seconds"]
    print(
        f"{step:<14} {rows:>6} {seconds:>8.2f} {rows / seconds:>7.0f} {found['before']:>8.1f} {found['grew']:>8.1f}",
        flush=True,
    )


def measure(step: str, rows: int) -> dict[str, float]:
    """Measure what one step takes, in this process."""
    from accounts import create_app
    from accounts.core.database import schema
    from accounts.extension import get_app_state

    app = create_app()
    site = get_app_state(app).site
    schema.upgrade(site.store)
    client, token = admin(app)
    work = act(step, rows, client, token)
    # A first page makes what is made once: templates, words, connections.
    client.get(BATCHES)
    before = reset_peak()
    began = time.perf_counter()
    work()
    seconds = time.perf_counter() - began
    return {"seconds": seconds, "before": before, "grew": memory("VmHWM") - before}


def admin(app: Any) -> tuple[Any, str]:
    """Return a signed-in browser, and its CSRF token."""
    from accounts.core.uow import UnitOfWork
    from accounts.extension import get_app_state
    from accounts.flows.helpdesk.first_admin import first_admin_url

    client, email = app.test_client(), "admin@example.org"
    url = first_admin_url(UnitOfWork(get_app_state(app).site))
    if url is not None:
        said = {"token": url.split("/")[-2], "email": email, "password": PASSWORD, "name": "Admin"}
        assert client.post("/api/l/invite", json=said).status_code == 201
    else:
        assert client.post("/api/sign-in", json={"email": email, "password": PASSWORD}).status_code == 200
    return client, client.get("/api/csrf").get_json()["csrf_token"]


def act(step: str, rows: int, client: Any, token: str) -> Callable[[], None]:
    """Return what a step does; what has to be there before is made first."""
    name = f"Of {rows}"
    if step == "upload":
        file = io.BytesIO("".join(people(rows)).encode())
        fields = {"csrf_token": token, "name": name, "file": (file, "people.csv")}
        return lambda: expect(client.post(BATCHES, data=fields, content_type="multipart/form-data"), 303)
    batches = client.get(f"/api{BATCHES}").get_json()["batches"]
    at = next(f"{BATCHES}/{batch['id']}" for batch in batches if batch["name"] == name)
    headers, form = {"X-CSRF-Token": token}, {"csrf_token": token}
    return {
        "send": lambda: drain(client.post(f"/api{at}/send", json={}, headers=headers)),
        "links as JSON": lambda: drain(client.post(f"/api{at}/links", json={}, headers=headers)),
        "links as CSV": lambda: drain(client.post(f"{at}/links", data=form)),
        "letters": lambda: drain(client.post(f"{at}/letters", data=form)),
    }[step]


def people(rows: int) -> Iterator[str]:
    yield "E-Mail;Name;Gruppen;Sprache;Tage\r\n"
    for number in range(rows):
        yield f'of{rows}.{number:06}@example.org;"Person {number}";readers, editors;de;30\r\n'


def expect(answer: Any, status: int) -> None:
    assert answer.status_code == status, answer.text


def drain(answer: Any) -> None:
    """Read an answer to its end without keeping it."""
    assert answer.status_code == 200, answer.text
    last = b""
    for piece in answer.iter_encoded():
        last = piece
    assert b"problem" not in last, last


def reset_peak() -> float:
    """Forget the highest mark so far (hashing a password takes more than all of this); what is held now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return memory("VmHWM")


def memory(name: str) -> float:
    """Return a figure of this process, in MB."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("this system does not tell how much memory a process uses")


if __name__ == "__main__":
    main()
