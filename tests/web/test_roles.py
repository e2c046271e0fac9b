"""Role x route: who gets in where, with nothing said. The rows are exhaustive: a route without one fails."""

from __future__ import annotations

import pytest

from accounts.config import LOCALES
from accounts.flows import LINKS
from tests.conftest import on_both_databases
from tests.people import Service
from tests.web.endpoints import list_endpoints, request_endpoint
from tests.web.role_rows import (
    APP_ROWS,
    BATCH_QUESTIONS,
    BULK_ROWS,
    MAIL_ROWS,
    QUESTION_ROWS,
    SHARED_INVITE_ROWS,
    TERMS_ROWS,
)

# (a stranger, a member, an admin)
EVERYBODY, SIGNED_IN = (200, 200, 200), (401, 200, 200)
ROWS: dict[str, tuple[int, int, int]] = {
    "GET /": (303, 303, 303),
    "GET /sign-up": EVERYBODY,
    "POST /sign-up": (422, 422, 422),
    "POST /api/sign-up": (422, 422, 422),
    "GET /forgot-password": EVERYBODY,
    "POST /forgot-password": (422, 422, 422),
    "POST /api/forgot-password": (422, 422, 422),
    "GET /look-into-your-mail": (303, 303, 303),
    "GET /check-email": EVERYBODY,
    "POST /check-email": (404, 404, 404),
    "GET /join": (400, 400, 400),
    "POST /join": (422, 422, 422),
    "GET /api/join": (400, 400, 400),
    "POST /api/join": (422, 422, 422),
    "GET /join/<anything:address>": (400, 400, 400),
    "GET /join/sent": EVERYBODY,
    "GET /sign-in": EVERYBODY,
    "POST /sign-in": (422, 422, 422),
    "POST /api/sign-in": (422, 422, 422),
    "GET /sign-in/mail": EVERYBODY,
    "POST /sign-in/mail": (422, 422, 422),
    "POST /api/sign-in/mail": (422, 422, 422),
    "GET /confirm": (303, 200, 200),
    "POST /confirm": (401, 422, 422),
    "POST /api/confirm": (401, 422, 422),
    "POST /sign-out": (303, 303, 303),
    "POST /api/sign-out": (204, 204, 204),
    "GET /api/csrf": EVERYBODY,
    "GET /account": (303, 200, 200),
    "POST /account": (401, 303, 303),
    "GET /api/account": SIGNED_IN,
    "PATCH /api/account": SIGNED_IN,
    "GET /account/password": (303, 200, 200),
    "POST /account/password": (401, 422, 422),
    "POST /api/account/password": (401, 422, 422),
    "GET /account/email": (303, 200, 200),
    "POST /account/email": (401, 422, 422),
    "POST /api/account/email": (401, 422, 422),
    "GET /account/sessions": (303, 200, 200),
    "GET /api/account/sessions": SIGNED_IN,
    "DELETE /api/account/sessions/<session_id>": (401, 404, 404),
    "GET /account/sessions/<session_id>/end": (303, 404, 404),
    "POST /account/sessions/<session_id>/end": (401, 404, 404),
    "GET /account/sessions/<session_id>/name": (303, 404, 404),
    "POST /account/sessions/<session_id>/name": (401, 404, 404),
    "PATCH /api/account/sessions/<session_id>": (401, 404, 404),
    "GET /account/sessions/end-others": (303, 200, 200),
    "POST /account/sessions/end-others": (401, 303, 303),
    "POST /api/account/sessions/end-others": SIGNED_IN,
    "GET /account/activity": (303, 200, 200),
    "GET /api/account/activity": SIGNED_IN,
    "POST /admin/accounts/<account_id>/identities/<identity_id>/disconnect": (401, 403, 404),
    "DELETE /api/admin/accounts/<account_id>/identities/<identity_id>": (401, 403, 404),
    "GET /account/identities": (303, 200, 200),
    "GET /api/account/identities": SIGNED_IN,
    "DELETE /api/account/identities/<identity_id>": (401, 404, 404),
    "GET /account/identities/<identity_id>/disconnect": (303, 404, 404),
    "POST /account/identities/<identity_id>/disconnect": (401, 404, 404),
    "POST /upstream/<upstream_id>/sign-in": (404, 404, 404),
    "POST /api/upstream/<upstream_id>/sign-in": (404, 404, 404),
    "POST /upstream/<upstream_id>/connect": (401, 404, 404),
    "POST /api/upstream/<upstream_id>/connect": (401, 404, 404),
    "POST /upstream/<upstream_id>/join": (404, 404, 404),
    "GET /upstream/<upstream_id>/onward": (404, 404, 404),
    "GET /upstream/<upstream_id>/callback": (404, 404, 404),
    "GET /account/apps": (303, 200, 200),
    "GET /api/account/apps": SIGNED_IN,
    "DELETE /api/account/apps/<app_id>": (401, 404, 404),
    "GET /account/apps/<app_id>/disconnect": (303, 404, 404),
    "POST /account/apps/<app_id>/disconnect": (401, 404, 404),
    "GET /signed-out": (404, 404, 404),
    "GET /api/signed-out": (404, 404, 404),
    **APP_ROWS,
    "GET /forward-auth": (401, 403, 403),
    "GET /forward-auth/start": (303, 303, 303),
    "GET /forward-auth/pass": (303, 404, 404),
    "GET /forward-auth/enter": (400, 400, 400),
    "GET /admin/invites": (303, 403, 200),
    "GET /api/admin/invites": (401, 403, 200),
    "POST /admin/invites": (401, 403, 422),
    "POST /api/admin/invites": (401, 403, 422),
    "POST /admin/invites/<invite_id>/resend": (401, 403, 404),
    "POST /api/admin/invites/<invite_id>/resend": (401, 403, 404),
    "POST /admin/invites/<invite_id>/revoke": (401, 403, 404),
    "POST /api/admin/invites/<invite_id>/revoke": (401, 403, 404),
    "POST /admin/invites/<invite_id>/extend": (401, 403, 404),
    "POST /api/admin/invites/<invite_id>/extend": (401, 403, 404),
    "GET /admin/invites/preview": (303, 403, 200),
    "POST /admin/invites/preview": (401, 403, 422),
    "GET /admin/invites/<invite_id>/extend": (303, 403, 404),
    "GET /admin/invites/<invite_id>/revoke": (303, 403, 404),
    "POST /admin/invites/choose": (401, 403, 422),
    "GET /admin/invites/some": (303, 403, 404),
    "POST /admin/invites/some": (401, 403, 422),
    "POST /api/admin/invites/some": (401, 403, 422),
    **TERMS_ROWS,
    **SHARED_INVITE_ROWS,
    "GET /admin/invites/batches": (303, 403, 200),
    "GET /api/admin/invites/batches": (401, 403, 200),
    "POST /admin/invites/batches": (401, 403, 422),
    "POST /api/admin/invites/batches": (401, 403, 422),
    "GET /admin/invites/batches/<batch_id>": (303, 403, 404),
    "GET /api/admin/invites/batches/<batch_id>": (401, 403, 404),
    "GET /admin/invites/batches/<batch_id>/report": (303, 403, 404),
    "GET /api/admin/invites/batches/<batch_id>/report": (401, 403, 404),
    **{f"GET /admin/invites/batches/<batch_id>/{act}": (303, 403, 404) for act in BATCH_QUESTIONS},
    "POST /admin/invites/batches/<batch_id>/send": (401, 403, 404),
    "POST /api/admin/invites/batches/<batch_id>/send": (401, 403, 404),
    "POST /admin/invites/batches/<batch_id>/discard": (401, 403, 404),
    "POST /api/admin/invites/batches/<batch_id>/discard": (401, 403, 404),
    "POST /admin/invites/batches/<batch_id>/resend": (401, 403, 404),
    "POST /api/admin/invites/batches/<batch_id>/resend": (401, 403, 404),
    "POST /admin/invites/batches/<batch_id>/extend": (401, 403, 404),
    "POST /api/admin/invites/batches/<batch_id>/extend": (401, 403, 404),
    "POST /admin/invites/batches/<batch_id>/revoke": (401, 403, 404),
    "POST /api/admin/invites/batches/<batch_id>/revoke": (401, 403, 404),
    "POST /admin/invites/batches/<batch_id>/links": (401, 403, 404),
    "POST /api/admin/invites/batches/<batch_id>/links": (401, 403, 404),
    "POST /admin/invites/batches/<batch_id>/letters": (401, 403, 404),
    "GET /admin/links/explain": (303, 403, 200),
    "POST /admin/links/explain": (401, 403, 422),
    "POST /api/admin/links/explain": (401, 403, 422),
    "GET /.well-known/openid-configuration": EVERYBODY,
    "GET /oauth/jwks": EVERYBODY,
    "POST /oauth/token": (400, 400, 400),
    "POST /oauth/revoke": (401, 401, 401),
    "POST /oauth/introspect": (401, 401, 401),
    "GET /oauth/userinfo": (401, 401, 401),
    "POST /oauth/userinfo": (401, 401, 401),
    "GET /apps/<app_id>/start": (404, 404, 404),
    "GET /apps/<app_id>/logo": (404, 404, 404),
    "GET /oauth/authorize": (400, 400, 400),
    "POST /oauth/authorize": (303, 303, 303),
    "POST /oauth/consent": (422, 422, 422),
    "GET /oauth/logout": EVERYBODY,
    "POST /oauth/logout": (303, 303, 303),
    "POST /oauth/logout/confirm": (422, 422, 422),
    "GET /admin": (303, 403, 200),
    "GET /api/admin": (401, 403, 200),
    "GET /admin/accounts": (303, 403, 200),
    "GET /api/admin/accounts": (401, 403, 200),
    **BULK_ROWS,
    "GET /admin/accounts/<account_id>": (303, 403, 404),
    "GET /api/admin/accounts/<account_id>": (401, 403, 404),
    "GET /admin/accounts/<account_id>/groups": (303, 403, 404),
    "GET /admin/accounts/<account_id>/access": (303, 403, 404),
    "GET /api/admin/accounts/<account_id>/access": (401, 403, 404),
    "POST /admin/accounts/<account_id>/invited": (401, 403, 422),
    "POST /api/admin/accounts/<account_id>/invited": (401, 403, 422),
    "GET /admin/accounts/<account_id>/delete": (303, 403, 404),
    "POST /admin/accounts/<account_id>/delete": (401, 403, 422),
    "POST /api/admin/accounts/<account_id>/delete": (401, 403, 422),
    "DELETE /api/admin/accounts/<account_id>/sessions/<session_id>": (401, 403, 404),
    "POST /admin/accounts/<account_id>/sessions/<session_id>/end": (401, 403, 404),
    **MAIL_ROWS,
    **QUESTION_ROWS,
    "GET /admin/audit": (303, 403, 200),
    "GET /api/admin/audit": (401, 403, 200),
    "GET /admin/audit/export": (303, 403, 200),
    "POST /admin/audit/export": (401, 403, 200),
    "POST /api/admin/audit/export": (401, 403, 200),
    "GET /admin/limits": (303, 403, 200),
    "POST /admin/limits": (401, 403, 422),
    "POST /api/admin/limits": (401, 403, 422),
    "POST /admin/limits/lift": (401, 403, 422),
    "POST /api/admin/limits/lift": (401, 403, 422),
    "GET /admin/keys": (303, 403, 200),
    "GET /api/admin/keys": (401, 403, 200),
    "GET /health/live": EVERYBODY,
    "GET /health/ready": EVERYBODY,
    "GET /metrics": EVERYBODY,
    "GET /mailbox": (404, 404, 404),
    "GET /api/mailbox": (404, 404, 404),
    "DELETE /api/mailbox": (404, 404, 404),
    "GET /mailbox/clear": (404, 404, 404),
    "POST /mailbox/clear": (404, 404, 404),
    "GET /mailbox/<message_id>": (404, 404, 404),
    "GET /mailbox/<message_id>/text": (404, 404, 404),
    "GET /mailbox/<message_id>/source": (404, 404, 404),
    "GET /mailbox/<message_id>/html": (404, 404, 404),
    "GET /mailbox/<message_id>/download": (404, 404, 404),
    "GET /api/openapi.json": EVERYBODY,
    "GET /api/docs": EVERYBODY,
    "GET /assets/<path:name>": EVERYBODY,
    "GET /l/<anything:address>": (400, 400, 400),
    "GET /.well-known/change-password": (303, 303, 303),
}
for _act in ("disable", "enable", "groups", "reset", "unlock", "sign-out"):
    ROWS |= {
        f"POST /admin/accounts/<account_id>/{_act}": (401, 403, 404),
        f"POST /api/admin/accounts/<account_id>/{_act}": (401, 403, 404),
    }
