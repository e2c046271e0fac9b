"""The first start of a host app in development: mail is delivered, and the first steps are printed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import click
from flask import Flask
from flask.cli import run_command
from flask.helpers import get_debug_flag
from werkzeug.serving import is_running_from_reloader

from accounts.config_sources import SettingsError
from accounts.core.database import schema
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk.first_admin import first_admin_url


class DevelopmentStart:
    """Runs once in each process that serves a host app in development; never in production, nor in tests.

    :param start_workers: starts the delivery of mail in this process.
    """

    def __init__(self, app: Flask, site: Site, start_workers: Callable[[], object]) -> None:
        self._app, self._site, self._start_workers = app, site, start_workers
        self._lock = threading.Lock()
        self._done = False
        self._hinted = False

    def run(self) -> None:
        """Do it, unless that was done; once more with the next request where the tables are not there yet."""
        if self._done or self._app.testing:
            return
        with self._lock:
            self._run_once()

    def _run_once(self) -> None:
        if self._done or not self._has_tables():
            return
        self._done = True
        self._greet()
        if self._site.settings.mail_server is None:
            self._start_workers()

    def _has_tables(self) -> bool:
        try:
            schema.check_revision(self._site.store)
        except SettingsError:
            if not self._hinted:
                self._hinted = True
                click.echo("accounts: the tables are missing or old; run: flask accounts upgrade", err=True)
            return False
        return True

    def _greet(self) -> None:
        if self._site.settings.mail_server is None:
            mailbox = self._site.link_signer.page_url("/mailbox")
            click.echo(f"accounts: emails are not sent; read them at {mailbox}", err=True)
        uow = UnitOfWork(self._site)
        try:
            url = first_admin_url(uow)
        finally:
            uow.close()
        if url is not None:
            click.echo(
                f"accounts: there is no admin yet. Open this link to become the first one; it works once:\n\n{url}\n",
                err=True,
            )


def is_serving() -> bool:
    """Whether this process is known to serve: it is that of ``flask run``, or the one that its reloader starts."""
    if is_running_from_reloader():
        return True
    command = click.get_current_context(silent=True)
    if command is None or command.command is not run_command:
        return False
    reload = command.params.get("reload")
    return not (get_debug_flag() if reload is None else reload)
