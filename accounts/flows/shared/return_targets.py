"""Tell where a return target leads."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from accounts.core.models.apps import App
from accounts.core.uow import UnitOfWork

AUTHORIZE_PATH = "/oauth/authorize"


def find_target_app(uow: UnitOfWork, next_path: str) -> str:
    """Return the name of the app whose authorization request a return target is; "" where it is none.

    :param next_path: the path that was kept, with its query.
    """
    parts = urlsplit(next_path)
    if parts.path != uow.site.url_prefix + AUTHORIZE_PATH:
        return ""
    app = uow.session.get(App, parse_qs(parts.query).get("client_id", [""])[0])
    return app.name if app else ""
