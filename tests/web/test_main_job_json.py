"""The main job over JSON, with links read out of mails that a real SMTP server received."""

from __future__ import annotations

from tests.conftest import on_both_databases
from tests.people import OTHER_PASSWORD, Service, make_email


@on_both_databases
def test_the_main_job_works_from_the_first_admin_to_a_forgotten_password(service: Service) -> None:
    admin = service.admin()
    assert admin.get("/api/account").get_json()["groups"] == ["admins"]

    second = service.person(email=make_email("second"))
    invited = admin.post("/api/admin/invites", {"email": second.email, "groups": ["editors"]})
    assert invited.status_code == 202
    token = service.link_token(second.email, "invite")
    shown = second.get(f"/api/l/invite?token={token}").get_json()
    assert shown["groups"] == ["editors"]
    assert shown["asks"] == ["name", "password", "zone"]
    joined = second.post(
        "/api/l/invite", {"token": token, "password": second.password, "name": "Second", "zone": "Asia/Tokyo"}
    )
    assert joined.status_code == 201
    account = second.get("/api/account").get_json()
    assert (account["email"], account["groups"], account["name"]) == (second.email, ["editors"], "Second")
    assert account["zone"] == "Asia/Tokyo"

    third = service.member("third")
    elsewhere = service.person(email=third.email)
    assert elsewhere.sign_in(remember=True).status_code == 200
    assert elsewhere.get("/api/account").status_code == 200

    forgetful = service.person(email=third.email, password=OTHER_PASSWORD)
    assert forgetful.post("/api/forgot-password", {"email": third.email}).status_code == 202
    token = service.link_token(third.email, "reset-password")
    reset = forgetful.post("/api/l/reset-password", {"token": token, "password": OTHER_PASSWORD})
    assert reset.status_code == 200
    assert not forgetful.signed_in, "a reset never signs in"
    assert not third.signed_in
    assert not elsewhere.signed_in
    assert elsewhere.sign_in().get_json()["code"] == "sign_in_failed"
    assert forgetful.sign_in().status_code == 200
    assert [mail.message["Subject"] for mail in service.mails_to(third.email)][
        -1
    ] == "Your Accounts password was changed"
