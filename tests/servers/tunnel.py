"""TLS in front of a server that speaks plain HTTP on loopback: what a proxy does, and nothing else that one does."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def tls_in_front_of(port: int, context: ssl.SSLContext, *, at: int) -> Iterator[None]:
    """Listen with TLS at one port of 127.0.0.1, and pass on to another what is said inside."""
    listener = socket.create_server(("127.0.0.1", at), backlog=128)
    threading.Thread(target=_accept, args=(listener, port, context), daemon=True).start()
    try:
        yield
    finally:
        # Closing alone wakes nobody who waits in accept().
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _accept(listener: socket.socket, port: int, context: ssl.SSLContext) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, port, context), daemon=True).start()


def _serve(client: socket.socket, port: int, context: ssl.SSLContext) -> None:
    with client, contextlib.suppress(OSError):
        inside = context.wrap_socket(client, server_side=True)
        with inside, socket.create_connection(("127.0.0.1", port)) as backend:
            threading.Thread(target=_pump, args=(backend, inside), daemon=True).start()
            _pump(inside, backend)


def _pump(source: socket.socket, to: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with contextlib.suppress(OSError):
        to.shutdown(socket.SHUT_RDWR)
