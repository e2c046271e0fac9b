"""Open the Flask app of the installation for the few commands that need pages or mail workers."""

from __future__ import annotations

from typing import cast

import click
from flask import Flask, current_app, has_app_context

from accounts.app import create_app
from accounts.cli.context import load_settings
from accounts.extension import get_app_state


def open_app() -> Flask:
    """Return the host app under ``flask accounts``, else a new app of the service by itself.

    The store of a new app is closed when the command ends.

    :raises SettingsError: settings or keys cannot be used.
    """
    if has_app_context():
        return cast("Flask", current_app._get_current_object())  # type: ignore[attr-defined] # Flask's documented way to the app
    app = create_app(load_settings())
    click.get_current_context().call_on_close(get_app_state(app).site.store.close)
    return app
