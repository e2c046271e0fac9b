"""Many processes, one installation: what one has signed opens in another, though their clocks differ."""

from __future__ import annotations

import shutil

import pytest

from tests.e2e.client import mailed_token
from tests.e2e.conftest import Start, Visit, on_either_database
from tests.e2e.running import Process, free_port
from tests.people import OTHER_PASSWORD, PASSWORD, token_of_url
from tests.servers.smtp import SmtpSink

APART = 5
"""Seconds between two clocks that nobody has set."""


@pytest.fixture
def ahead() -> tuple[str, ...]:
    """What starts a process whose clock is ahead."""
    if shutil.which("faketime") is None:
        pytest.skip("NO TEST OF CLOCKS APART: faketime is not on PATH. Debian: apt install faketime")
    # Its own pauses are left alone: it is the time of day that differs, not the length of a second.
    return ("env", "FAKETIME_DONT_FAKE_MONOTONIC=1", "faketime", "-f", f"+{APART}s")


def the_main_job_across(one: Process, other: Process, visit: Visit, post_office: SmtpSink) -> None:
    """Everything that one process begins is finished at the other, and the other way round."""
    here, there = visit(one), visit(other)
    data = {"token": token_of_url(one.first_admin_link), "email": "admin@example.org", "password": PASSWORD}
    assert there.post("/api/l/invite", data).status == 201
    here.cookies = there.cookies  # one browser behind a load balancer
    for _ in range(3):
        assert here.get("/api/account").json["groups"] == ["admins"]
        assert there.get("/api/account").json["groups"] == ["admins"]
    for number, (asks, answers) in enumerate([(here, there), (there, here)]):
        email = f"second{number}@example.org"
        assert asks.post("/api/admin/invites", {"email": email}).status == 202
        token = mailed_token(post_office, email, "invite")
        assert answers.get(f"/api/l/invite?token={token}").status == 200
        stranger = visit(one if answers is here else other)
        assert stranger.post("/api/l/invite", {"token": token, "password": PASSWORD}).status == 201
        assert asks.post("/api/forgot-password", {"email": email}).status == 202
        token = mailed_token(post_office, email, "reset-password")
        stranger = visit(one if answers is here else other)
        reset = {"token": token, "password": OTHER_PASSWORD}
        assert stranger.post("/api/l/reset-password", reset).status == 200
        assert visit(one).post("/api/l/reset-password", reset).json["code"] == "link_used"
        assert visit(other).post("/api/l/reset-password", reset).json["code"] == "link_used"


@on_either_database
def test_clocks_that_are_apart_lose_no_link_and_no_session(
    make_process: Start, visit: Visit, post_office: SmtpSink, ahead: tuple[str, ...]
) -> None:
    port = free_port()
    one = make_process(port=port)
    other = make_process(wrapper=ahead, public_origin=f"http://127.0.0.1:{port}")
    one.start_and_answer()
    other.start_and_answer()
    the_main_job_across(one, other, visit, post_office)
    data = {"email": "admin@example.org", "password": PASSWORD}
    times = [visit(process).post("/api/sign-in", data).json["auth_time"] for process in (one, other)]
    assert times[1] - times[0] >= APART, "the clocks were not apart"


@pytest.mark.postgres
@pytest.mark.parametrize("empty_database", ["postgres"], indirect=True)
def test_two_services_of_two_workers_each_are_one_installation(
    make_process: Start, visit: Visit, post_office: SmtpSink
) -> None:
    port = free_port()
    one = make_process("serve", "--workers", "2", port=port)
    other = make_process("serve", "--workers", "2", public_origin=f"http://127.0.0.1:{port}")
    for process in (one, other):
        process.start()
    for process in (one, other):
        process.wait_until(lambda process=process: process.ready)  # type: ignore[misc] # bound now, not later
        process.wait_until(lambda process=process: len(process.children) == 2)  # type: ignore[misc] # as above
    the_main_job_across(one, other, visit, post_office)
    assert [one.stop(), other.stop()] == [0, 0]
