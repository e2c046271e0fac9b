"""Clocks of two processes are never the same: some seconds apart lose no link and no session, a minute is the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from tests.conftest import on_both_databases
from tests.people import Person, Service, make_email
from tests.web.endpoints import problem_code

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
MakeService = Callable[..., Service]


@pytest.mark.parametrize("apart", [5, -5, 20, -20, 59])
def test_links_and_sessions_of_one_process_hold_at_another_with_another_clock(
    make_service: MakeService, apart: int
) -> None:
    ahead, behind = make_service(), make_service()
    with time_machine.travel(NOON, tick=False):
        member = ahead.member()
        ahead.person().post("/api/forgot-password", {"email": member.email})
        token = ahead.link_token(member.email, "reset-password")
        cookie = member.client.get_cookie("session")
        csrf = member.get("/api/account").get_json()["csrf_token"]
    assert cookie is not None
    with time_machine.travel(NOON - timedelta(seconds=apart), tick=False):
        elsewhere = behind.person()
        elsewhere.client.set_cookie("session", cookie.value)
        changed = elsewhere.client.patch("/api/account", json={"name": "B"}, headers={"X-CSRF-Token": csrf})
        assert changed.status_code == 200
        data = {"token": token, "password": "another quite long password"}
        assert behind.person().post("/api/l/reset-password", data).status_code == 200
        assert not elsewhere.signed_in
    with time_machine.travel(NOON, tick=False):
        assert not member.signed_in, "what one process ended is ended at the other"


@on_both_databases
def test_what_comes_from_more_than_a_minute_ahead_is_refused(service: Service) -> None:
    with time_machine.travel(NOON + timedelta(seconds=62), tick=False):
        member = service.member()
        service.person().post("/api/forgot-password", {"email": member.email})
        token = service.link_token(member.email, "reset-password")
    with time_machine.travel(NOON, tick=False):
        assert problem_code(service.person().get(f"/api/l/reset-password?token={token}")) == "link_invalid"
        assert not member.signed_in
    with time_machine.travel(NOON + timedelta(seconds=3), tick=False):
        assert service.person().get(f"/api/l/reset-password?token={token}").status_code == 200
        assert member.signed_in, "nothing was lost meanwhile"


def expired(service: Service, purpose: str, lives: timedelta) -> tuple[Person, str]:
    with time_machine.travel(NOON, tick=False):
        email = make_email("late")
        if purpose == "reset-password":
            email = service.member().email
            service.person().post("/api/forgot-password", {"email": email})
        elif purpose == "activate":
            service.person().post("/api/sign-up", {"email": email})
        else:
            service.admin().post("/api/admin/invites", {"email": email, "days": lives.days})
        token = service.link_token(email, purpose)
    return service.person(email=email), token


@pytest.mark.parametrize(
    ("purpose", "lives"),
    [
        ("reset-password", timedelta(minutes=30)),
        ("activate", timedelta(hours=48)),
        ("invite", timedelta(days=3)),
    ],
)
def test_a_link_ends_to_the_second_as_page_and_as_json(service: Service, purpose: str, lives: timedelta) -> None:
    person, token = expired(service, purpose, lives)
    data = {"token": token, "password": "another quite long password"}
    with time_machine.travel(NOON + lives, tick=False):
        assert person.get(f"/api/l/{purpose}?token={token}").status_code == 200
    with time_machine.travel(NOON + lives + timedelta(seconds=1), tick=False):
        for answer in (person.get(f"/api/l/{purpose}?token={token}"), person.post(f"/api/l/{purpose}", data)):
            assert (answer.status_code, problem_code(answer)) == (410, "link_expired")
        assert person.get(f"/l/{purpose}/{token}/go").status_code == 303
        page = person.get(f"/l/{purpose}")
        assert page.status_code == 410
        assert b'type="password"' not in page.data
        form = {"csrf_token": person.get("/api/csrf").get_json()["csrf_token"], "link_id": "", **data}
        form.pop("token")
        assert person.client.post(f"/l/{purpose}", data=form).status_code == 410
        person.password = data["password"]
        assert person.sign_in().status_code == 401


def test_lifetimes_can_be_set(make_service: MakeService) -> None:
    service = make_service(lifetime_reset_password="3")
    person, token = expired(service, "reset-password", timedelta())
    with time_machine.travel(NOON + timedelta(seconds=3), tick=False):
        assert person.get(f"/api/l/reset-password?token={token}").status_code == 200
    with time_machine.travel(NOON + timedelta(seconds=4), tick=False):
        assert problem_code(person.get(f"/api/l/reset-password?token={token}")) == "link_expired"
