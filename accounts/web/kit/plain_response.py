"""A response as WSGI has it: status, headers, body. Flask's is made of it, and so is an answer without Flask."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

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

    def response(self) -> Response:
        """Return the same as Flask's response.

        :raises ValueError: there is a line break in a header.
        """
        response = Response(self.body, self.status, self.headers)
        if self.status == HTTPStatus.NO_CONTENT:
            del response.headers["Content-Type"]  # Flask's own
        return response


def json_response(
    body: Mapping[str, Any], status: int = 200, headers: Iterable[tuple[str, str]] = ()
) -> PlainResponse:
    """Return JSON as the specifications of OAuth and OpenID Connect have it."""
    return PlainResponse(json.dumps(body).encode(), status, [("Content-Type", "application/json"), *headers])


def text_response(text: str, status: int = 200, headers: Iterable[tuple[str, str]] = ()) -> PlainResponse:
    """Return plain text."""
    return PlainResponse(text.encode(), status, [("Content-Type", "text/plain; charset=utf-8"), *headers])


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
