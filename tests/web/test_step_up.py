"""Routes that need a fresh proof or an account: whoever lacks it is sent to give it, and back."""

from __future__ import annotations

from typing import Any

import pytest

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
        "POST /api/account/sessions/end-others",
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
        "POST /api/admin/apps/<app_id>/logo",
        "DELETE /api/admin/apps/<app_id>/logo",
        "POST /api/admin/accounts/bulk/<act_id>/run",
        "POST /api/admin/accounts/<account_id>/disable",
        "POST /api/admin/accounts/<account_id>/enable",
        "POST /api/admin/accounts/<account_id>/invited",
        "POST /api/admin/accounts/<account_id>/unlock",
        "POST /api/admin/limits/lift",
        "POST /api/admin/mail/<batch_id>/pause",
        "POST /api/admin/mail/<batch_id>/resume",
        "POST /api/admin/mail/<batch_id>/cancel",
        "POST /api/admin/apps/<app_id>/disable",
        "POST /api/admin/apps/<app_id>/enable",
        "POST /api/admin/invites/<invite_id>/revoke",
        "POST /api/admin/invites/<invite_id>/extend",
        "POST /api/admin/invites/shared",
        "POST /api/admin/invites/shared/<shared_id>/link",
        "POST /api/admin/invites/shared/<shared_id>/extend",
        "POST /api/admin/invites/shared/<shared_id>/revoke",
        "POST /api/admin/invites/batches/<batch_id>/revoke",
        "POST /api/admin/invites/batches/<batch_id>/extend",
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


@pytest.mark.parametrize(
    ("path", "data", "needs_proof"),
    [
        ("/admin/invites", {"email": "a@example.org"}, False),
        ("/admin/invites", {"email": "a@example.org", "groups": ["admins"]}, True),
        ("/admin/invites", {"email": "a@example.org", "groups": ["staff"]}, True),
        ("/admin/invites", {"email": "a@example.org", "groups": ["nobody-knows-it"]}, True),
        ("/admin/invites/some", {"ids": ["x"], "act": "resend"}, False),
        ("/admin/invites/some", {"ids": ["x"], "act": "revoke"}, True),
        ("/admin/invites/some", {"ids": ["x"], "act": "extend"}, True),
    ],
)
@pytest.mark.parametrize("format", ["page", "json"])
def test_what_a_form_says_may_need_a_fresh_proof(
    service: Service, path: str, data: dict[str, Any], needs_proof: bool, format: str
) -> None:
    """A group may open apps, pages behind forward-auth, or views of a host app."""
    admin = service.admin()
    assert admin.sign_in(remember=True).status_code == 200
    if format == "json":
        answer = admin.post(f"/api{path}", data)
        done = answer.status_code in (200, 202)
    else:
        environ = {"REMOTE_ADDR": admin.network}
        form = {name: " ".join(value) if isinstance(value, list) else value for name, value in data.items()}
        answer = admin.client.post(path, data={"csrf_token": admin.csrf_token(), **form}, environ_base=environ)
        done = answer.status_code == 303
    assert done is not needs_proof, answer.text
    assert needs_proof is (answer.status_code == 403)
    assert admin.post("/api/confirm", {"password": admin.password}).status_code == 200
    assert admin.post(f"/api{path}", data).status_code in (200, 202)


def test_a_page_that_needs_an_account_sends_a_stranger_to_sign_in_and_back(service: Service) -> None:
    stranger = service.person()
    for endpoint in list_endpoints(service):
        if endpoint.route and endpoint.route.access and endpoint.format == "html" and not endpoint.is_unsafe:
            answer = request_endpoint(endpoint, stranger)
            language = f"/{endpoint.prefix}" if endpoint.prefix else ""
            assert answer.location == f"{language}/sign-in?next={endpoint.path()}", endpoint
