"""The apps that somebody is connected to, and what became of telling them that they signed out."""

from __future__ import annotations

from flask import request

from accounts.flows.oidc import backchannel, connected_apps
from accounts.flows.oidc.backchannel import LogoutStatusForm
from accounts.web.answers.apps import ConnectedAppsOut, LogoutStatusOut
from accounts.web.kit import context
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


def list_connected_apps() -> Reply:
    """List the apps that this account is connected to."""
    connections = connected_apps.list_connected_apps(uow(), context.require_account().id)
    page_context = {"done": request.args.get("done", "") == "disconnected"}
    body = ConnectedAppsOut.model_validate({"apps": connections})
    return Reply(template="connected_apps.html", json=body, context=page_context)


def disconnect_app(app_id: str) -> Reply:
    """Disconnect an app: all that it holds is revoked."""
    connected_apps.disconnect_app(uow(), context.require_account().id, app_id)
    return Reply(status=204, location=page_url("list_connected_apps", done="disconnected"))


def signed_out(query: LogoutStatusForm) -> Reply:
    """Show which apps have confirmed a sign-out. Needs no session, but the status token of that sign-out."""
    body = LogoutStatusOut.from_logouts(backchannel.list_logouts_by_token(uow(), query.about))
    return Reply(template="signed_out.html", json=body, context={"about": query.about})
