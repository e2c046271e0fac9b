"""The apps that somebody is connected to, and what became of telling them that they signed out."""

from __future__ import annotations

from typing import Any

from accounts.core.messages import N_, make_message
from accounts.flows.oidc import backchannel, connected_apps
from accounts.flows.oidc.backchannel import LogoutStatusForm
from accounts.flows.sessions.notice import make_notice
from accounts.web.account_notices import APP_DISCONNECTED
from accounts.web.answers.apps import ConnectedAppsOut, LogoutStatusOut
from accounts.web.kit import context
from accounts.web.kit.context import uow
from accounts.web.kit.questions import ask
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url


def list_connected_apps() -> Reply:
    """List the apps that this account is connected to."""
    connections = connected_apps.list_connected_apps(uow(), context.require_account().id)
    body = ConnectedAppsOut.model_validate({"apps": connections})
    return Reply(template="connected_apps.html", json=body)


def disconnect_context(app_id: str) -> dict[str, Any]:
    """Return the question before an app is disconnected."""
    app = connected_apps.get_connected_app(uow(), context.require_account().id, app_id)
    return ask(
        make_message(N_("Disconnect %(app)s?"), app=app.name),
        make_message(
            N_("%(app)s loses access to your data here and signs you out. It keeps what it has stored already."),
            app=app.name,
        ),
        make_message(N_("You can sign in to it with this account again at any time.")),
        button=make_message(N_("Disconnect")),
        action=page_url("disconnect_app_form", app_id=app_id),
        back=page_url("list_connected_apps"),
        is_admin=False,
    )


def disconnect_app(app_id: str) -> Reply:
    """Disconnect an app: all that it holds is revoked."""
    account_id = context.require_account().id
    app = connected_apps.get_connected_app(uow(), account_id, app_id)
    connected_apps.disconnect_app(uow(), account_id, app_id)
    notice = make_notice(APP_DISCONNECTED, app=app.name)
    return Reply(status=204, location=page_url("list_connected_apps"), notice=notice)


def signed_out(query: LogoutStatusForm) -> Reply:
    """Show which apps have confirmed a sign-out. Needs no session, but the status token of that sign-out."""
    body = LogoutStatusOut.from_logouts(backchannel.list_logouts_by_token(uow(), query.about))
    return Reply(template="signed_out.html", json=body, context={"about": query.about})
