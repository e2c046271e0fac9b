"""What commands work with: the house of this installation, and units of work in it."""

from __future__ import annotations

import click
from flask import has_app_context

from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS
from accounts.web.kit import context


def load_settings() -> Settings:
    """Return the settings of the host app under ``flask accounts``, else those of ACCOUNTS_*.

    :raises SettingsError: settings cannot be used.
    """
    return context.site().settings if has_app_context() else Settings.load()


def make_site(settings: Settings | None = None) -> Site:
    """The installation that ACCOUNTS_* (or ``settings``) names; its store is closed when the command ends.

    Under ``flask accounts`` it is that of the host app, with its mount, its engine and its kinds of links.

    :raises SettingsError: settings or keys cannot be used.
    """
    site = context.site() if has_app_context() else Site(settings or Settings.load(), LINKS)
    click.get_current_context().call_on_close(site.store.close)
    return site


def open_site() -> Site:
    """The installation that ACCOUNTS_* names, its tables checked.

    :raises SettingsError: settings, keys or store cannot be used.
    """
    site = make_site()
    schema.check_revision(site.store)
    return site


def open_unit_of_work(site: Site | None = None) -> UnitOfWork:
    """A unit of work of the operator: whoever can read the key ring needs no account. Closed when the command ends.

    :param site: where; by default the installation that ACCOUNTS_* names.
    :raises SettingsError: settings, keys or store cannot be used.
    """
    uow = UnitOfWork(site or open_site())
    click.get_current_context().call_on_close(uow.close)
    return uow
