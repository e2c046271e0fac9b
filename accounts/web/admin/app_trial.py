"""Let an admin sign in to an app as its users would. Imports Authlib: loaded on first use."""

from __future__ import annotations

from flask import request

from accounts.flows.oidc.app_trial import finish_app_trial, start_app_trial
from accounts.web.kit import context
from accounts.web.kit.context import uow
from accounts.web.kit.reply import Reply


def try_app(app_id: str) -> Reply:
    """Sign in to an app, as its people would, to see what it would learn."""
    return Reply(location=start_app_trial(uow(), context.require_account(), app_id))


def app_tried() -> Reply:
    """Show what an app would have learned, once it has been tried both without PKCE and with it."""
    trial = finish_app_trial(uow(), context.require_account(), request.args)
    if isinstance(trial, str):
        return Reply(location=trial)
    claim_groups = [(part, sorted(getattr(trial, part).items())) for part in ("header", "id_token", "userinfo")]
    return Reply(template="admin/app_tried.html", context={"tried": trial, "learned": claim_groups})
