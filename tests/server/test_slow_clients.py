"""Clients that send slowly, too much, or nothing: what becomes of them, and of everybody else."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from werkzeug.wrappers import Request

from tests.server.conftest import HOST, PATIENCE, Echo, Serve, wait_until

GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /form HTTP/1.1\r\n" + HOST
LIST = b"POST /list HTTP/1.1\r\n" + HOST
SHORT = 0.2
LARGE = 300_000


def tell_status(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """An app that says in its body what reading the request came to."""
    try:
        said = str(len(Request(environ).get_data()))
    except Exception as error:  # noqa: BLE001 - whatever it is, the test looks at it
        said = type(error).__name__
    start_response("200 OK", [])
    return [said.encode()]


def counts(caplog: pytest.LogCaptureFixture) -> dict[str, int]:
    """Who was cut off, by the log."""
    found: dict[str, int] = {}
    for record in caplog.records:
        for name in ("slow_headers", "slow_bodies", "slow_readers", "no_room", "malformed", "silent"):
            found[name] = found.get(name, 0) + getattr(record, name, 0)
    return {name: count for name, count in found.items() if count}


def test_slow_bodies_take_no_thread(serve: Serve) -> None:
    served = serve(Echo(), threads=1)
    slow = [served.talk() for _ in range(50)]
    for talk in slow:
        talk.say(POST + b"Content-Length: 500\r\n\r\nx")
    quick = served.talk()
    for _ in range(3):
        quick.say(GET + b"\r\n")
        assert quick.hear(b"GET /")
    slow[0].say(b"x" * 499)
    assert slow[0].hear(b"POST /form")


def test_a_body_that_misses_its_deadline_is_told_to_the_app(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(tell_status, body_seconds=SHORT)
    talk = served.talk()
    talk.say(POST + b"Content-Length: 500\r\n\r\nx")
    heard = talk.hear()
    assert heard.endswith(b"\r\n\r\nRequestTimeout")
    assert b"Connection: close" in heard
    wait_until(lambda: counts(caplog) == {"slow_bodies": 1})


def test_a_body_that_trickles_is_as_slow_as_one_that_does_not_come(serve: Serve) -> None:
    talk = serve(tell_status, body_seconds=SHORT).talk()
    talk.say(POST + b"Content-Length: 60000\r\n\r\n")
    over = threading.Event()

    def trickle() -> None:
        while not over.wait(0.02):
            try:
                talk.say(b"x")
            except OSError:
                return

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert talk.hear().endswith(b"RequestTimeout")
    finally:
        over.set()
        thread.join()


def test_slow_headers_and_silence_are_hung_up_on(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(Echo(), head_seconds=SHORT)
    silent, slow = served.talk(), served.talk()
    slow.say(b"GET / ")
    assert (slow.hear(), silent.hear()) == (b"", b"")
    wait_until(lambda: sum(counts(caplog).values()) == 2)


def test_many_are_one_line_of_the_log(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    served = serve(Echo(), head_seconds=SHORT)
    for talk in [served.talk() for _ in range(30)]:
        talk.socket.send(b"GET / ")
        talk.hear()
    served.process.stop()
    wait_until(lambda: sum(counts(caplog).values()) == 30)
    assert len([record for record in caplog.records if "cut off" in record.message]) < 30


def test_a_connection_that_is_not_used_any_more_is_closed_and_nobody_is_told(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    talk = serve(Echo(), idle_seconds=SHORT).talk()
    talk.say(GET + b"\r\n")
    assert talk.hear().endswith(b"GET /")
    assert not counts(caplog)


@pytest.mark.parametrize(
    "length", [b"Content-Length: 65537\r\n\r\n", b"Content-Length: 99999999999999999999\r\n\r\n"]
)
@pytest.mark.parametrize("expectation", [b"", b"Expect: 100-continue\r\n"])
def test_a_body_that_says_it_is_too_large_is_not_waited_for(serve: Serve, length: bytes, expectation: bytes) -> None:
    heard = serve(tell_status).ask(POST + expectation + length)
    assert b"100 Continue" not in heard
    if b"9999" in length:
        assert heard.startswith((b"HTTP/1.1 400", b"HTTP/1.1 200"))
    else:
        assert heard.endswith(b"RequestEntityTooLarge")


def test_a_body_that_turns_out_too_large_is_refused_though_its_client_goes_on(serve: Serve) -> None:
    heard = serve(tell_status).ask(
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"8000\r\n" + b"x" * 0x8000 + b"\r\n") * 30
    )
    assert heard.endswith(b"RequestEntityTooLarge")


@pytest.mark.parametrize("size", [65536, 65537, LARGE])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_list_may_be_larger_and_arrives_as_it_was_sent(serve: Serve, size: int, chunked: bool) -> None:
    app = Echo()
    body = bytes(number % 251 for number in range(size))
    framed = b"%x\r\n%b\r\n0\r\n\r\n" % (size, body) if chunked else body
    head = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    heard = serve(app, body_limit=LARGE).ask(LIST + b"Connection: close\r\n" + head + b"\r\n\r\n" + framed)
    assert heard.endswith(b"POST /list")
    assert app.bodies == [body]


def test_a_list_over_its_own_limit_is_refused(serve: Serve) -> None:
    served = serve(tell_status, body_limit=LARGE)
    assert served.ask(LIST + b"Content-Length: %d\r\n\r\n" % (LARGE + 1)).endswith(b"RequestEntityTooLarge")


def test_a_large_body_has_to_come_at_some_speed(serve: Serve) -> None:
    talk = serve(tell_status, body_limit=LARGE, body_seconds=SHORT, bytes_a_second=1_000_000).talk()
    talk.say(LIST + b"Content-Length: %d\r\n\r\n" % LARGE + b"x" * 70_000)
    assert talk.hear().endswith(b"RequestTimeout")


def test_large_bodies_have_so_many_places(serve: Serve) -> None:
    served = serve(tell_status, body_limit=LARGE, large_bodies=2)
    begun = [served.talk() for _ in range(2)]
    for talk in begun:
        talk.say(LIST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % LARGE)
        assert talk.hear(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
    assert served.ask(LIST + b"Content-Length: %d\r\n\r\n" % LARGE).endswith(b"ServiceUnavailable")
    begun[0].say(b"x" * LARGE)
    assert begun[0].hear(str(LARGE).encode()).endswith(str(LARGE).encode())


def test_whoever_has_been_idle_for_longest_makes_room(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    # The last that a thread does, when the answer was heard long ago, is to note since when its client is idle. With
    # one thread that is done before the next request is answered; with two, one held up there would be the latest.
    served = serve(Echo(), threads=1, connections=3)
    talks = [served.talk() for _ in range(3)]
    for talk in (*talks, talks[0]):
        talk.say(GET + b"\r\n")
        assert talk.hear(b"GET /")
    talks.append(served.talk())
    talks[3].say(GET + b"\r\n")
    assert talks[3].hear(b"GET /")
    assert talks[1].hear() == b"", "it has waited for longest"
    talks[0].say(GET + b"\r\n")
    assert talks[0].hear(b"GET /")
    served.process.stop()
    wait_until(lambda: counts(caplog) == {"no_room": 1})


def test_who_is_being_answered_is_not_cut_off_to_make_room(serve: Serve) -> None:
    begun, goes_on = threading.Semaphore(0), threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun.release()
        goes_on.wait(PATIENCE)
        start_response("200 OK", [])
        return [b"answered"]

    served = serve(app, connections=2)
    talks = []
    for number in range(3):
        talks.append(served.talk())
        talks[number].say(GET + b"Connection: close\r\n\r\n")
        assert number == 2 or begun.acquire(timeout=PATIENCE)
    goes_on.set()
    assert [talk.hear().endswith(b"answered") for talk in talks] == [True] * 3


def test_a_client_that_hangs_up_in_the_middle_leaves_nothing_behind(serve: Serve) -> None:
    served = serve(Echo())
    for data in (b"", GET, POST + b"Content-Length: 500\r\n\r\nx", LIST + b"Content-Length: 70000\r\n\r\nx"):
        talk = served.talk()
        talk.say(data)
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        talk.close()
    assert served.ask(GET + b"Connection: close\r\n\r\n").endswith(b"GET /")
    wait_until(lambda: not served.process.active_channels)
