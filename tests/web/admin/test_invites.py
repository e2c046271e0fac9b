"""Inviting one by one: what is asked before, what is said after, and what a session that was left open may not do."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from werkzeug.test import TestResponse

from accounts.core.clock import now
from accounts.flows.invites import search
from accounts.flows.invites.search import StateCount
from accounts.flows.sessions.session import STEP_UP_MAX_AGE
from accounts.flows.shared import accounts
from tests.people import Person, Service, make_email
from tests.web.endpoints import csrf_token
from tests.web.parsed_page import check_skeleton, submit_form


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
    assert "the sender can no longer invite users" in admin.get("/admin/invites").text
    assert admin.post(f"/api/admin/invites/{by_other['id']}/resend").status_code == 202
    assert "the sender can no longer invite users" not in admin.get("/admin/invites").text


def invite(admin: Person, count: int = 1) -> list[dict[str, Any]]:
    for _ in range(count):
        assert admin.post("/api/admin/invites", {"email": make_email()}).status_code == 202
    found: list[dict[str, Any]] = admin.get("/api/admin/invites").get_json()["invites"]
    return found


def told(admin: Person, answer: TestResponse) -> str:
    """What the page says to which a browser is led."""
    assert answer.status_code == 303, answer.text
    page = admin.client.get(answer.headers["Location"]).text
    (notice,) = re.findall(r'<p class="notice[^>]*id="notice"[^>]*>([^<]*)</p>', page)
    return html.unescape(notice)


def test_each_act_on_one_invitation_says_on_its_page_that_it_was_done(service: Service) -> None:
    admin, email = service.admin(), make_email()
    page = admin.client.get("/admin/invites")
    sent = submit_form(admin.client, "/admin/invites", page, email=email, message="See you in room 12.")
    assert told(admin, sent) == f"Invitation sent to {email}. You can invite someone else below."
    (sent_invite,) = admin.get("/api/admin/invites").get_json()["invites"]
    path = f"/admin/invites/{sent_invite['id']}"
    assert told(admin, submit_form(admin.client, f"{path}/resend", page)) == f"Invitation sent to {email} again."
    extended = submit_form(admin.client, f"{path}/extend", page, days="30")
    assert told(admin, extended) == f"Invitation to {email} extended and sent again."
    assert told(admin, submit_form(admin.client, f"{path}/revoke", page)) == f"The invitation to {email} was revoked."


def test_the_page_asks_before_an_invitation_is_revoked_and_nothing_is_lost_by_looking(service: Service) -> None:
    admin = service.admin()
    (sent,) = invite(admin)
    listed = check_skeleton(admin.client.get("/admin/invites"))
    path = f"/admin/invites/{sent['id']}/revoke"
    assert listed.find_all("a", href=path)
    assert not listed.find_all("form", action=path)
    asked = check_skeleton(admin.client.get(path))
    assert asked.text("h1") == "Revoke 1 invitation?"
    assert sent["email"] in asked.text("main")
    assert asked.find_all("a", href="/admin/invites", **{"class": "button"}), "a way back"
    assert invite(admin, 0)[0]["state"] == "pending"
    submit_form(admin.client, path, admin.client.get(path))
    assert admin.client.get(path).status_code == 404, "there is nothing to ask any more"


def test_with_nothing_ticked_the_list_comes_again_and_says_so(service: Service) -> None:
    admin = service.admin()
    invite(admin)
    page = admin.client.get("/admin/invites")
    answer = submit_form(
        admin.client, "/admin/invites/choose?next=/admin/invites?state%3Dpending", page, act="revoke"
    )
    assert answer.location == "/admin/invites?state=pending", "the list as it was"
    assert told(admin, answer) == "Select at least one invitation."


def choose(admin: Person, act: str, ids: list[str]) -> TestResponse:
    data = {"csrf_token": csrf_token(admin), "act": act, "ids": ids}
    return admin.client.post("/admin/invites/choose", data=data)


def test_several_are_named_before_anything_is_done_to_them(service: Service) -> None:
    admin = service.admin()
    ids = [each["id"] for each in invite(admin, 12)]
    assert admin.post(f"/api/admin/invites/{ids[0]}/revoke").status_code == 200
    chosen = choose(admin, "revoke", ids)
    shown = admin.client.get(chosen.location)
    page = check_skeleton(shown)
    assert page.text("h1") == "Revoke 11 invitations?"
    assert "and 1 more" in page.text("main")
    assert "1 selected invitation can't be changed in this way" in page.text("main")
    hidden = [each["value"] for each in page.find_all("input", name="ids")]
    assert sorted(hidden) == sorted(ids)
    data = {"csrf_token": csrf_token(admin), "act": "revoke", "ids": hidden}
    answer = admin.client.post("/admin/invites/some", data=data)
    assert told(admin, answer) == "11 invitations were revoked."
    again = admin.client.post("/admin/invites/some", data=data)
    assert told(admin, again) == "Nothing was changed. None of the selected invitations is still open."
    assert "None of the selected invitations is still open" in told(admin, choose(admin, "resend", ids))
    assert choose(admin, "burn", ids).status_code == 422


def test_whoever_has_to_confirm_a_password_comes_back_to_the_page_that_asks(service: Service) -> None:
    admin = service.admin()
    ids = [each["id"] for each in invite(admin, 20)]
    with time_machine.travel(now() + STEP_UP_MAX_AGE + timedelta(seconds=1), tick=True):
        asked = choose(admin, "extend", ids)
        confirm = admin.client.get(asked.location)
        assert (confirm.status_code, confirm.location.startswith("/confirm?next=/admin/invites/some")) == (303, True)
        assert all(each in confirm.location for each in ids)
        assert choose(admin, "resend", ids).status_code == 303
        back = submit_form(
            admin.client, confirm.location, admin.client.get(confirm.location), password=admin.password
        )
    assert back.status_code == 303


def test_an_error_on_the_page_that_asks_keeps_what_was_chosen(service: Service) -> None:
    admin = service.admin()
    ids = [each["id"] for each in invite(admin, 2)]
    data = {"csrf_token": csrf_token(admin), "act": "extend", "ids": ids, "days": "900"}
    answer = admin.client.post("/admin/invites/some", data=data)
    page = check_skeleton(answer)
    assert answer.status_code == 422
    assert sorted(each["value"] for each in page.find_all("input", name="ids")) == sorted(ids)


def test_the_tabs_count_what_is_in_each_state_and_an_act_leads_back_to_the_search(service: Service) -> None:
    admin = service.admin()
    first, second, _ = invite(admin, 3)
    assert admin.post(f"/api/admin/invites/{first['id']}/revoke").status_code == 200
    page = check_skeleton(admin.client.get("/admin/invites?sort=oldest"))
    assert {each["href"] for each in page.find_all("a")} >= {"/admin/invites?sort=oldest&state=revoked"}
    assert "Open 2 Accepted 0 Expired 0 Revoked 1" in page.text("main")
    assert page.find_all("th", **{"aria-sort": "ascending"})
    oldest = admin.get("/api/admin/invites?sort=oldest").get_json()["invites"]
    assert [each["id"] for each in oldest] == [each["id"] for each in invite(admin, 0)][::-1]
    search = f"/admin/invites?q={second['email']}"
    (resend,) = [
        each["action"]
        for each in check_skeleton(admin.client.get(search)).find_all("form")
        if each["action"].startswith(f"/admin/invites/{second['id']}/resend")
    ]
    answer = submit_form(admin.client, html.unescape(resend), admin.client.get(search))
    assert answer.location.replace("%40", "@") == search
    evil = admin.client.post(
        f"/admin/invites/{second['id']}/resend?next=//evil.example", data={"csrf_token": csrf_token(admin)}
    )
    assert evil.location == "/admin/invites"


def test_counts_of_states_stop_where_counting_would_cost(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = service.admin()
    monkeypatch.setattr(search, "MAX_COUNTED", 2)
    invite(admin, 4)
    assert search.count_invite_states(service.uow())["pending"] == StateCount(2, is_least=True)
    assert "Open 2+" in check_skeleton(admin.client.get("/admin/invites")).text("main")


def test_the_email_can_be_seen_before_it_is_sent_and_can_do_nothing(service: Service) -> None:
    admin, email = service.admin(), make_email()
    page = admin.client.get("/admin/invites")
    shown = submit_form(
        admin.client, "/admin/invites/preview", page, email=email, locale="de", message="See <you> there.", days="7"
    )
    assert (shown.status_code, shown.mimetype) == (200, "text/html")
    assert f"Die Einladung gilt für {email}." in shown.text or email in shown.text
    assert "See &lt;you&gt; there." in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox; default-src 'none'")
    assert "script-src" not in policy
    assert admin.get("/api/admin/invites").get_json()["invites"] == []
    refused = submit_form(admin.client, "/admin/invites/preview", page, email="nobody")
    assert refused.status_code == 422
    assert refused.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")


def test_the_form_offers_the_groups_that_there_are_and_days_in_words(service: Service) -> None:
    admin = service.admin()
    page = check_skeleton(admin.client.get("/admin/invites"))
    assert [each["value"] for each in page.find_all("option") if each["value"] == "admins"]
    assert page.input("groups")["list"] == page.find_all("datalist")[0]["id"]
    assert "7 days" in page.text("main")


def test_words_with_a_link_in_them_are_refused_with_the_reason_and_kept_in_the_form(service: Service) -> None:
    admin = service.admin()
    words = "Look at http://evil.example now"
    page = admin.client.get("/admin/invites")
    refused = submit_form(admin.client, "/admin/invites", page, email=make_email(), message=words)
    assert "Remove links, host names and email addresses." in refused.text
    assert words in refused.text
    for text, code in ((words, "link"), ("a\u202eb", "control")):
        (error,) = admin.post("/api/admin/invites", {"email": make_email(), "message": text}).get_json()["errors"]
        assert (error["field"], error["code"], "cannot be taken" in str(error)) == ("message", code, False)
