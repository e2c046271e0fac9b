"""The load generator: it reads answers whole, counts units of work, and takes no wrong answer for a right one."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from harness.http import Answer, Ask, Jar, WrongAnswer, build_ask
from harness.load import READY, WAIT, Crowd, Visitor, drive

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nSet-Cookie: a=1; Path=/\r\nset-cookie: b=; Max-Age=0\r\n\r\nabcde"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """The port of a server that gives everybody this answer, byte by byte where it is short."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while (line := self.rfile.readline()) not in (b"", b"\r\n"):
                if line.startswith(b"GET"):
                    self._skip_headers()
                    for place in range(len(answer)):
                        self.wfile.write(answer[place : place + 1])
                    if answer == CLOSING:
                        return

        def _skip_headers(self) -> None:
            while self.rfile.readline() not in (b"", b"\r\n"):
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def ask(**options: object) -> Ask:
    return build_ask("GET", "/", {"Host": "x"}, **options)  # type: ignore[arg-type] # the options of build_ask


def visit_once() -> Visitor:
    answer: Answer = yield ask(statuses=(200, 204))
    return answer


@pytest.mark.parametrize(
    ("sent", "body"), [(CHUNKED, b"abcde"), (PLAIN, b"abcde"), (CLOSING, b"abcde"), (EMPTY, b"")]
)
def test_an_answer_is_read_whole_however_it_comes(sent: bytes, body: bytes) -> None:
    with answering(sent) as port:
        assert drive(port, visit_once()).body == body


def test_cookies_are_kept_and_dropped_as_the_answer_says() -> None:
    jar = Jar({"b": "2"})
    with answering(PLAIN) as port:
        jar.update(drive(port, visit_once()))
    assert jar.header == "a=1"


@pytest.mark.parametrize("sent", [PLAIN, CLOSING])
def test_a_flow_of_several_requests_is_one_unit_and_no_more_are_begun_than_allowed(sent: bytes) -> None:
    asked = []

    def flow() -> Visitor:
        asked.append("before")
        yield ask(contains="abcde")
        yield READY
        while True:
            yield ask(ends_unit=False)
            yield WAIT
            yield ask()
            asked.append("unit")

    with answering(sent) as port, Crowd(port, {"flow": [flow() for _ in range(3)]}) as crowd:
        assert asked == ["before"] * 3
        crowd.run(30, 7)
    assert crowd.samples["flow"].units == 7


@pytest.mark.parametrize(("sent", "wanted"), [(REFUSED, ""), (PLAIN, "something else")])
def test_a_wrong_answer_ends_the_load(sent: bytes, wanted: str) -> None:
    def repeat() -> Visitor:
        yield READY
        while True:
            yield ask(contains=wanted)

    with answering(sent) as port, Crowd(port, {"load": [repeat()]}) as crowd, pytest.raises(WrongAnswer):
        crowd.run(30, 10)


def test_a_server_that_is_gone_gives_a_wrong_answer_at_once() -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), socketserver.BaseRequestHandler) as server:
        port = server.server_address[1]
    with pytest.raises(WrongAnswer, match="does not answer"):
        Crowd(port, {"all": [iter(())]})  # type: ignore[list-item] # nobody gets as far as to ask
