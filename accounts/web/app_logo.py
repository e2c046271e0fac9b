"""Serve the picture of an app, which is shown beside its name."""

from __future__ import annotations

from flask import Response, request

from accounts.flows.oidc import app_logo
from accounts.web.kit.assets import IMAGE_HEADERS, Asset
from accounts.web.kit.context import uow


def show_app_logo(app_id: str) -> Response:
    """Return the picture of an app. Whoever asks by its fingerprint may keep it."""
    logo = app_logo.find_app_logo(uow(), app_id)
    asset = Asset(logo.content_type, logo.data, IMAGE_HEADERS)
    response = asset.response()
    if request.args.get("v") != asset.fingerprint:
        response.headers["Cache-Control"] = "no-cache"
    return response
