"""How an answer is framed, how fast it is sent, and what becomes of one that breaks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.server.conftest import HOST, PATIENCE, Echo, Serve, wait_until

GET = b"GET / HTTP/1.1\r\n" + HOST
LAST = b"Connection: close\r\n"
PIECE = b"x" * 65536


class Streamed:
    """A WSGI app whose answer has no known length.

    :param pieces: how many it has.
    """

    def __init__(self, pieces: int, *, fails: bool = False) -> None:
        self.pieces, self.fails = pieces, fails
        self.made, self.closed = 0, threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self.make()

    def make(self) -> Iterator[bytes]:
        try:
            for _ in range(self.pieces):
                self.made += 1
                yield PIECE
            if self.fails:
                raise RuntimeError("on the way")
        finally:
            self.closed.set()


def answer_with(headers: list[tuple[str, str]], pieces: list[bytes], status: str = "200 OK") -> Any:
    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response(status, headers)
        return pieces

    return app


def test_an_answer_of_unknown_length_comes_in_chunks(serve: Serve) -> None:
    head, _, body = serve(Streamed(2)).ask(GET + LAST + b"\r\n").partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert body == (b"10000\r\n" + PIECE + b"\r\n") * 2 + b"0\r\n\r\n"


def test_http_1_0_gets_it_until_the_connection_ends(serve: Serve) -> None:
    head, _, body = serve(Streamed(2)).ask(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").partition(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in head
    assert body == PIECE * 2


def test_a_connection_is_kept_as_the_client_wants_it(serve: Serve) -> None:
    talk = serve(Echo()).talk()
    for _ in range(3):
        talk.say(GET + b"\r\n")
        assert b"Connection:" not in talk.hear(b"GET /")
    talk.say(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert b"Connection: Keep-Alive" in talk.hear(b"GET /")
    talk.say(b"GET / HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in talk.hear()


@pytest.mark.parametrize("status", ["200 OK", "204 NO CONTENT", "304 NOT MODIFIED"])
def test_an_answer_without_a_body_has_none(serve: Serve, status: str) -> None:
    heard = serve(answer_with([("Content-Length", "2")], [b"ok"], status)).ask(GET + LAST + b"\r\n")
    has_body = status == "200 OK"
    assert heard.endswith(b"\r\n\r\nok" if has_body else b"\r\n\r\n")


def test_an_app_that_is_a_generator_is_answered_for_by_its_first_piece(serve: Serve) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [("Content-Length", "4")])
        write(b"ab")
        yield b"c"
        yield b"d"

    assert serve(app).ask(GET + LAST + b"\r\n").endswith(b"\r\n\r\nabcd")


@pytest.mark.parametrize(
    "app",
    [
        answer_with([("X-One", "a\r\nSet-Cookie: b")], [b"ab"]),
        answer_with([("X-One", "\N{EURO SIGN}")], [b"ab"]),
        lambda environ, start_response: [b"never begun"],
        lambda environ, start_response: 1 // 0,
    ],
)
def test_an_answer_that_cannot_be_sent_is_an_error_of_ours(
    serve: Serve, app: Any, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve(app)
    heard = served.ask(GET + b"\r\n")
    assert heard.startswith(b"HTTP/1.1 500 Internal Server Error")
    assert b"Set-Cookie" not in heard
    assert "Exception while serving" in caplog.text
    assert b"Traceback" not in heard
    assert served.ask(GET + b"\r\n").startswith(b"HTTP/1.1 500 "), "its thread lives on"


def test_an_answer_that_is_shorter_than_it_says_ends_its_connection(serve: Serve) -> None:
    heard = serve(answer_with([("Content-Length", "3")], [b"ab"])).ask(GET + b"\r\n")
    assert heard.endswith(b"\r\n\r\nab")


def test_half_of_an_answer_does_not_look_like_all_of_it(serve: Serve) -> None:
    heard = serve(Streamed(2, fails=True)).ask(GET + b"\r\n")
    assert heard.count(PIECE) == 2
    assert not heard.endswith(b"0\r\n\r\n")


def test_a_client_that_reads_slowly_holds_up_what_is_made_for_it(serve: Serve) -> None:
    app = Streamed(4000)
    talk = serve(app).talk()
    talk.say(GET + LAST + b"\r\n")
    made = -1
    while made != app.made or not made:
        made = app.made
        time.sleep(0.2)
    assert made < app.pieces, "all of it is in memory"
    heard = 0
    while data := talk.socket.recv(1 << 20):
        heard += len(data)
    assert heard > app.pieces * len(PIECE)
    assert app.closed.wait(PATIENCE)


def test_a_client_that_takes_nothing_is_cut_off(serve: Serve) -> None:
    app = Streamed(4000)
    served = serve(app, stalled_seconds=0.2)
    talk = served.talk()
    talk.say(GET + b"\r\n")
    assert app.closed.wait(PATIENCE)
    assert app.made < app.pieces


def test_whoever_hangs_up_ends_what_is_made_for_them(serve: Serve) -> None:
    app = Streamed(4000)
    talk = serve(app).talk()
    talk.say(GET + b"\r\n")
    talk.socket.recv(1)
    talk.close()
    assert app.closed.wait(PATIENCE)
    assert app.made < app.pieces


def test_a_client_that_has_said_all_gets_its_answer(serve: Serve) -> None:
    goes_on = threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        goes_on.wait(PATIENCE)
        start_response("200 OK", [])
        return [b"late"]

    talk = serve(app).talk()
    talk.say(GET + b"\r\n")
    talk.socket.shutdown(1)
    time.sleep(0.05)
    goes_on.set()
    assert talk.hear().endswith(b"late")


def test_the_end_waits_for_answers_and_says_that_it_is_the_end(serve: Serve) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        begun.set()
        goes_on.wait(PATIENCE)
        start_response("200 OK", [])
        return [b"in time"]

    served = serve(app)
    talk, idle = served.talk(), served.talk()
    talk.say(GET + b"\r\n")
    assert begun.wait(PATIENCE)
    served.process.stop()
    wait_until(lambda: served.process.is_stopping)
    assert idle.hear() == b""
    goes_on.set()
    assert talk.hear().endswith(b"in time")
