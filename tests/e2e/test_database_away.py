"""A start without its database: the processes live, are not ready, and begin as soon as it is there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.client import Client
from tests.e2e.conftest import Start, Visit
from tests.e2e.running import Process
from tests.e2e.test_killed import first_admin
from tests.servers.postgres import Postgres
from tests.servers.smtp import SmtpSink


def health(process: Process, path: str) -> tuple[int, object] | None:
    with closing(Client(process.origin)) as client:
        try:
            answer = client.get(path)
        except OSError:
            return None
        return answer.status, answer.json


def wait_and_begin(serving: list[Process], worker: Process) -> None:
    for process in serving:
        process.start()
        process.wait_until(lambda process=process: health(process, "/health/live") == (200, {"status": "ok"}))  # type: ignore[misc] # bound now
        not_ready = {"status": "not ready", "reasons": [{"code": "database_away"}]}
        assert health(process, "/health/ready") == (503, not_ready)
        assert "waiting for it" in process.err
    worker.start()
    worker.wait_until(lambda: "waiting for it" in worker.err)


def check_that_it_works(serving: list[Process], worker: Process, visit: Visit, post_office: SmtpSink) -> None:
    for process in serving:
        process.wait_until(lambda process=process: process.ready)  # type: ignore[misc] # bound now
    worker.wait_until(lambda: "delivering mail of" in worker.err)
    linked = [process for process in serving if "There is no admin yet" in process.out]
    linked[0].wait_until(lambda: "/l/invite/" in linked[0].out)
    first_admin(linked[0], visit(linked[0]))
    for number, process in enumerate(serving):
        email = f"visitor{number}@example.org"
        assert visit(process).post("/api/sign-up", {"email": email}).status == 202
        post_office.wait_for(to=email)
    assert [process.stop() for process in (*serving, worker)] == [0] * (len(serving) + 1)


def test_a_folder_that_is_not_there_yet(
    make_process: Start, visit: Visit, post_office: SmtpSink, tmp_path: Path
) -> None:
    volume = tmp_path / "volume"
    volume.symlink_to(tmp_path / "not-mounted-yet" / "data")
    settings = {"database_url": f"sqlite:///{volume}/accounts.db"}
    serving, worker = [make_process(**settings)], make_process("worker", **settings)
    wait_and_begin(serving, worker)
    (tmp_path / "not-mounted-yet" / "data").mkdir(parents=True)
    check_that_it_works(serving, worker, visit, post_office)


@pytest.mark.postgres
def test_a_server_that_is_not_there_yet(
    make_process: Start, visit: Visit, post_office: SmtpSink, postgres_server: Postgres
) -> None:
    url = postgres_server.create_database("late")
    postgres_server.drop_database("late")
    serving = [make_process("serve", "--workers", "2", database_url=url), make_process(database_url=url)]
    worker = make_process("worker", database_url=url)
    wait_and_begin(serving, worker)
    postgres_server.create_database("late")
    try:
        check_that_it_works(serving, worker, visit, post_office)
    finally:
        for process in (*serving, worker):
            process.clear_up()
        postgres_server.drop_database("late")


def test_who_is_told_to_stop_while_waiting_stops(make_process: Start, tmp_path: Path) -> None:
    url = {"database_url": "postgresql://nobody@127.0.0.1:9/nothing"}
    waiting = [make_process(**url), make_process("worker", **url)]
    for process in waiting:
        process.start()
        process.wait_until(lambda process=process: "waiting for it" in process.err)  # type: ignore[misc] # bound now
        if process.command == ("serve",):
            process.wait_until(lambda process=process: health(process, "/health/live"))  # type: ignore[misc] # bound now
        assert process.stop() == 0
        assert "Traceback" not in process.err
