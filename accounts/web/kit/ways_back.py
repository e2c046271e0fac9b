"""Find the page that somebody can go on from: where the form of a refused act stands, or what lies above an address.

Pages of ours send no referrer, so that the address itself is asked: ``/admin/accounts/<id>/disable`` belongs to the
page of the account, ``/account/sessions/<id>/end`` to the list of sessions.
"""

from __future__ import annotations

from collections.abc import Iterator

from flask import current_app, request
from werkzeug.exceptions import HTTPException

from accounts.core.errors import Forbidden, NotFound, Problem
from accounts.core.security.redirects import local_path
from accounts.web.kit import context
from accounts.web.kit.routes import LINK_BLUEPRINT, MAIN_BLUEPRINT

SAFE_METHODS = ("GET", "HEAD")
PASSING_STATUSES = frozenset({408, 429, 500, 502, 503})
"""Of problems that may be gone when the same page is asked for again."""
NO_PAGES = frozenset({f"{MAIN_BLUEPRINT}.home", f"{MAIN_BLUEPRINT}.find_kind"})


def find_way_back(problem: Problem) -> str:
    """Return the page that a problem leads back to; "" where only the home page is sure to answer.

    Of a visitor who asks for a page that is not there nothing is looked at: that page is the same for everybody.
    """
    if isinstance(problem, Forbidden):
        return ""
    if request.method in SAFE_METHODS:
        if problem.status in PASSING_STATUSES:
            return local_path(request.full_path.rstrip("?")) or ""
        return _find_page_above(with_arguments=False) if context.state().account is not None else ""
    return _find_page_above(with_arguments=not isinstance(problem, NotFound))


def find_page_of_act() -> str:
    """Return the page where the form of this POST stands: at its own address, or above it; "" where there is none."""
    return _find_page_above(with_arguments=True)


def _find_page_above(*, with_arguments: bool) -> str:
    """Return the nearest page of ours at the address of this request or above it.

    :param with_arguments: whether it may be about one thing by its id, which may be gone.
    """
    is_act = request.method not in SAFE_METHODS
    for path in _paths_upwards(request.path):
        if (is_act or path != request.path) and _is_page(path, with_arguments=with_arguments):
            return local_path(request.script_root + path) or ""
    return ""


def _paths_upwards(path: str) -> Iterator[str]:
    while path.strip("/"):
        yield path
        path = path.rstrip("/").rpartition("/")[0]


def _is_page(path: str, *, with_arguments: bool) -> bool:
    adapter = current_app.create_url_adapter(request)
    try:
        endpoint, arguments = adapter.match(path, method="GET") if adapter else ("", {})
    except HTTPException:
        return False
    own = endpoint.startswith((f"{MAIN_BLUEPRINT}.", f"{LINK_BLUEPRINT}_")) and arguments.get("format") == "html"
    shown = arguments.keys() - {"format", "prefix", "purpose"}
    return own and endpoint not in NO_PAGES and (with_arguments or not shown)
