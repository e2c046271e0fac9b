"""A response as WSGI has it: status, headers, body. Flask's is made of it, and so is an answer without Flask."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from flask import Response

HeaderList = list[tuple[str, str]]


@dataclass(slots=True)
class PlainResponse:
    """What a view answers that does not need Flask's response: nothing is streamed, and nothing redirects.

    :ivar headers: names and values, without ``Content-Length``.
    """

    body: bytes
    status: int
    headers: HeaderList

    def wsgi_headers(self) -> HeaderList:
        """Return the headers as a WSGI server takes them.

        :raises ValueError: there is a line break in one of them.
        """
        if any("\n" in value or "\r" in value for _, value in self.headers):
            raise ValueError("Header values must not contain newline characters.")
        return [*self.headers, ("Content-Length", str(len(self.body)))]

    def response(self) -> Response:
        """Return the same as Flask's response.

        :raises ValueError: there is a line break in a header.
        """
        response = Response(self.body, self.status, self.headers)
        if self.status == HTTPStatus.NO_CONTENT:
            del response.headers["Content-Type"]  # Flask's own
        return response


def add_vary(headers: HeaderList, name: str) -> None:
    """Say that the response depends on a header of the request (RFC 9110, section 12.5.5)."""
    for index, (header, value) in enumerate(headers):
        if header.lower() == "vary":
            if name.lower() not in [each.strip().lower() for each in value.split(",")]:
                headers[index] = (header, f"{value}, {name}")
            return
    headers.append(("Vary", name))


def set_header(headers: HeaderList, name: str, value: str) -> None:
    """Put one value into the place of all that a header has."""
    lowered = name.lower()
    headers[:] = [pair for pair in headers if pair[0].lower() != lowered]
    headers.append((name, value))
