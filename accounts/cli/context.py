"""What commands work with: the house of this installation, and units of work in it."""

from __future__ import annotations

import click

from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS


def make_house(settings: Settings | None = None) -> Site:
    """The installation that ACCOUNTS_* (or ``settings``) names; its store is closed when the command ends.

    :raises SettingsError: settings or keys cannot be used.
    """
    house = Site(settings or Settings.load(), LINKS)
    click.get_current_context().call_on_close(house.store.close)
    return house


def open_house() -> Site:
    """The installation that ACCOUNTS_* names, its tables checked.

    :raises SettingsError: settings, keys or store cannot be used.
    """
    house = make_house()
    schema.check_revision(house.store)
    return house


def unit_of_work(house: Site | None = None) -> UnitOfWork:
    """A unit of work of the operator: whoever can read the key ring needs no account. Closed when the command ends.

    :param house: where; by default the installation that ACCOUNTS_* names.
    :raises SettingsError: settings, keys or store cannot be used.
    """
    uow = UnitOfWork(house or open_house())
    click.get_current_context().call_on_close(uow.close)
    return uow
