"""Tell load balancers and operators whether the process is alive and ready."""

from __future__ import annotations

from flask import Response

from accounts.config import SettingsError
from accounts.core.database import schema
from accounts.web.kit.context import site
from accounts.web.kit.reply import to_json
from accounts.web.kit.routes import HTML, Routes

routes: Routes = Routes()


@routes.get("/health/live", formats=HTML)
def live() -> Response:
    """Tell that the process answers."""
    return Response(to_json({"status": "ok"}), content_type="application/json")


@routes.get("/health/ready", formats=HTML)
def ready() -> Response:
    """Tell whether the database answers, too, and has the tables this code is written for."""
    try:
        schema.check_revision(site().store)
    except SettingsError:
        # Why is told in the log of the process and by `accounts config check`, not to strangers.
        return Response(
            to_json({"status": "unavailable"}), 503, {"Retry-After": "5"}, content_type="application/json"
        )
    return Response(to_json({"status": "ok"}), content_type="application/json")
