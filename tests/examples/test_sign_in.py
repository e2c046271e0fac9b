"""People sign in to each example and out again, over TLS that nobody was told to overlook."""

from __future__ import annotations

import re
import time

import pytest
import requests

from tests.e2e.client import Client
from tests.examples.conftest import Run
from tests.examples.kit import RunningService, Somebody

pytestmark = pytest.mark.e2e
ON_SERVERS = ("flask", "django", "express")
on_each = pytest.mark.parametrize("name", ON_SERVERS)


@on_each
def test_somebody_signs_in_and_out(name: str, tls_house: RunningService, run_example: Run) -> None:
    example = run_example(name, tls_house)
    ana = Somebody(tls_house, tls_house.member("Ana"))
    ana.open(example.origin)
    assert "Hello stranger" in ana.page.text
    ana.follow("Sign in")
    ana.sign_in()
    assert ana.url.rstrip("/") == example.origin
    assert "Hello Ana" in ana.page.text
    assert "Your groups: none" in ana.page.text

    (form,) = [form for form in ana.page.forms if form.action == "/sign-out"]
    ana.submit(form)
    assert ana.url.partition("?")[0].rstrip("/") == example.origin, "comes back by itself"
    assert "Hello stranger" in ana.page.text
    ana.open(f"{tls_house.origin}/account")
    assert ana.url.startswith(f"{tls_house.origin}/sign-in"), "signed out there, too"


@on_each
def test_who_refuses_is_told_and_stays_a_stranger(name: str, tls_house: RunningService, run_example: Run) -> None:
    example = run_example(name, tls_house)
    bob = Somebody(tls_house, tls_house.member("Bob"))
    bob.open(example.origin)
    bob.follow("Sign in")
    bob.submit(bob.form("password"), email=bob.email, password="correct horse battery staple")
    bob.submit(bob.form("request"), decision="no")
    assert bob.url.startswith(f"{example.origin}/callback")
    assert bob.response.status_code == 400
    assert "Not signed in: access_denied" in bob.page.text
    bob.open(example.origin)
    assert "Hello stranger" in bob.page.text


@on_each
def test_an_answer_of_somebody_elses_sign_in_is_refused(
    name: str, tls_house: RunningService, run_example: Run
) -> None:
    """Login CSRF: a stranger's code in a victim's browser must not sign the victim in as the stranger."""
    example = run_example(name, tls_house)
    mallory = Somebody(tls_house, tls_house.member("Mallory"))
    mallory.open(example.origin)
    mallory.follow("Sign in")
    mallory.sign_in()
    sent = [step.headers["Location"] for step in mallory.history if "code=" in step.headers["Location"]]
    ana = Somebody(tls_house, tls_house.member("Ana"))
    ana.open(example.origin)
    ana.open(sent[0])
    assert ana.response.status_code in (400, 401)
    ana.open(example.origin)
    assert "Hello stranger" in ana.page.text


@pytest.mark.parametrize("name", ["django", "express"])
def test_a_page_for_members_sends_a_stranger_to_sign_in_and_back(
    name: str, tls_house: RunningService, run_example: Run
) -> None:
    example = run_example(name, tls_house)
    ana = Somebody(tls_house, tls_house.member("Ana"))
    ana.open(f"{example.origin}/members")
    ana.sign_in()
    assert ana.url == f"{example.origin}/members"
    assert "Members only" in ana.page.text


@on_each
@pytest.mark.parametrize("everywhere", [True, False], ids=["everywhere", "in that browser"])
def test_signed_out_there_is_signed_out_of_the_app(
    name: str, everywhere: bool, tls_house: RunningService, run_example: Run
) -> None:
    """Back-channel logout: ended somewhere else, and gone in a browser that never came by the service again."""
    example = run_example(name, tls_house)
    email = tls_house.member("Ana")
    ana = Somebody(tls_house, email)
    ana.open(example.origin)
    ana.follow("Sign in")
    ana.sign_in()
    assert "Hello Ana" in ana.page.text
    elsewhere = Client(tls_house.process.origin)
    assert elsewhere.post("/api/sign-in", {"email": email, "password": "correct horse battery staple"}).status == 200
    if everywhere:
        assert elsewhere.post("/api/sign-out", {"everywhere": True}).status == 204
    else:
        sessions = elsewhere.get("/api/account/sessions").json["sessions"]
        for other in [each["id"] for each in sessions if not each["current"]]:
            elsewhere.send(
                "DELETE", f"/api/account/sessions/{other}", {}, elsewhere.get("/api/csrf").json["csrf_token"]
            )
            assert elsewhere.answer().status == 204
    elsewhere.close()

    def signed_out() -> bool:
        ana.open(example.origin)
        return "Hello stranger" in ana.page.text

    example.process.wait_until(signed_out)
    # Tokens tell times in whole seconds: a sign-in of the same second is taken for one that the goodbye has ended.
    time.sleep(1)
    ana.follow("Sign in")
    if everywhere:
        ana.sign_in()
        assert "Hello Ana" in ana.page.text, "and may come back"


@on_each
def test_only_a_valid_logout_token_signs_anybody_out(name: str, tls_house: RunningService, run_example: Run) -> None:
    example = run_example(name, tls_house)
    ana = Somebody(tls_house, tls_house.member("Ana"))
    ana.open(example.origin)
    ana.follow("Sign in")
    ana.sign_in()
    (form,) = [form for form in ana.page.forms if form.action == "/sign-out"]
    response = ana.http.post(f"{example.origin}{form.action}", data=form.values, allow_redirects=False, timeout=20)
    (hint,) = re.findall(r"id_token_hint=([^&]+)", response.headers["Location"])
    ana.open(f"{example.origin}/sign-in")
    assert "Hello Ana" in ana.page.text
    unsigned = f"{hint.rpartition('.')[0]}."
    for token in ("", "x", "a.b.c", hint, unsigned, f"{unsigned}AAAA"):
        reply = requests.post(f"{example.origin}/backchannel-logout", data={"logout_token": token}, timeout=20)
        assert reply.status_code == 400, token
    ana.open(example.origin)
    assert "Hello Ana" in ana.page.text
