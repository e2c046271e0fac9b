"""How large a body may be is declared at its route, and a server is told so before it reads."""

from __future__ import annotations

import pytest
from flask import Flask

from accounts import create_app
from accounts.extension import get_app_state
from accounts.flows.mail_bounces.reports import MAX_REPORT_BYTES
from accounts.web.admin.apps import MAX_LOGO_REQUEST_BYTES
from accounts.web.admin.batches import MAX_UPLOAD_BYTES
from accounts.web.admin.bulk import MAX_BULK_BODY_BYTES
from accounts.web.kit.body_limits import body_limit, find_body_limit
from accounts.web.kit.request_state import MAX_BODY_BYTES

BATCHES = "/admin/invites/batches"
BULK = "/admin/accounts/bulk"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return create_app({"ACCOUNTS_INSTANCE": str(tmp_path_factory.mktemp("instance"))})


@pytest.mark.parametrize("path", [BATCHES, f"/api{BATCHES}", f"/de{BATCHES}"])
def test_a_list_may_be_larger_at_each_of_its_addresses(app: Flask, path: str) -> None:
    limit_of = find_body_limit(app, get_app_state(app).all_routes)
    assert limit_of({"REQUEST_METHOD": "POST", "PATH_INFO": path}) == MAX_UPLOAD_BYTES


@pytest.mark.parametrize("path", [BULK, f"/api{BULK}", f"/de{BULK}"])
def test_an_act_on_many_accounts_may_name_all_of_them(app: Flask, path: str) -> None:
    limit_of = find_body_limit(app, get_app_state(app).all_routes)
    assert limit_of({"REQUEST_METHOD": "POST", "PATH_INFO": path}) == MAX_BULK_BODY_BYTES


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", BATCHES),
        ("PUT", BATCHES),
        ("POST", f"{BATCHES}/"),
        ("POST", f"{BATCHES}/x/send"),
        ("POST", f"{BULK}/x/run"),
        ("POST", f"/tlh{BATCHES}"),
        ("POST", "/sign-in"),
        ("POST", "/api/sign-up"),
        ("POST", "/assets/style.css"),
        ("POST", "/nowhere"),
        ("POST", "/\xff\xfe"),
        ("POST", ""),
        ("POST", "*"),
        ("BREW", BATCHES),
    ],
)
def test_nothing_else_may(app: Flask, method: str, path: str) -> None:
    limit_of = find_body_limit(app, get_app_state(app).all_routes)
    assert limit_of({"REQUEST_METHOD": method, "PATH_INFO": path}) == MAX_BODY_BYTES


def test_flask_reads_the_same_declaration(app: Flask) -> None:
    routes = [route for routes in get_app_state(app).all_routes for route in routes.declared]
    assert {body_limit(route) for route in routes} == {
        MAX_BODY_BYTES,
        MAX_BULK_BODY_BYTES,
        MAX_LOGO_REQUEST_BYTES,
        MAX_UPLOAD_BYTES,
        MAX_REPORT_BYTES,
    }
