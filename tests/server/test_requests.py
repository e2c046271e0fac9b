"""What a request may look like, and what an app is told of it."""

from __future__ import annotations

import json
import re

import pytest

from accounts.server.limits import MAX_HEAD_BYTES
from tests.server.conftest import HOST, Echo, Serve

LAST = b"Connection: close\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /form HTTP/1.1\r\n" + HOST
CHUNKED = b"Transfer-Encoding: chunked\r\n"

REFUSED = {
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400),
    "a method that is none": (b"GE(T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a version to come": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (GET + HOST + b"\r\n", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
    "the same length twice": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
    "two lengths in one": (POST + b"Content-Length: 1, 1\r\n\r\na", 400),
    "length and chunks": (POST + CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n", 400),
    "chunks twice": (POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n", 400),
    "chunks twice in one": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "another coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "a coding that is none": (POST + b"Transfer-Encoding: chunke\r\n\r\n", 501),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a length with a sign": (POST + b"Content-Length: +1\r\n\r\na", 400),
    "a length in hex": (POST + b"Content-Length: 0x1\r\n\r\na", 400),
    "a chunk of no number": (POST + CHUNKED + b"\r\nzz\r\n", 400),
    "a chunk that is longer than it says": (POST + CHUNKED + b"\r\n1\r\nab\r\n0\r\n\r\n", 400),
    "a blank before the colon": (GET + b"Content-Length : 3\r\n\r\n", 400),
    "a folded length": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", 400),
    "a folded header that follows none": (b"GET / HTTP/1.1\r\n X-One: 1\r\n" + HOST + b"\r\n", 400),
    "a NUL in a header": (GET + b"X-One: 1\x002\r\n\r\n", 400),
    "a CR in a header": (GET + b"X-One: 1\r2\r\n\r\n", 400),
    "a header without a name": (GET + b": 1\r\n\r\n", 400),
    "headers without an end": (GET + b"X: " + b"x" * 3 * MAX_HEAD_BYTES, 431),
    "headers that are too large": (GET + b"X: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    "a chunk line without an end": (POST + CHUNKED + b"\r\n1;" + b"x" * MAX_HEAD_BYTES, 400),
    "a long address": (b"GET /" + b"x" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n" + HOST + b"\r\n", 431),
    "no path": (b"GET accounts HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "another scheme": (b"GET gopher://accounts.example.org/ HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "a tunnel": (b"CONNECT accounts.example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_request_gets_the_shape_of_errors_and_never_reaches_the_app(serve: Serve, kind: str) -> None:
    app = Echo()
    data, status = REFUSED[kind]
    head, _, body = serve(app).ask(data).partition(b"\r\n\r\n")
    assert re.match(rb"HTTP/1\.[01] %d " % status, head)
    assert b"Content-Type: application/problem+json" in head
    assert json.loads(body)["status"] == status
    assert json.loads(body)["code"] in ("malformed_request", "too_large")
    assert not app.environs


def test_an_environ_is_what_pep_3333_wants(serve: Serve) -> None:
    app = Echo()
    served = serve(app)
    talk = served.talk()
    talk.say(
        b"POST /a%2Fb%C3%BC//c?x=%20&y HTTP/1.1\r\n" + HOST + LAST + b"Content-Type: text/plain\r\nX-Two:  a \r\n"
        b"x-two: b\r\nCookie: a=1; b=2\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert talk.hear().endswith("POST /a/bü//c".encode())
    environ = app.environs[0]
    wanted = {
        "PATH_INFO": "/a/b\u00c3\u00bc//c",
        "QUERY_STRING": "x=%20&y",
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PORT": str(served.address[1]),
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "3",
        "HTTP_HOST": "accounts.example.org",
        "HTTP_X_TWO": "a, b",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.url_scheme": "http",
    }
    assert {name: environ[name] for name in wanted} == wanted
    assert app.bodies == [b"abc"]


def test_a_header_with_an_underscore_is_not_taken_for_another(serve: Serve) -> None:
    app = Echo()
    serve(app).ask(GET + LAST + b"X_Forwarded_For: 10.9.9.9\r\nX-Forwarded-For: 10.1.1.1\r\n\r\n")
    assert app.environs[0]["HTTP_X_FORWARDED_FOR"] == "10.1.1.1"


def test_chunks_become_a_body_of_known_length_and_a_trailer_gets_nowhere(serve: Serve) -> None:
    app = Echo()
    serve(app).ask(
        POST + CHUNKED + LAST + b"\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX-Forwarded-For: 10.9.9.9\r\nHost: evil\r\n\r\n"
    )
    environ = app.environs[0]
    assert (app.bodies, environ["CONTENT_LENGTH"]) == ([b"abcde"], "5")
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert environ["HTTP_HOST"] == "accounts.example.org"


def test_an_absolute_address_is_read_for_its_path(serve: Serve) -> None:
    assert (
        serve(Echo())
        .ask(b"GET http://accounts.example.org/x?y HTTP/1.1\r\n" + HOST + LAST + b"\r\n")
        .endswith(b"GET /x")
    )


def test_who_waits_for_leave_to_send_gets_it(serve: Serve) -> None:
    app = Echo()
    talk = serve(app).talk()
    talk.say(POST + LAST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert talk.hear(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    talk.say(b"abc")
    assert talk.hear().endswith(b"POST /form")
    assert app.bodies == [b"abc"]


def test_who_waits_for_leave_to_send_nothing_is_answered(serve: Serve) -> None:
    assert serve(Echo()).ask(GET + LAST + b"Expect: 100-continue\r\n\r\n").endswith(b"GET /")


def test_chunks_of_one_byte_each_are_a_body_like_others(serve: Serve) -> None:
    app = Echo()
    heard = serve(app).ask(POST + CHUNKED + LAST + b"\r\n" + b"1\r\nx\r\n" * 20_000 + b"0\r\n\r\n")
    assert heard.endswith(b"POST /form")
    assert app.bodies == [b"x" * 20_000]


def test_requests_in_a_row_are_answered_in_their_order(serve: Serve) -> None:
    app = Echo()
    talk = serve(app).talk()
    row = [b"GET /%d HTTP/1.1\r\n" % number + HOST + b"\r\n" for number in range(20)]
    talk.say(b"".join(row[:10]))
    talk.say(b"".join(row[10:]) + b"POST /last HTTP/1.1\r\n" + HOST + LAST + b"Content-Length: 1\r\n\r\nx")
    heard = talk.hear()
    places = [heard.index(b"GET /%d" % number, number) for number in range(20)]
    assert places == sorted(places)
    assert heard.endswith(b"POST /last")
    assert [environ["PATH_INFO"] for environ in app.environs] == [*(f"/{number}" for number in range(20)), "/last"]


def test_what_follows_a_good_request_and_is_none_is_refused_after_its_answer(serve: Serve) -> None:
    heard = serve(Echo()).ask(POST + b"Content-Length: 1\r\n\r\nabcdef\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert heard.count(b" 400 Bad Request") == 1


def test_who_wants_another_protocol_is_answered_in_this_one_and_hung_up_on(serve: Serve) -> None:
    app = Echo()
    heard = serve(app).ask(GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\nPRI * HTTP/2.0\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 OK")
    assert heard.count(b" 400 Bad Request") == 1
    assert len(app.environs) == 1


def test_ipv6_names_the_client(serve: Serve) -> None:
    app = Echo()
    serve(app, host="::1").ask(GET + LAST + b"\r\n")
    assert app.environs[0]["REMOTE_ADDR"] == "::1"
