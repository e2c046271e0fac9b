"""Answers that are written while the work is done: nothing of them is ever in memory as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Response, stream_with_context
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from accounts.core.errors import Problem, Unavailable
from accounts.web.kit import errors
from accounts.web.kit.context import bound
from accounts.web.kit.reply import spoken

PIECE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Trouble:
    """The last line where something went wrong on the way: a body of ``application/problem+json``."""

    problem: Mapping[str, Any]


@dataclass
class Stream:
    """What a view answers that goes on working. Like ``Reply``: the same answer is NDJSON at ``/api``.

    The generator behind ``lines`` opens a unit of work of its own: that of the request is closed when it runs. The
    context of the request is kept alive meanwhile, for words and addresses.

    :ivar lines: what is said, line by line, each a dataclass.
    :ivar page: makes of the lines what a browser gets.
    :ivar tells: whether ``page``, like JSON, is told of trouble on the way in a last line. Else the answer is broken
        off then: half of a file must not look like all of it.
    """

    lines: Iterable[Any]
    page: Callable[[Iterator[Any]], Iterable[str]]
    content_type: str = "text/html; charset=utf-8"
    tells: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """The answer in the way this request speaks."""
        if bound().speaks == "json":
            body: Iterator[str] = (f"{spoken(asdict(line))}\n" for line in _told(self.lines))
            answer = Response(stream_with_context(body), content_type="application/x-ndjson")
        else:
            lines = _told(self.lines) if self.tells else iter(self.lines)
            answer = Response(stream_with_context(iter(self.page(lines))), content_type=self.content_type)
            answer.headers.extend(self.headers)
        # A proxy that collects an answer before it hands it on would make a bar that jumps.
        answer.headers["X-Accel-Buffering"] = "no"
        return answer

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.response()(environ, start_response)


def collected(pieces: Iterable[str], size: int = PIECE) -> Iterator[str]:
    """Few large pieces instead of many small ones, where nobody waits for each."""
    held: list[str] = []
    length = 0
    for piece in pieces:
        held.append(piece)
        length += len(piece)
        if length >= size:
            yield "".join(held)
            held, length = [], 0
    if held:
        yield "".join(held)


def _told(lines: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from lines
    except Problem as problem:
        yield Trouble(errors.body(problem))
    except (DBAPIError, PoolTimeout):
        yield Trouble(errors.body(Unavailable("the store went away")))
