"""Is it alive, is it ready: for load balancers and for whoever operates it."""

from __future__ import annotations

from flask import Response

from accounts.config import SettingsError
from accounts.core.database import schema
from accounts.web.kit.context import house
from accounts.web.kit.reply import spoken
from accounts.web.kit.routes import PAGE, Room

room: Room = Room()


@room.get("/health/live", speaks=PAGE)
def live() -> Response:
    """The process answers."""
    return Response(spoken({"status": "ok"}), content_type="application/json")


@room.get("/health/ready", speaks=PAGE)
def ready() -> Response:
    """The store answers too, and has the tables this code is written for."""
    try:
        schema.check_revision(house().store)
    except SettingsError:
        # Why is told in the log of the process and by `accounts config check`, not to strangers.
        return Response(spoken({"status": "unavailable"}), 503, {"Retry-After": "5"}, content_type="application/json")
    return Response(spoken({"status": "ok"}), content_type="application/json")
