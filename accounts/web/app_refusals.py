"""Show the page of somebody whom an app does not let in: which app, which account, whom to ask, what to do next."""

from __future__ import annotations

from accounts.core.errors import AppNotAllowed
from accounts.flows.sessions.session import CurrentAccount
from accounts.web.kit.reply import Reply


def build_refusal_page(problem: AppNotAllowed, account: CurrentAccount, *, other: str, request: str = "") -> Reply:
    """Return the page, of status 403.

    :param other: the local path that goes on with another account, once this one is signed out.
    :param request: the authorization request that may be answered with ``access_denied``; "" where there is none.
    """
    return Reply(
        template="app_refused.html",
        status=problem.status,
        context={"app": problem.app, "rule": problem.rule, "who": account, "other": other, "request": request},
    )
