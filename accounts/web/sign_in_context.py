"""What the pages show that people come to who are not signed in yet: which app sent them, and their address.

Without a ``next`` nothing of a request is in it, and no statement is sent: such a page is made once and kept.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from accounts.core.security.redirects import local_path
from accounts.core.uow import UnitOfWork
from accounts.flows import forward_auth
from accounts.flows.shared.app_targets import TargetApp, find_apps
from accounts.web.check_email import typed_email
from accounts.web.kit import context
from accounts.web.kit.request_state import RequestState

FORWARD_PASS_PATH = "/forward-auth/pass"  # noqa: S105 - a path


def find_app(uow: UnitOfWork, next_path: str) -> TargetApp | None:
    """Return the registered app that a return target leads into, if any: one SQL statement where it may be one."""
    if not next_path:
        return None
    parts = urlsplit(next_path)
    if parts.path.endswith(uow.site.url_prefix + FORWARD_PASS_PATH):
        return forward_auth.find_start_app(uow, parse_qs(parts.query).get("trip", [""])[0])
    return find_apps(uow, [next_path]).get(next_path)


def form_context(state: RequestState) -> dict[str, Any]:
    """Return the address that a link or a client suggests, and the app that sent somebody here.

    Whether the address has an account is not looked up.
    """
    next_path = local_path(state.args.get("next", "")) or ""
    return {"given": {"email": typed_email(state)}, "app": find_app(state.uow, next_path) if next_path else None}


def requested_context() -> dict[str, Any]:
    """Return the same for the pages that only Flask answers."""
    return form_context(context.state())


def email_context() -> dict[str, Any]:
    """Return the address that is to be corrected, if any."""
    return {"given": {"email": typed_email(context.state())}}
