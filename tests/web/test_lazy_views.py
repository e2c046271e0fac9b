"""Views that are imported on first use are there, say what their routes say, and are imported no sooner."""

from __future__ import annotations

import inspect
import pkgutil
import typing
from importlib import import_module

import pytest
from werkzeug.utils import ImportStringError

from accounts.extension import ALL_ROUTES
from accounts.web.admin import routes as admin_routes
from accounts.web.kit.routes import ADMINS, IMPORTABLE_FIELDS, PUBLIC, Route, Routes
from tests.kit.imports import HEAVY_MODULES, imported_by

ROUTES = [route for routes in ALL_ROUTES for route in routes.declared]
LAZY_VIEW_MODULES = frozenset(
    vars(route)["view"].partition(":")[0] for route in ROUTES if isinstance(vars(route)["view"], str)
)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.rule}")
def test_what_a_route_names_is_there_and_fits_its_view(route: Route) -> None:
    name = route.name
    assert all(hasattr(route, field) for field in IMPORTABLE_FIELDS)
    assert name == route.view.__name__.rstrip("_")
    assert route.view.__doc__
    taken = typing.get_type_hints(route.view)
    # What only a page sends is more of the same, or nothing that JSON would send.
    extends = route.form is None or route.page_form is None or issubclass(route.page_form, route.form)
    form = route.form or (route.page_form | None if route.page_form else None)
    assert (taken.get("form"), taken.get("query"), extends) == (form, route.query, True)
    assert set(inspect.signature(route.view).parameters) >= taken.keys() - {"return"}


def test_a_name_that_leads_nowhere_is_told() -> None:
    routes = Routes("accounts.web.oidc_endpoints")
    routes.get("/nowhere", view="nowhere")
    (route,) = routes.declared
    assert route.name == "nowhere"
    with pytest.raises(ImportStringError, match="nowhere"):
        route.view()


def test_a_collection_says_who_may_ask_unless_a_route_does() -> None:
    routes = Routes("accounts.web.health", access=ADMINS)
    routes.get("/closed", view="live")
    routes.get("/open", view="live", access=PUBLIC)
    assert [route.access for route in routes.declared] == [ADMINS, PUBLIC]


@pytest.mark.parametrize("name", sorted(each.name for each in pkgutil.iter_modules(admin_routes.__path__)))
def test_addresses_of_admins_stand_in_a_module_that_is_called_as_that_of_their_views(name: str) -> None:
    routes: Routes = import_module(f"{admin_routes.__name__}.{name}").routes
    assert routes in admin_routes.ADMIN_ROUTES
    assert {route.view.__module__ for route in routes.declared} == {f"accounts.web.admin.{name}"}


def test_every_route_below_admin_is_for_admins() -> None:
    assert {route.access for route in ROUTES if f"{route.rule}/".startswith("/admin/")} == {ADMINS}


def test_a_start_and_the_first_answers_import_no_view_of_others() -> None:
    first_answers = """
import accounts
client = accounts.create_app({}).test_client()
for path in ("/health/live", "/api/account", "/sign-in"):
    client.get(path)
"""
    found = imported_by(first_answers)
    assert not found & (HEAVY_MODULES | LAZY_VIEW_MODULES)
