"""Declare ``accounts config check``: check whether the service would start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import make_site
from accounts.cli.output import print_json
from accounts.config_sources import COMPOSED_SETTINGS, ENV_PREFIX, LIFETIME_PREFIX, SECRET_SETTINGS, SettingsError
from accounts.config_upstream import UPSTREAM_FIELDS, UPSTREAM_PREFIX
from accounts.core.database import schema
from accounts.core.site import Site, check_site

SET, NOT_SET = "(set)", "(not set)"
SECRET_UPSTREAM_FIELD = "client_secret"  # noqa: S105 - the end of a name


@click.group(cls=Group)
def config() -> None:
    """Check the settings."""


@config.command("check")
@json_option
def check_config(as_json: bool) -> None:
    """Print the resulting settings without secrets, and check whether keys and database can be used."""
    site = make_site()
    settings = dict(_iter_settings(site))
    keys = {"count": len(site.ring), "signs": site.ring.signing.name}
    if not as_json:
        for name, value in settings.items():
            click.echo(f"{name} = {NOT_SET if value is None else value}")
        click.echo(f"keys: {keys['count']}, {keys['signs']} signs")
    try:
        check_site(site)
    except SettingsError:
        if as_json:
            print_json({"settings": settings, "keys": keys, "store": None})
        raise
    store = {"database": str(site.store), "version": schema.head_revision()}
    if as_json:
        print_json({"settings": settings, "keys": keys, "store": store})
    else:
        click.echo(f"store: {store['database']}, version {store['version']}")


def _iter_settings(site: Site) -> Iterator[tuple[str, str | None]]:
    """Yield the name and the value of each setting, as the environment would have them.

    The value of a secret is only whether it is set; that of a setting without a value is None.
    """
    settings = site.settings
    for name in type(settings).model_fields:
        if name in COMPOSED_SETTINGS:
            continue
        yield _setting_name(name), _format_setting(getattr(settings, name), secret=name in SECRET_SETTINGS)
    for purpose, kind in site.links.items():
        seconds = int(site.link_signer.lifetime(kind).total_seconds())
        yield _setting_name(f"{LIFETIME_PREFIX}{purpose.replace('-', '_')}"), str(seconds)
    for name, upstream in settings.upstreams.items():
        for field in UPSTREAM_FIELDS:
            value = _format_setting(getattr(upstream, field), secret=field == SECRET_UPSTREAM_FIELD)
            yield _setting_name(f"{UPSTREAM_PREFIX}{name}_{field}"), value


def _setting_name(name: str) -> str:
    return f"{ENV_PREFIX}{name.upper()}"


def _format_setting(value: Any, *, secret: bool) -> str | None:
    if value is None or value in ("", ()):
        return None
    if secret:
        return SET
    if isinstance(value, bool):
        return json.dumps(value)
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
