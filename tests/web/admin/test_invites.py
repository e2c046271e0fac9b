"""Inviting one by one over pages and JSON: whom a session that was left open may not invite."""

from __future__ import annotations

from accounts.flows.shared import accounts
from tests.people import Service, make_email
from tests.web.endpoints import csrf_token


def test_inviting_into_a_group_needs_a_fresh_proof_and_inviting_others_does_not(service: Service) -> None:
    """Or whoever finds a session open makes an admin of their own, though nobody's groups can be changed in it."""
    admin = service.admin()
    assert admin.sign_in(remember=True).status_code == 200
    refused = admin.post("/api/admin/invites", {"email": make_email(), "groups": ["editors", "admins"]})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "confirmation_required")
    page = admin.client.post(
        "/admin/invites", data={"csrf_token": csrf_token(admin), "email": make_email(), "groups": "admins"}
    )
    assert (page.status_code, "/confirm?next=/admin/invites" in page.text) == (403, True)
    assert admin.get("/api/admin/invites").get_json()["invites"] == []
    assert admin.post("/api/admin/invites", {"email": make_email(), "groups": ["editors"]}).status_code == 403
    assert admin.post("/api/admin/invites", {"email": make_email()}).status_code == 202
    assert admin.sign_in().status_code == 200
    assert admin.post("/api/admin/invites", {"email": make_email(), "groups": ["admins"]}).status_code == 202


def test_an_invitation_whose_inviter_may_not_invite_any_more_is_shown_as_dead_until_it_is_sent_again(
    service: Service,
) -> None:
    admin, inviter = service.admin(), service.member()
    account = accounts.find_account(service.uow(), inviter.email)
    accounts.set_groups(service.uow(), account.id, ["admins"])
    assert inviter.sign_in().status_code == 200
    for who in (inviter, admin):
        assert who.post("/api/admin/invites", {"email": make_email()}).status_code == 202
    accounts.set_groups(service.uow(), account.id, [])
    by_admin, by_other = admin.get("/api/admin/invites").get_json()["invites"]
    assert (by_admin["holds"], by_other["holds"]) == (True, False)
    assert "Its links are dead" in admin.get("/admin/invites").text
    assert admin.post(f"/api/admin/invites/{by_other['id']}/resend").status_code == 202
    assert "Its links are dead" not in admin.get("/admin/invites").text
