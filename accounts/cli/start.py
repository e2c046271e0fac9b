"""Begin to work as soon as the database can be used: until then the process lives, and is not ready."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable

import click
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from accounts.cli.output import print_problem
from accounts.core.database import schema
from accounts.core.database.schema import DATABASE_AWAY, TABLES_OLDER, NotReady
from accounts.core.site import Site, prepare_site
from accounts.core.uow import UnitOfWork
from accounts.extension import get_app_state, start_workers
from accounts.flows.helpdesk.first_admin import first_admin_url

log = logging.getLogger("accounts.start")
RETRY_SECONDS = 2.0
"""Between two attempts to use a database that does not answer."""


class ServiceStart:
    """What has to be done once before a service can work. Made before its processes are forked, and shared by them.

    :param app: the service.
    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._site = get_app_state(app).site
        self._is_done = False
        # Whichever process comes first prints the link of the first admin.
        self._print_lock = multiprocessing.get_context("fork").Lock()

    def try_once(self, announce: Callable[[], None]) -> None:
        """Migrate and print the link of the first admin, unless the database does not answer.

        :param announce: called once it is known that the service starts.
        :raises NotReady: the database answers, and cannot be used.
        """
        problem: NotReady | None = None
        try:
            prepare_site(self._site)
        except NotReady as error:
            if error.code != DATABASE_AWAY:
                raise
            problem = error
        finally:
            self._site.store.close()
        announce()
        if problem is None:
            self._finish()
            self._site.store.close()
        else:
            print_problem(f"{problem}; waiting for it")

    def start_workers(self) -> Callable[[float], None]:
        """Deliver mail in threads of this process, as soon as the database can be used.

        :returns: what stops them: it waits for what is under way, at most so many seconds.
        """
        if self._is_done:
            return start_workers(self._app)
        stopped, started = threading.Event(), list[Callable[[float], None]]()

        def begin() -> None:
            try:
                if wait_until_ready(self._prepare, stopped):
                    started.append(start_workers(self._app))
            except NotReady as error:
                log.error("%s", error)
                # A database that cannot be used ends the whole service, as it does at the start.
                os.kill(os.getppid(), signal.SIGTERM)

        thread = threading.Thread(target=begin, name="accounts-start", daemon=True)
        thread.start()

        def stop(seconds: float) -> None:
            stopped.set()
            thread.join(seconds)
            for stop_workers in started:
                stop_workers(seconds)

        return stop

    def _prepare(self) -> None:
        prepare_site(self._site)
        self._finish()

    def _finish(self) -> None:
        if self._print_lock.acquire(block=False):
            try:
                _print_first_admin(self._site)
            except BaseException:
                self._print_lock.release()
                raise
        self._is_done = True


def wait_until_ready(check: Callable[[], object], stopped: threading.Event) -> bool:
    """Wait until the database can be used, and return True; return False when ``stopped`` is set before.

    Once it has been away, tables that are not migrated yet are waited for, too: whoever migrates has waited as well.

    :param check: raises :class:`NotReady` where it cannot be used.
    :raises NotReady: it answers, and cannot be used.
    """
    waited_for, reason = {DATABASE_AWAY}, ""
    while not stopped.is_set():
        try:
            check()
        except NotReady as error:
            if error.code not in waited_for:
                raise
            waited_for.add(TABLES_OLDER)
            if error.code != reason:
                reason = error.code
                log.warning("%s; waiting for it", error)
        else:
            if reason:
                log.info("the database can be used")
            return True
        stopped.wait(RETRY_SECONDS)
    return False


def _print_first_admin(site: Site) -> None:
    try:
        with UnitOfWork(site) as uow:
            url = first_admin_url(uow)
    except SQLAlchemyError as error:
        raise schema.not_ready(site.store, error) from None
    if url is not None:
        click.echo(f"There is no admin yet. Open this link to become the first one; it works once:\n\n{url}\n")
