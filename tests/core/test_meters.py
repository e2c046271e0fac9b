"""Several processes that count in one folder tell their sums, and a folder that is not there is told at the start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from accounts.config_sources import SettingsError
from accounts.core.meters import SHARED_FOLDER, Meters

# Two apps in this process, metrics of a host, and a process beside it that has ended.
COUNTING = """
import json
import os
from prometheus_client import Counter
from accounts.core.meters import Meters

own = Counter("host_things_total", "Of a host")
own.inc()
one, other = Meters(is_wanted=True), Meters(is_wanted=True)
for meters in (one, other):
    meters.note_delivery("direct", "sent")
    meters.note_answer("/sign-in", "GET", 200, 0.02)
ended = os.fork()
if ended == 0:
    other.note_delivery("direct", "sent")
    other.note_heartbeat("mail", 1.0)
    other.measure_hash(lambda: None)
    os._exit(0)
os.waitpid(ended, 0)
one.note_heartbeat("mail", 5.0)
for _ in range(2):
    found = [(each.name, each.labels, each.value) for metric in one.collect() for each in metric.samples]
print(json.dumps(found))
"""


@pytest.mark.faults
def test_what_processes_count_in_one_folder_adds_up_and_what_a_dead_one_was_is_forgotten(tmp_path: Path) -> None:
    command = [sys.executable, "-c", COUNTING]
    environ = {"PATH": "", "PYTHONPATH": ":".join(sys.path), SHARED_FOLDER: str(tmp_path)}
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, check=True, timeout=100)
    found = {(name, *sorted(labels.values())): value for name, labels, value in json.loads(ended.stdout)}
    assert found["accounts_deliveries_total", "direct", "sent"] == 3
    assert found["accounts_http_request_duration_seconds_count", "/sign-in", "2xx", "GET"] == 2
    assert found["accounts_delivery_heartbeat_timestamp_seconds", "mail"] == 5
    assert found["accounts_password_hashes_waiting",] == 0
    assert not [name for name, *_ in found if not name.startswith("accounts_") or name.endswith("_created")]


def test_a_folder_that_is_not_there_is_told_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SHARED_FOLDER, str(tmp_path / "nowhere"))
    with pytest.raises(SettingsError, match=f"{SHARED_FOLDER}: there is no folder"):
        Meters(is_wanted=True)
    assert list(Meters().collect()) == []
