"""Views that are loaded on first use are there, and what they need is loaded no sooner."""

from __future__ import annotations

import subprocess
import sys

import pytest
from werkzeug.utils import ImportStringError

from accounts.extension import ALL_ROUTES
from accounts.web.kit.routes import LazyView, Routes

LAZY_VIEWS = [
    view
    for routes in ALL_ROUTES
    for route in routes.declared
    for view in (route.view, route.preflight)
    if isinstance(view, LazyView)
]


@pytest.mark.parametrize("lazy_view", LAZY_VIEWS, ids=lambda view: view.import_name)
def test_every_lazy_view_is_where_its_import_string_says(lazy_view: LazyView) -> None:
    assert callable(lazy_view.view)
    assert (lazy_view.__module__, lazy_view.__name__) == (lazy_view.view.__module__, lazy_view.view.__name__)
    assert lazy_view.view.__doc__


def test_an_import_string_that_leads_nowhere_is_told_by_name() -> None:
    routes = Routes()
    routes.get("/nowhere", view="accounts.web.oidc_endpoints:nowhere")
    (route,) = routes.declared
    assert route.name == "nowhere"
    with pytest.raises(ImportStringError, match="nowhere"):
        route.view()


def test_a_start_loads_neither_authlib_nor_joserfc() -> None:
    command = "import sys, accounts.app; print(sorted({'authlib', 'joserfc', 'requests'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", command], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
