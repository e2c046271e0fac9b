"""Declare ``accounts serve`` and ``worker``: run the service."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click
from flask import Flask
from sqlalchemy.orm import configure_mappers

from accounts.app import create_app
from accounts.cli.app import open_app
from accounts.cli.commands import Command
from accounts.cli.context import find_host_site, load_settings
from accounts.cli.logs import configure_logging, log_requests
from accounts.cli.start import ServiceStart, wait_until_ready
from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core.meters import SHARED_FOLDER
from accounts.core.site import Site, check_site
from accounts.extension import get_app_state, start_workers
from accounts.version import __version__
from accounts.web.kit.body_limits import find_body_limit

THREADS_PER_PROCESS = 16
"""Request threads of a process. More than can block at once: hashing has a pool of its own."""
BACKLOG = 1024
"""Clients that may wait for a process to let them in."""
DESCRIPTORS = 8192
"""File descriptors that a process asks for. Many systems give 1,024 unless they are asked."""
DRAIN_SECONDS = 18
"""How many seconds a stopping process may take for the requests that it has accepted. After 20 it is killed."""
WORKER_DRAIN_SECONDS = 20
"""How many seconds `accounts worker` waits for what is under way."""
DELIVERY_DRAIN_SECONDS = 8
"""How many seconds a stopping process waits for the letter under way. `docker stop` kills after ten in all."""


@click.command("serve", cls=Command)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes that serve.")
def serve(workers: int) -> None:
    """Migrate the database, print the address, serve pages and JSON, and deliver mail.

    The app is made once, before any process serves: those that do are forked, and share its memory.
    """
    try:
        # Of the optional extra "server": a host app has a server of its own.
        from accounts.server.process import raise_descriptor_limit
        from accounts.server.supervisor import Supervisor
    except ImportError:
        raise SettingsError("serving needs the server extra; install accounts[server]") from None
    settings = Settings.load()
    if workers > 1 and settings.mail_server is None:
        raise SettingsError("several workers need ACCOUNTS_MAIL_SERVER: the development mailbox is of one process")
    with _count_together(settings, workers):
        app = create_app(settings)
        with _bind(settings) as listener:
            configure_logging(settings)
            if settings.metrics_token is not None:
                get_app_state(app).site.meters.start()
            # No open connection may cross the fork: it leaves none.
            start = ServiceStart(app)
            start.try_once(functools.partial(_print_startup, get_app_state(app).site))
            log_requests(app)
            raise_descriptor_limit(DESCRIPTORS)
            _prepare_fork()
            listener.listen(BACKLOG)
            sys.exit(Supervisor(functools.partial(_serve_in_process, app, start, listener), workers).run())


@click.command("worker", cls=Command)
def worker() -> None:
    """Deliver mail and callbacks to other apps, and nothing else, until SIGTERM or SIGINT."""
    settings = load_settings()
    if find_host_site() is None:
        configure_logging(settings)
    elif settings.mail_server is None:
        raise SettingsError("without ACCOUNTS_MAIL_SERVER mails stay in the process that serves, which delivers them")
    app = open_app()
    stopped = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    site = get_app_state(app).site
    if not wait_until_ready(functools.partial(check_site, site), stopped):
        return
    click.echo(f"delivering mail of {settings.public_origin}", err=True)
    stop_workers = start_workers(app)
    stopped.wait()
    stop_workers(WORKER_DRAIN_SECONDS)


@contextmanager
def _count_together(settings: Settings, workers: int) -> Iterator[None]:
    """Have all serving processes count in one folder: whichever answers a scrape, it tells what all have done.

    The library looks for the folder when it is imported, which is after this. ``accounts worker`` may count in the
    same, where the operator names it.

    :raises SettingsError: there is nowhere to make one.
    """
    if workers == 1 or settings.metrics_token is None or SHARED_FOLDER in os.environ:
        yield
        return
    try:
        folder = tempfile.TemporaryDirectory(prefix="accounts-metrics-")
    except OSError as error:
        raise SettingsError(
            f"{SHARED_FOLDER}: must name a folder where several workers count: {error.strerror}"
        ) from None
    with folder as os.environ[SHARED_FOLDER]:
        yield


def _prepare_fork() -> None:
    # Python 3.14 would start processes from nothing, each with a copy of its own of everything that was read here.
    multiprocessing.set_start_method("fork", force=True)
    # Made at its first query otherwise, by each process.
    configure_mappers()
    # The garbage collector writes into whatever it looks at, which ends the sharing. It leaves alone what is frozen.
    gc.freeze()


def _serve_in_process(
    app: Flask, start: ServiceStart, listener: socket.socket, on_ready: Callable[[], object]
) -> None:
    """Serve, and deliver mail, until the process is told to stop; runs in the forked process."""
    from accounts.server.process import ServingProcess

    _exit_with_parent()
    stop_workers = start.start_workers()
    ServingProcess(
        app,
        listener,
        threads=THREADS_PER_PROCESS,
        body_limit=find_body_limit(app, get_app_state(app).all_routes),
        drain_seconds=DRAIN_SECONDS,
    ).run(on_ready, on_stop=lambda: stop_workers(DELIVERY_DRAIN_SECONDS))


def _exit_with_parent() -> None:
    # A killed parent does not stop its children: they would go on serving and keep its port from the next start.
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="accounts-parent", daemon=True).start()


def _print_startup(site: Site) -> None:
    settings = site.settings
    click.echo(f"accounts {__version__} ({settings.env}) at {settings.public_origin}")
    if settings.mail_server is None:
        click.echo(f"Emails are not sent; read them at {settings.public_origin}/mailbox")


def _bind(settings: Settings) -> socket.socket:
    """Return a socket at the address to serve; nobody can connect until it listens.

    :raises SettingsError: another program is there, or this machine has no such address.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        address = f"{settings.host} port {settings.port}"
        raise SettingsError(f"ACCOUNTS_HOST, ACCOUNTS_PORT: cannot listen on {address}: {error.strerror}") from None
    return listener
