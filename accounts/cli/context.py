"""Open the site of a command, and units of work in it."""

from __future__ import annotations

from typing import cast

import click

from accounts.cli.commands import HOST_SITE_KEY
from accounts.config import Settings
from accounts.core.models.account import Account
from accounts.core.site import Site, check_site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS, TOKENS
from accounts.flows.shared import accounts


def load_settings() -> Settings:
    """Return the settings of the host app under ``flask accounts``, else those of ACCOUNTS_*.

    :raises SettingsError: settings cannot be used.
    """
    host_site = find_host_site()
    return host_site.settings if host_site else Settings.load()


def find_host_site() -> Site | None:
    """Return the site of the host app under ``flask accounts``, else None."""
    return cast("Site | None", click.get_current_context().meta.get(HOST_SITE_KEY))


def make_site(settings: Settings | None = None) -> Site:
    """Return the site that ACCOUNTS_* describes; its store is closed when the command ends.

    Under ``flask accounts`` it is that of the host app, with its mount, its engine and its kinds of links.

    :param settings: the settings to use instead of those of ACCOUNTS_*.
    :raises SettingsError: settings or keys cannot be used.
    """
    site = find_host_site() or Site(settings or Settings.load(), LINKS, tokens=TOKENS)
    click.get_current_context().call_on_close(site.store.close)
    return site


def open_site() -> Site:
    """Return the site, and check that this version works on its tables and that they belong to its keys.

    :raises SettingsError: settings, keys or store cannot be used.
    """
    site = make_site()
    check_site(site)
    return site


def open_unit_of_work(site: Site | None = None) -> UnitOfWork:
    """Return a unit of work of the operator; it is closed when the command ends.

    An operator needs no account: the key ring is theirs.

    :param site: by default the one that ACCOUNTS_* describes.
    :raises SettingsError: settings, keys or store cannot be used.
    """
    uow = UnitOfWork(site or open_site())
    click.get_current_context().call_on_close(uow.close)
    return uow


def open_account(id_or_email: str) -> tuple[UnitOfWork, Account]:
    """Return a unit of work of the operator, and an account in it by id or address.

    :raises NotFound: there is none.
    """
    uow = open_unit_of_work()
    return uow, accounts.find_account(uow, id_or_email)
