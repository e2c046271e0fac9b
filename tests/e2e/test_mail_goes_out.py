"""Mail leaves the house: from the serving process, from a worker of its own, and after a mail server was away."""

from __future__ import annotations

from tests.e2e.client import mailed_token
from tests.e2e.conftest import Start, Visit, on_either_database
from tests.e2e.running import Process
from tests.people import PASSWORD
from tests.servers.smtp import DISCONNECT, SmtpSink


def run(process: Process) -> str:
    """Run a command to its end; what it printed."""
    process.start()
    assert process.running.wait(60) == 0, process.err
    return process.out


@on_either_database
def test_a_worker_alone_delivers_what_the_console_asks_for(make_process: Start, post_office: SmtpSink) -> None:
    run(make_process("upgrade"))
    worker = make_process("worker")
    worker.start()
    assert run(make_process("invites", "create", "anna@example.org")).endswith("to anna@example.org is due\n")
    assert len(post_office.wait_for(to="anna@example.org", timeout=60)) == 1
    worker.wait_until(lambda: worker.outbox == [])
    assert worker.stop() == 0
    assert "Traceback" not in worker.err


@on_either_database
def test_a_mail_server_that_was_away_costs_time_and_nothing_else(
    make_process: Start, visit: Visit, post_office: SmtpSink
) -> None:
    process = make_process()
    process.start_and_answer()
    post_office.misbehave("CONNECT", DISCONNECT)
    anna = visit(process)
    assert anna.post("/api/sign-up", {"email": "anna@example.org"}).status == 202
    process.wait_until(lambda: any(row.last_error and row.lease_until is None for row in process.outbox))
    assert post_office.messages == []
    post_office.behave()
    process.hasten()
    token = mailed_token(post_office, "anna@example.org", "activate")
    process.wait_until(lambda: process.outbox == [])
    assert len(post_office.messages) == 1
    assert anna.post("/api/l/activate", {"token": token, "password": PASSWORD}).status == 201


def test_two_workers_send_each_letter_once(make_process: Start, visit: Visit, post_office: SmtpSink) -> None:
    process = make_process()
    process.start_and_answer()
    workers = [make_process("worker") for _ in range(2)]
    for worker in workers:
        worker.start()
        worker.wait_until(lambda worker=worker: "delivering mail of" in worker.err)  # type: ignore[misc] # bound now
    people = [f"person{number}@example.org" for number in range(20)]
    asking = visit(process)
    for email in people:
        assert asking.post("/api/sign-up", {"email": email}).status == 202
    for email in people:
        post_office.wait_for(to=email, timeout=60)
    process.wait_until(lambda: process.outbox == [])
    assert sorted(mail.recipients[0] for mail in post_office.messages) == sorted(people)
    assert [worker.stop() for worker in workers] == [0, 0]
