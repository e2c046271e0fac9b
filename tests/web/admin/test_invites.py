"""Inviting one by one over pages and JSON: whom a session that was left open may not invite."""

from __future__ import annotations

from accounts.flows.shared import accounts
from tests.people import Service, make_email
from tests.web.endpoints import csrf_token
from tests.web.parsed_page import submit_form


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


def test_each_act_on_one_invitation_says_on_its_page_that_it_was_done(service: Service) -> None:
    admin = service.admin()
    page = admin.client.get("/admin/invites")
    sent = submit_form(admin.client, "/admin/invites", page, email=make_email(), message="See you in room 12.")
    page = admin.client.get(sent.headers["Location"])
    assert "Invitation details is on its way." in page.text
    (invite,) = admin.get("/api/admin/invites").get_json()["invites"]
    for act, words in (("resend", "Sent again: 1."), ("revoke", "Revoked: 1.")):
        answer = submit_form(admin.client, f"/admin/invites/{invite['id']}/{act}", page)
        assert words in admin.client.get(answer.headers["Location"]).text


def test_words_with_a_link_in_them_are_refused_with_the_reason_and_kept_in_the_form(service: Service) -> None:
    admin = service.admin()
    words = "Look at http://evil.example now"
    page = admin.client.get("/admin/invites")
    refused = submit_form(admin.client, "/admin/invites", page, email=make_email(), message=words)
    assert "No links, host names or mail addresses, please" in refused.text
    assert words in refused.text
    for text, code in ((words, "link"), ("a\u202eb", "control")):
        (error,) = admin.post("/api/admin/invites", {"email": make_email(), "message": text}).get_json()["errors"]
        assert (error["field"], error["code"], "cannot be taken" in str(error)) == ("message", code, False)
