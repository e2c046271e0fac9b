"""The main job over plain HTTP against ``accounts serve``: its server and its sockets are in the path."""

from __future__ import annotations

from tests.e2e.client import mailed_token
from tests.e2e.conftest import Start, Visit, on_either_database
from tests.people import OTHER_PASSWORD, PASSWORD, token_of_url
from tests.servers.smtp import SmtpSink


@on_either_database
def test_the_main_job_works_over_sockets(make_process: Start, visit: Visit, post_office: SmtpSink) -> None:
    process = make_process()
    process.start_and_answer()

    admin = visit(process)
    data = {"token": token_of_url(process.first_admin_link), "email": "admin@example.org", "password": PASSWORD}
    assert admin.post("/api/l/invite", data).status == 201
    assert admin.get("/api/account").json["groups"] == ["admins"]
    assert visit(process).post("/api/l/invite", data).json["code"] == "link_used"

    second = visit(process)
    invited = admin.post("/api/admin/invites", {"email": "second@example.org", "groups": ["editors"]})
    assert invited.status == 202
    token = mailed_token(post_office, "second@example.org", "invite")
    assert second.get(f"/api/l/invite?token={token}").json["groups"] == ["editors"]
    assert second.post("/api/l/invite", {"token": token, "password": PASSWORD, "name": "Second"}).status == 201
    assert second.get("/api/account").json["email"] == "second@example.org"

    third = visit(process)
    assert third.post("/api/sign-up", {"email": "third@example.org"}).status == 202
    token = mailed_token(post_office, "third@example.org", "activate")
    assert third.post("/api/l/activate", {"token": token, "password": PASSWORD}).status == 201
    elsewhere = visit(process)
    assert elsewhere.post("/api/sign-in", {"email": "third@example.org", "password": PASSWORD}).status == 200

    forgetful = visit(process)
    assert forgetful.post("/api/forgot-password", {"email": "third@example.org"}).status == 202
    token = mailed_token(post_office, "third@example.org", "reset-password")
    assert forgetful.post("/api/l/reset-password", {"token": token, "password": OTHER_PASSWORD}).status == 200
    for browser in (third, elsewhere, forgetful):
        assert browser.get("/api/account").status == 401
    data = {"email": "third@example.org", "password": OTHER_PASSWORD}
    assert forgetful.post("/api/sign-in", data).json["email"] == "third@example.org"
    assert len(post_office.wait_for(to="third@example.org", count=3)) == 3

    assert process.stop() == 0
    assert "Traceback" not in process.err
    for secret in (PASSWORD, OTHER_PASSWORD, token):
        assert secret not in process.err
