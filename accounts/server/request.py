"""Read a request by waitress, refuse what two readers may read differently, and give up on bodies."""

from __future__ import annotations

import io
import json
import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import IO, Any, Protocol

from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ErrorTask, WSGITask
from waitress.utilities import BadRequest
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, ServiceUnavailable

from accounts.server.limits import Limits

BodyLimit = Callable[[dict[str, Any]], int]
"""Says how many bytes the body of a request may have, by its method and path."""

CODING = re.compile(rb"^transfer-encoding:[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
MAX_CHUNK_LINE = 8 * 1024
FRAMED = 8
"""How many bytes chunks may take for each byte that they bring, beyond a line."""
REFUSED_CODES = {413: "too_large", 431: "too_large", 500: "internal_error"}


class Bounds(Protocol):
    """What a request needs to know of the process that reads it."""

    limits: Limits
    body_limit: BodyLimit
    is_stopping: bool

    def may_take_large(self) -> bool:
        """Whether there is room for another large body."""
        ...


class UnreadBody(io.RawIOBase):
    """A body that is not there: whoever wants to read it gets the error that tells why, and says so in its own words.

    :param error: raised for each attempt to read.
    """

    def __init__(self, error: HTTPException) -> None:
        self._error = error

    def readable(self) -> bool:
        """Return True: the error is raised by reading."""
        return True

    def readinto(self, buffer: object) -> int:
        """Raise the error."""
        raise self._error

    def read(self, size: int = -1) -> bytes:
        """Raise the error."""
        raise self._error


class Request(HTTPRequestParser):
    """One request, complete or not; made when its first byte comes.

    :ivar unread: why its body was not read; None for one that was.
    :ivar is_large: whether its body is larger than what is kept in memory.
    """

    def __init__(self, bounds: Bounds, adj: Adjustments) -> None:
        super().__init__(adj)
        self._bounds = bounds
        self.began = time.time()
        self.unread: HTTPException | None = None
        self.is_large = False
        self._limit = bounds.limits.body_bytes

    def received(self, data: bytes) -> int:
        """Read on; return how many bytes belong to this request."""
        read = super().received(data)
        if self.chunked and not self.error:
            self._judge_chunks()
        if self.error:
            self.expect_continue = False
        # What follows a body that is not read is no request.
        return len(data) if self.unread else read

    def parse_header(self, header_plus: bytes) -> None:
        """Read the headers, and judge the body before it comes.

        :raises ParsingError: two readers may take it differently (RFC 9112, sections 3.2, 6.1 and 11.2).
        """
        super().parse_header(header_plus)
        self.began = time.time()
        codings = [coding.lower() for coding in CODING.findall(header_plus)]
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("another version of HTTP")
        if codings and (codings != [b"chunked"] or self.version == "1.0" or "CONTENT_LENGTH" in self.headers):
            raise ParsingError("the length is not clear")
        host = self.headers.get("HOST")
        if (host is None and self.version == "1.1") or "," in (host or ""):
            raise ParsingError("not one Host")
        if self.proxy_scheme not in ("", "http", "https") or not self.path.startswith("/"):
            raise ParsingError("neither a path nor a URL")
        if self.content_length > self._limit:
            self._begin_large(self.content_length)
        self.expect_continue = self.expect_continue and self.body_rcv is not None

    def get_body_stream(self) -> IO[bytes]:
        """Return the body, or what raises the reason why it was not read."""
        return UnreadBody(self.unread) if self.unread else super().get_body_stream()  # type: ignore[return-value] # as much of a file as PEP 3333 asks for

    def give_up(self, error: HTTPException) -> None:
        """Have the app answer without the body; the connection cannot be used afterwards."""
        self.close()
        self.unread, self.body_rcv, self.content_length = error, None, 0
        self.completed, self.expect_continue = True, False
        self.headers["CONNECTION"] = "close"

    def due(self) -> float:
        """Return when the headers, or the body, have to be complete, in seconds since 1970."""
        limits = self._bounds.limits
        if not self.headers_finished:
            return self.began + limits.head_seconds
        if not self.is_large:
            return self.began + limits.body_seconds
        earned = limits.body_seconds + self.body_bytes_received / limits.bytes_a_second
        return self.began + min(earned, limits.large_body_seconds)

    def _judge_chunks(self) -> None:
        body = self.body_rcv
        if body is None:
            return
        if len(body) > self._limit and not self.is_large:
            self._begin_large(len(body))
        elif len(body) > self._limit or self.body_bytes_received > FRAMED * (len(body) + MAX_CHUNK_LINE):
            self.give_up(RequestEntityTooLarge())
        elif len(body.control_line) + len(body.trailer) > MAX_CHUNK_LINE:
            # waitress puts it together anew for each piece that comes.
            self.error = BadRequest("a chunk without an end")  # type: ignore[assignment] # inferred from its first error
            self.completed = True

    def _begin_large(self, length: int) -> None:
        environ = {"PATH_INFO": self.path, "REQUEST_METHOD": self.command}
        self._limit = max(self._limit, self._bounds.body_limit(environ))
        if length > self._limit:
            self.give_up(RequestEntityTooLarge())
        elif not self._bounds.may_take_large():
            self.give_up(ServiceUnavailable())
        else:
            self.is_large = True


class Answer(WSGITask):
    """The answer of the app."""

    def build_response_header(self) -> bytes:
        """Return the head of the answer; at the end of the process it says that no other follows."""
        if self.channel.server.is_stopping:
            self.set_close_on_finish()
        head: bytes = super().build_response_header()
        return head


class Refusal(ErrorTask):
    """The answer to what never reached the app, in its shape of errors (RFC 9457)."""

    def execute(self) -> None:
        """Send it, and hang up."""
        status = HTTPStatus(self.request.error.code)
        code = REFUSED_CODES.get(status, "malformed_request")
        problem = {"type": "about:blank", "title": status.phrase, "status": status, "code": code}
        body = json.dumps(problem).encode()
        self.status = f"{status} {status.phrase}"
        self.response_headers.append(("Content-Type", "application/problem+json"))
        self.set_close_on_finish()
        self.content_length = len(body)  # type: ignore[assignment] # inferred from None
        self.write(body)
        if status != HTTPStatus.INTERNAL_SERVER_ERROR:
            self.channel.server.count_soon("malformed")
