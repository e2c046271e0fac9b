"""Requests are logged one line each, in the form of all other lines."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator

import pytest

from accounts.cli.logs import configure_logging, log_requests
from tests.people import Service


class Terminal(io.StringIO):
    """What a developer watches."""

    def isatty(self) -> bool:
        return True


class ClosedPipe(io.StringIO):
    """Of a reader that has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(
    monkeypatch: pytest.MonkeyPatch, service: Service, stream: io.StringIO, *paths: str
) -> tuple[list[str], str]:
    """The lines about requests for paths, and one that went by way of logging."""
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(service.site.settings)
    log_requests(service.app)
    for path in paths:
        service.person().get(path)
    count = len(stream.getvalue().splitlines())
    fields = {"method": "GET", "route": "/x", "status": 200, "ms": 0.1, "request_id": "1"}
    logging.getLogger("accounts.requests").info("request", extra=fields)
    lines = stream.getvalue().splitlines()
    return lines[:count], lines[-1]


def test_a_request_is_one_line_of_json_with_its_route(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, root_logger: logging.Logger
) -> None:
    service = make_service(options={})
    lines, other = logged(monkeypatch, service, io.StringIO(), "/sign-in?email=a@example.org", "/nowhere")
    found, missing = [json.loads(line) for line in lines if '"event": "request"' in line]
    assert list(found) == list(json.loads(other))
    assert (found["event"], found["level"], found["logger"]) == ("request", "info", "accounts.requests")
    assert (found["method"], found["route"], found["status"]) == ("GET", "/sign-in", 200)
    assert (missing["route"], missing["status"]) == (None, 404)
    assert found["request_id"] != missing["request_id"]
    assert found["timestamp"].endswith("Z")
    assert "example.org" not in "".join(lines)


def test_a_method_of_ones_own_cannot_forge_a_line(monkeypatch: pytest.MonkeyPatch, service: Service) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log_requests(service.app)
    request_log = service.state.request_log
    assert request_log is not None
    request_log.write(method='X"}\n{"event": "forged', route=None, status=405, seconds=0.1, request_id="1")
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["method"] == 'X"}\n{"event": "forged'


def test_a_developers_terminal_gets_the_same_in_its_form(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, root_logger: logging.Logger
) -> None:
    (line,), other = logged(monkeypatch, make_service(options={}), Terminal(), "/sign-in")
    assert "request" in line
    assert "/sign-in" in line
    assert line.count("=") == other.count("=") > 0


def test_a_log_that_takes_no_more_fails_no_request(
    make_service: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, root_logger: logging.Logger
) -> None:
    service = make_service(options={})
    monkeypatch.setattr(sys, "stderr", ClosedPipe())
    log_requests(service.app)
    assert service.person().get("/sign-in").status_code == 200