ROWS["GET /admin/accounts/<account_id>/enable"] = (303, 403, 404)
for _purpose in [link.purpose for link in LINKS]:
    ROWS |= {
        f"GET /l/{_purpose}": (400, 400, 400),
        f"POST /l/{_purpose}": (400, 400, 400),
        f"GET /api/l/{_purpose}": (400, 400, 400),
        f"POST /api/l/{_purpose}": (400, 400, 400),
        f"POST /l/{_purpose}/again": (400, 400, 400),
        f"POST /api/l/{_purpose}/again": (400, 400, 400),
        f"GET /l/{_purpose}/done": EVERYBODY,
        f"GET /l/{_purpose}/<anything:address>": (400, 400, 400),
    }


def test_every_route_has_a_row_and_every_row_a_route(service: Service) -> None:
    assert {endpoint.name for endpoint in list_endpoints(service)} == set(ROWS)


def test_every_page_has_its_twin_in_every_language_but_what_apps_know_by_one_address(service: Service) -> None:
    pages = [
        endpoint
        for endpoint in list_endpoints(service)
        if endpoint.format == "html" and not endpoint.prefix and endpoint.route
    ]
    plain = {endpoint.name for endpoint in pages if endpoint.route and not endpoint.route.unprefixed}
    for locale in LOCALES:
        assert {endpoint.name for endpoint in list_endpoints(service) if endpoint.prefix == locale} == plain


@pytest.mark.parametrize("column", [0, 1, 2], ids=["stranger", "member", "admin"])
@on_both_databases
def test_everybody_gets_in_where_their_row_says_and_nowhere_else(service: Service, column: int) -> None:
    admin = service.admin()
    person = [service.person, service.member, lambda: admin][column]()
    found = {}
    for endpoint in list_endpoints(service):
        found[f"{endpoint.prefix} {endpoint.name}"] = request_endpoint(endpoint, person).status_code
        if column and endpoint.route and endpoint.route.name == "sign_out":
            assert person.sign_in().status_code == 200
    expected = {name: ROWS[name.partition(" ")[2]][column] for name in found}
    assert {name: (status, expected[name]) for name, status in found.items() if status != expected[name]} == {}
