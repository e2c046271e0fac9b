"""``/metrics`` of a service of several processes: whichever answers, it tells what all of them have done."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from pathlib import Path
from urllib.request import Request, urlopen

from tests.e2e.client import Client
from tests.e2e.conftest import Start
from tests.e2e.running import Process
from tests.kit.metrics import BEARER, OPENMETRICS, TOKEN, Scrape, read_scrape

HEARTBEAT = "accounts_delivery_heartbeat_timestamp_seconds"


def scrape(process: Process, accept: str = "") -> Scrape:
    headers = {**BEARER, "Accept": accept}
    with urlopen(Request(f"{process.origin}/metrics", headers=headers)) as answer:  # noqa: S310 - http
        return read_scrape(answer.read().decode(), answer.headers["Content-Type"])


def ask_for_pages(process: Process, count: int) -> None:
    for _ in range(count):
        with closing(Client(process.origin)) as client:
            assert client.get("/sign-in").status == 200


def count_pages(process: Process) -> float | None:
    name, labels = "accounts_http_request_duration_seconds_count", {"method": "GET", "status": "2xx"}
    return scrape(process).value(name, route="/sign-in", **labels)


def test_what_all_have_done_is_told_after_one_was_killed_and_until_the_service_ends(
    make_process: Start, tmp_path: Path
) -> None:
    process = make_process("serve", "--workers", "2", metrics_token=TOKEN)
    process.environ["TMPDIR"] = str(tmp_path)
    process.start_and_answer()
    process.wait_until(lambda: set(scrape(process).labelled(HEARTBEAT, "thread")) >= {"mail", "watch"})
    (folder,) = tmp_path.glob("accounts-metrics-*")
    assert folder.stat().st_mode & 0o077 == 0
    ask_for_pages(process, 20)
    assert [count_pages(process) for _ in range(6)] == [20.0] * 6
    os.kill(process.children[0], signal.SIGKILL)
    killed_at = time.time()
    process.wait_until(lambda: "a serving process has died" in process.err and process.ready)
    # What the dead one was is not told any more: every thread was seen since.
    process.wait_until(lambda: min(scrape(process).labelled(HEARTBEAT, "thread").values()) > killed_at)
    ask_for_pages(process, 5)
    assert [count_pages(process) for _ in range(6)] == [25.0] * 6
    told = scrape(process, OPENMETRICS)
    assert "accounts_http_request_duration_seconds" in told.families
    assert not [name for name in told.families if name.startswith("process_")]
    assert process.stop() == 0
    assert not folder.exists()
