"""How processes end: whoever was let in is answered, what was begun is finished, and nothing is said about it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from threading import Event, Thread

import pytest

from tests.e2e.client import PATIENCE
from tests.e2e.conftest import Start, Visit
from tests.e2e.running import Process


def test_sigterm_answers_who_was_let_in_and_ends_with_0(served: Process, visit: Visit) -> None:
    waiting = [visit(served) for _ in range(8)]
    for number, browser in enumerate(waiting):
        browser.get("/health/live")
        # Each costs the work of a password hash: they are still under way when the signal comes.
        browser.send("POST", "/api/sign-in", {"email": f"nobody{number}@example.org", "password": "no such password"})
    time.sleep(0.05)
    served.tell(signal.SIGTERM)
    assert [browser.answer().status for browser in waiting] == [401] * 8
    assert served.running.wait(PATIENCE) == 0
    assert "Traceback" not in served.err


def test_nobody_is_let_in_after_the_end(served: Process, visit: Visit) -> None:
    assert served.stop() == 0
    with pytest.raises(ConnectionRefusedError):
        visit(served).get("/health/live")


def test_ctrl_c_ends_quietly(served: Process) -> None:
    text = served.err
    assert served.interrupt() == 0
    assert served.err == text


def test_ctrl_c_ends_a_mail_worker_quietly(make_process: Start) -> None:
    process = make_process()
    process.start_and_answer()
    worker = make_process("worker", port=process.environ["ACCOUNTS_PORT"])
    worker.start()
    worker.wait_until(lambda: "delivering mail of" in worker.err)
    assert worker.interrupt() == 0
    assert worker.err.count("\n") == 1


def test_a_killed_parent_takes_its_children_along(served: Process) -> None:
    served.kill()
    served.start_and_answer()  # the port is free again
    assert served.stop() == 0


def test_a_killed_child_is_replaced(served: Process, visit: Visit) -> None:
    [child] = served.children
    os.kill(child, signal.SIGKILL)
    served.wait_until(lambda: served.ready and child not in served.children)
    assert served.stop() == 0


@pytest.fixture
def slow_post_office() -> Iterator[tuple[int, Event, Event]]:
    """A mail server that has taken a message (first event) and thinks about it until told (second event)."""
    taken, answer = Event(), Event()

    def serve(listener: socket.socket) -> None:
        caller, _ = listener.accept()
        with closing(caller), caller.makefile("rwb") as talk:

            def say(line: bytes) -> None:
                talk.write(line + b"\r\n")
                talk.flush()

            say(b"220 slow.example")
            for line in talk:
                if line.upper().startswith(b"DATA"):
                    say(b"354 go on")
                    while talk.readline() != b".\r\n":
                        pass
                    taken.set()
                    answer.wait(PATIENCE)
                say(b"250 2.0.0 thank you")

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        Thread(target=serve, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1], taken, answer


def test_sigterm_waits_for_the_letter_under_way(
    make_process: Start, visit: Visit, slow_post_office: tuple[int, Event, Event]
) -> None:
    port, taken, answer = slow_post_office
    process = make_process(mail_port=port)
    process.start_and_answer()
    assert visit(process).post("/api/sign-up", {"email": "anna@example.org"}).status == 202
    assert taken.wait(PATIENCE)
    process.tell(signal.SIGTERM)
    time.sleep(0.5)
    answer.set()
    assert process.running.wait(PATIENCE) == 0
    assert process.outbox == [], "the server's yes was noted before the end"
