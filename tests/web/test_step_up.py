"""Routes that need a fresh proof or an account: whoever lacks it is sent to give it, and back."""

from __future__ import annotations

from tests.people import Service
from tests.web.endpoints import list_endpoints, request_endpoint


def test_what_needs_a_fresh_proof_lets_nobody_in_on_an_old_one(service: Service) -> None:
    """A session of somebody signed in by mail, or remembered, has no proof by password to begin with."""
    admin = service.admin()
    assert admin.sign_in(remember=True).status_code == 200
    asked = [endpoint for endpoint in list_endpoints(service) if endpoint.route and endpoint.route.step_up]
    assert {endpoint.name for endpoint in asked if endpoint.format == "json"} == {
        "POST /api/account/email",
        "POST /api/account/close",
        "GET /api/account/export",
        "DELETE /api/account/sessions/<session_id>",
        "POST /api/admin/invites/batches/<batch_id>/send",
        "POST /api/admin/invites/batches/<batch_id>/links",
        "POST /api/upstream/<upstream_id>/connect",
        "DELETE /api/account/identities/<identity_id>",
        "DELETE /api/admin/accounts/<account_id>/identities/<identity_id>",
        "POST /api/admin/apps",
        "PATCH /api/admin/apps/<app_id>",
        "DELETE /api/admin/apps/<app_id>",
        "POST /api/admin/apps/<app_id>/secret",
        "DELETE /api/admin/apps/<app_id>/old-secret",
        "POST /api/admin/accounts/<account_id>/disable",
        "POST /api/admin/accounts/<account_id>/groups",
        "POST /api/admin/accounts/<account_id>/sign-out",
        "POST /api/admin/accounts/<account_id>/delete",
        "DELETE /api/admin/accounts/<account_id>/sessions/<session_id>",
        "POST /api/admin/audit/export",
    }
    for endpoint in asked:
        answer = request_endpoint(endpoint, admin)
        language = f"/{endpoint.prefix}" if endpoint.prefix else ""
        if endpoint.format == "html" and not endpoint.is_unsafe:
            assert (answer.status_code, answer.location) == (303, f"{language}/confirm?next={endpoint.path()}"), (
                endpoint
            )
        else:
            assert answer.status_code == 403, endpoint
    assert admin.signed_in


def test_a_page_that_needs_an_account_sends_a_stranger_to_sign_in_and_back(service: Service) -> None:
    stranger = service.person()
    for endpoint in list_endpoints(service):
        if endpoint.route and endpoint.route.access and endpoint.format == "html" and not endpoint.is_unsafe:
            answer = request_endpoint(endpoint, stranger)
            language = f"/{endpoint.prefix}" if endpoint.prefix else ""
            assert answer.location == f"{language}/sign-in?next={endpoint.path()}", endpoint
