"""WebSockets (RFC 6455), as much of them as shows that a proxy carries one: short texts, no extension."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
from http.client import HTTPResponse
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase, RawIOBase

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE = 0x81, 0x88
MASKED = 0x80
MAX_CHARACTERS = 125


def answer_websocket(handler: BaseHTTPRequestHandler) -> None:
    """Open the WebSocket that a request asks for, and say each text that comes once more, in capitals."""
    key = handler.headers["Sec-WebSocket-Key"]
    handler.send_response(101)
    handler.send_header("Connection", "Upgrade")
    handler.send_header("Upgrade", "websocket")
    handler.send_header("Sec-WebSocket-Accept", _accept_key(key))
    handler.send_header("X-Told-User", handler.headers.get("Remote-User", ""))
    handler.end_headers()
    handler.close_connection = True
    while text := _read_text(handler.rfile):
        handler.wfile.write(_frame(text.upper()))


def open_websocket(connection: socket.socket, host: str, path: str, **headers: str) -> tuple[HTTPResponse, WebSocket]:
    """Ask for a WebSocket over a connection, and return the answer: 101, or why there is none."""
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    lines = {"Host": host, "Connection": "Upgrade", "Upgrade": "websocket"} | headers
    lines |= {"Sec-WebSocket-Key": key, "Sec-WebSocket-Version": "13", "Sec-Fetch-Mode": "websocket"}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    connection.sendall(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode())
    answer = HTTPResponse(connection)
    answer.begin()
    if answer.status == 101:
        assert answer.headers["Sec-WebSocket-Accept"] == _accept_key(key)
    return answer, WebSocket(connection)


class WebSocket:
    """The client's end of one that is open."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def ask(self, text: str) -> str:
        """Say something, and return what is said to it."""
        self._connection.sendall(_frame(text, mask=secrets.token_bytes(4)))
        with self._connection.makefile("rb", buffering=0) as stream:
            return _read_text(stream)


def _accept_key(key: str) -> str:
    digest = hashlib.sha1(f"{key}{GUID}".encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def _frame(text: str, mask: bytes = b"") -> bytes:
    data = text.encode()
    assert len(data) <= MAX_CHARACTERS
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)) if mask else data
    return bytes([TEXT, len(data) | (MASKED if mask else 0)]) + mask + masked


def _read_text(stream: BufferedIOBase | RawIOBase) -> str:
    """Return the next text; "" where the other end has closed."""
    head = _read(stream, 2)
    if len(head) < 2 or head[0] == CLOSE:
        return ""
    assert head[0] == TEXT, head
    mask = _read(stream, 4) if head[1] & MASKED else bytes(4)
    data = _read(stream, head[1] & ~MASKED)
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data)).decode()


def _read(stream: BufferedIOBase | RawIOBase, length: int) -> bytes:
    data = b""
    while len(data) < length and (more := stream.read(length - len(data))):
        data += more
    return data
