"""What our templates may call. For our own Jinja environment only: a host's globals and filters stay its own."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from flask import url_for
from flask.blueprints import BlueprintSetupState
from werkzeug.local import LocalProxy

from accounts.web.kit import context, csrf, errors, forms, routes
from accounts.web.kit.context import EXTENSION_NAME, runtime
from accounts.web.kit.language import LANGUAGE_NAMES
from accounts.web.kit.runtime import Runtime
from accounts.web.kit.templates import static_fingerprint

ASSET_ENDPOINT = "accounts_asset"


def add_template_globals(state: BlueprintSetupState) -> None:
    """Add globals and filters to the templates of an app; recorded by the blueprint of the pages, once an app."""
    templates = cast(Runtime, state.app.extensions[EXTENSION_NAME]).templates
    templates.add(
        globals={
            "_": errors.translate,
            "api_url": routes.api_url,
            "asset_url": _asset_url,
            "csrf_token": csrf.csrf_token,
            "current": lambda: context.state().account,
            "field_message": errors.field_message,
            "language_names": LANGUAGE_NAMES,
            "language": context.get_language,
            "link_url": routes.link_url,
            "page_url": routes.page_url,
            "settings": LocalProxy(lambda: context.site().settings),
            "LINK_FIELD": forms.LINK_FIELD,
            "CSRF_FIELD": forms.CSRF_FIELD,
        },
        filters={"moment": _format_timestamp},
    )


def _asset_url(name: str) -> str:
    return url_for(ASSET_ENDPOINT, name=name, v=static_fingerprint(name))


def _format_timestamp(at: datetime) -> str:
    return runtime().languages.format_timestamp(context.get_language(), at)
