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
from accounts.web.kit.context import state
from accounts.web.kit.reply import to_json

CHUNK_CHARACTERS = 16 * 1024
NDJSON = "application/x-ndjson"


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """The last line where something went wrong on the way: a body of ``application/problem+json``."""

    problem: Mapping[str, Any]


@dataclass
class Stream:
    """What a view answers that goes on working. Like ``Reply``: the same answer is NDJSON at ``/api``.

    The generator behind ``lines`` opens a unit of work of its own: that of the request is closed when it runs. The
    context of the request is kept alive meanwhile, for words and addresses.

    :ivar lines: the answer, line by line, each a dataclass.
    :ivar render: makes of the lines what a browser gets.
    :ivar reports_problems: whether ``render``, like JSON, is told of an error on the way in a last line. Else the
        answer is broken off then: half of a file must not look like all of it.
    """

    lines: Iterable[Any]
    render: Callable[[Iterator[Any]], Iterable[str]]
    content_type: str = "text/html; charset=utf-8"
    reports_problems: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        """Return the answer in the format of this request."""
        if state().format == "json":
            body: Iterator[str] = (f"{to_json(asdict(line))}\n" for line in _with_problem_line(self.lines))
            response = Response(stream_with_context(body), content_type=NDJSON)
        else:
            lines = _with_problem_line(self.lines) if self.reports_problems else iter(self.lines)
            response = Response(stream_with_context(iter(self.render(lines))), content_type=self.content_type)
            response.headers.extend(self.headers)
        # A proxy that collects an answer before it hands it on would make a bar that jumps.
        response.headers["X-Accel-Buffering"] = "no"
        return response

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        return self.response()(environ, start_response)


def join_chunks(chunks: Iterable[str], size: int = CHUNK_CHARACTERS) -> Iterator[str]:
    """Few large pieces instead of many small ones, where nobody waits for each."""
    buffer: list[str] = []
    length = 0
    for chunk in chunks:
        buffer.append(chunk)
        length += len(chunk)
        if length >= size:
            yield "".join(buffer)
            buffer, length = [], 0
    if buffer:
        yield "".join(buffer)


def _with_problem_line(lines: Iterable[Any]) -> Iterator[Any]:
    try:
        yield from lines
    except Problem as problem:
        yield ProblemLine(errors.problem_json(problem))
    except (DBAPIError, PoolTimeout):
        yield ProblemLine(errors.problem_json(Unavailable("the store went away")))
