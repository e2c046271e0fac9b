"""nginx and Caddy as they are, run with the configurations of the documentation."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

DOC = Path(__file__).parents[2] / "docs" / "forward-auth.md"
PATIENCE = 30.0
NGINX_FRAME = """
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""


class ProxyMissing(RuntimeError):
    """There is no such program here; the message says how to get one."""


def documented(title: str) -> str:
    """The configuration of the documentation that begins with this comment."""
    found = re.findall(
        rf"^```\w+\n(# {re.escape(title)}\n.*?)^```$", DOC.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert len(found) == 1, title
    return str(found[0])


@contextmanager
def nginx(config: str, folder: Path, *, port: int, pem: Path, key: Path) -> Iterator[None]:
    """nginx with a documented configuration, on a port of its own."""
    program = _program("nginx", "apt install nginx-light")
    servers = config.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    servers = servers.replace("/etc/ssl/example.org.pem", str(pem)).replace("/etc/ssl/example.org.key", str(key))
    file = folder / "nginx.conf"
    file.write_text(NGINX_FRAME.format(folder=folder, servers=servers), "utf-8")
    with _running([program, "-p", str(folder), "-c", str(file), "-e", str(folder / "nginx.log")], port, folder, {}):
        yield


@contextmanager
def caddy(config: str, folder: Path, *, port: int, pem: Path, key: Path) -> Iterator[None]:
    """Caddy with a documented configuration, on a port of its own."""
    program = _program("caddy", "apt install caddy")
    if _version(program) < (2, 6, 3):
        # What the documentation says for it.
        config = re.sub(r"request_buffers (\w+)", r"buffer_requests\n\t\tmax_buffer_size \1", config)
    here = rf"https://\1:{port} {{\n\tbind 127.0.0.1\n\ttls {pem} {key}"
    sites = re.sub(r"^([a-z.]+\.example\.org) \{$", here, config, flags=re.MULTILINE)
    file = folder / "Caddyfile"
    file.write_text("{\n\tadmin off\n\tauto_https off\n}\n" + sites, "utf-8")
    environ = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with _running([program, "run", "--config", str(file), "--adapter", "caddyfile"], port, folder, environ):
        yield


PROXIES = {"nginx": nginx, "Caddy": caddy}


def _program(name: str, advice: str) -> str:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        raise ProxyMissing(f"NO FORWARD-AUTH TESTS BEHIND {name}: it is not installed. Debian: {advice}.")
    return path


def _version(program: str) -> tuple[int, ...]:
    printed = subprocess.run(
        [program, "version"], capture_output=True, text=True, check=True, timeout=PATIENCE
    ).stdout
    return tuple(int(number) for number in re.findall(r"\d+", printed)[:3])


@contextmanager
def _running(command: list[str], port: int, folder: Path, environ: Mapping[str, str]) -> Iterator[None]:
    log = folder / "proxy.out"
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env=dict(environ), cwd=folder)
    try:
        ends = time.monotonic() + PATIENCE
        while not _listens(port):
            assert process.poll() is None, log.read_text("utf-8")
            assert time.monotonic() < ends, log.read_text("utf-8")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
