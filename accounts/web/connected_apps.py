"""The apps that somebody is connected to, and what became of telling them that they signed out."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import request

from accounts.core.models.logout import CONFIRMED, WAITING
from accounts.flows.oidc import backchannel, connected_apps
from accounts.web.kit import context
from accounts.web.kit.context import house, uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, JSON, PAGE, Room, page_url

room: Room = Room()
ABOUT = "about"


@room.get("/account/apps", needs="account", speaks=BOTH)
def list_connected_apps() -> Reply:
    """The apps that this account is connected to."""
    found = connected_apps.list_connected_apps(uow(), context.signed_in().id)
    shows = {"done": request.args.get("done", "") == "disconnected"}
    return Reply(page="connected_apps.html", says={"apps": [asdict(each) for each in found]}, shows=shows)


@room.delete("/account/apps/<app_id>", needs="account", speaks=JSON, statuses=(204,))
def disconnect_app(app_id: str) -> Reply:
    """Disconnect an app: all that it holds is dead."""
    connected_apps.disconnect_app(uow(), context.signed_in().id, app_id)
    return Reply(status=204)


@room.post("/account/apps/<app_id>/disconnect", needs="account", speaks=PAGE)
def disconnect_app_page(app_id: str) -> Reply:
    """Disconnect an app: all that it holds is dead."""
    connected_apps.disconnect_app(uow(), context.signed_in().id, app_id)
    return Reply(then=page_url("list_connected_apps", done="disconnected"))


@room.get("/signed-out", speaks=BOTH)
def signed_out() -> Reply:
    """Which apps have confirmed a sign-out. Needs no session, but a statement about that sign-out."""
    stated = request.args.get(ABOUT, "")
    found = backchannel.list_logouts_by_token(uow(), stated)
    says: dict[str, Any] = {
        "apps": len(found),
        "confirmed": sum(each.state == CONFIRMED for each in found),
        "waiting": sum(each.state == WAITING for each in found),
        # Not the answers: they are for admins.
        "goodbyes": [{"name": each.name, "state": each.state} for each in found],
    }
    return Reply(page="signed_out.html", says=says, shows={"about": stated})


def said_goodbye() -> str:
    """The statement by which whoever has just signed out sees what becomes of it; "" when no app is concerned."""
    logout = uow().logout_events.id
    return backchannel.sign_status_token(house(), logout) if logout else ""
