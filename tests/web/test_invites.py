"""Inviting one by one over pages and JSON: whom a session that was left open may not invite."""

from __future__ import annotations

from tests.people import Service, new_address
from tests.web.doors import csrf_token


def test_inviting_an_admin_needs_a_fresh_proof_and_inviting_others_does_not(service: Service) -> None:
    """Or whoever finds a session open makes an admin of their own, though nobody's groups can be changed in it."""
    admin = service.admin()
    assert admin.sign_in(remember=True).status_code == 200
    refused = admin.post("/api/admin/invites", {"email": new_address(), "groups": ["editors", "admins"]})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "confirmation_required")
    page = admin.client.post(
        "/admin/invites", data={"csrf_token": csrf_token(admin), "email": new_address(), "groups": "admins"}
    )
    assert (page.status_code, "/confirm?next=/admin/invites" in page.text) == (403, True)
    assert admin.get("/api/admin/invites").get_json()["invites"] == []
    assert admin.post("/api/admin/invites", {"email": new_address(), "groups": ["editors"]}).status_code == 202
    assert admin.sign_in().status_code == 200
    assert admin.post("/api/admin/invites", {"email": new_address(), "groups": ["admins"]}).status_code == 202
