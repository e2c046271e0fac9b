"""How answers are handed to the server: in one piece where they are whole, as they come where they are not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from flask import Flask, Response
from werkzeug.test import create_environ

from accounts.cli.whole import MAX_JOINED_BYTES, join_small_responses


@pytest.fixture
def app() -> Flask:
    app = Flask("answers")
    ended: list[str] = []
    app.extensions["ended"] = ended

    def small() -> Response:
        answer = Response("small")
        answer.call_on_close(lambda: ended.append("small"))
        return answer

    def streamed() -> Response:
        def pieces() -> Iterator[str]:
            yield "one"
            ended.append("one")
            yield "two"

        return Response(pieces())

    app.add_url_rule("/small", view_func=small)
    app.add_url_rule("/streamed", view_func=streamed)
    app.add_url_rule("/large", view_func=lambda: "x" * (MAX_JOINED_BYTES + 1))
    return app


def ask(app: Flask, path: str, method: str = "GET") -> tuple[str, Iterable[bytes]]:
    begun: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        begun.append(status)

    answer = join_small_responses(app.wsgi_app)(create_environ(path, method=method), start)
    return begun[0], answer


def test_a_small_answer_is_a_list_and_was_closed(app: Flask) -> None:
    assert ask(app, "/small") == ("200 OK", [b"small"])
    assert app.extensions["ended"] == ["small"]


def test_an_answer_without_a_body_is_one_too(app: Flask) -> None:
    assert ask(app, "/small", "HEAD") == ("200 OK", [b""])


def test_a_stream_is_handed_on_as_it_comes(app: Flask) -> None:
    _, answer = ask(app, "/streamed")
    pieces = iter(answer)
    assert (next(pieces), app.extensions["ended"]) == (b"one", [])
    assert list(pieces) == [b"two"]


def test_a_large_answer_is_not_held_once_more(app: Flask) -> None:
    _, answer = ask(app, "/large")
    assert not isinstance(answer, list)
    assert sum(len(piece) for piece in answer) == MAX_JOINED_BYTES + 1
