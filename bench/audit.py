"""Peak memory and speed of the audit log as a file and in a chain.

Each step runs in a process of its own, so that its peak is its own: ``python bench/audit.py [LINES] [DATABASE_URL]``.
The database must be empty; without one it is SQLite in a temporary folder.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import timedelta

from sqlalchemy import insert

from accounts.config import Settings
from accounts.core.audit import chain
from accounts.core.clock import now
from accounts.core.database import schema
from accounts.core.ids import new_id
from accounts.core.models.audit import AuditRow
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS, TOKENS
from accounts.flows.audit import retention as audit_retention
from accounts.flows.audit import verify as audit_verify
from accounts.flows.audit.export import stream_events

KEY = "kQ3v8Zt1mX7rB5nW9cY2pL6dF4hJ0sGa-bench"
STEPS = ("nothing", "csv", "ndjson", "seal", "verify", "prune", "verify")


def make_site(url: str) -> Site:
    return Site(Settings.load({"ACCOUNTS_DATABASE_URL": url, "ACCOUNTS_SECRET_KEYS": [KEY]}), LINKS, tokens=TOKENS)


def fill(site: Site, lines: int) -> None:
    began = now() - timedelta(days=200)
    for first in range(0, lines, 5000):
        rows = [
            {
                "id": new_id(),
                "at": began + timedelta(seconds=number),
                "kind": "sign-in",
                "account": f"account{number % 5000:09}",
                "network": f"192.0.2.{number % 250}",
                "agent": "Firefox on Linux",
                "request_id": "0123456789abcdef",
                "facts": {"session": new_id(), "epoch": 1, "ends": 1800000000, "amr": ["pwd"], "key": "55f5482c"},
            }
            for number in range(first, min(first + 5000, lines))
        ]
        with site.store.engine.begin() as connection:
            connection.execute(insert(AuditRow), rows)


def step(name: str, url: str) -> dict[str, float]:
    """One step in this process; seconds of processor time, and the peak of memory in MiB."""
    site = make_site(url)
    began, size = time.process_time(), 0
    if name in ("csv", "ndjson"):
        size = sum(len(part.encode()) for part in stream_events(site, (), "csv" if name == "csv" else "ndjson"))
    elif name == "seal":
        size = chain.close_chain(site)
    elif name == "prune":
        size = audit_retention.pseudonymize_events(UnitOfWork(site), 31)
    elif name == "verify":
        found = audit_verify.verify_chain(UnitOfWork(site))
        assert not found.findings, found.findings[:3]
        size = found.sealed
    seconds = time.process_time() - began
    site.store.close()
    return {"seconds": seconds, "size": size, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main(lines: int, url: str) -> None:
    site = make_site(url)
    schema.upgrade(site.store)
    fill(site, lines)
    site.store.close()
    idle = 0.0
    for name in STEPS:
        done = subprocess.run([sys.executable, __file__, "--step", name, url], capture_output=True, check=True)
        took = json.loads(done.stdout)
        idle = idle or took["mib"]
        rate = f"{lines / took['seconds']:>10,.0f} lines/s" if name != "nothing" else ""
        print(
            f"{name:>8}: peak {took['mib']:6.1f} MiB (+{took['mib'] - idle:.1f}), "
            f"{took['seconds']:6.1f} s of processor time {rate}",
            flush=True,
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--step"]:
        print(json.dumps(step(sys.argv[2], sys.argv[3])))
    else:
        count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
        with tempfile.TemporaryDirectory() as folder:
            main(count, sys.argv[2] if len(sys.argv) > 2 else f"sqlite:///{folder}/audit.db")
