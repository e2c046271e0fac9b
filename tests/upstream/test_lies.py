"""What an issuer, or somebody in between, may try: none of it signs anybody in, and no address merges accounts."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc.jwk import RSAKey
from sqlalchemy import select

from accounts.core.models.upstream import Identity
from tests.upstream.conftest import World, forget
from tests.upstream.issuers import Liar

HOUR = 3600
LIES: dict[str, dict[str, Any]] = {
    "wrong nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "wrong issuer": {"iss": "http://localhost:1"},
    "no issuer": {"iss": None},
    "other audience": {"aud": "somebody-else"},
    "no audience": {"aud": None},
    "many audiences and no party": {"aud": ["downstream", "somebody-else"]},
    "another party": {"azp": "somebody-else"},
    "expired": {"exp": time.time() - HOUR},
    "never expires": {"exp": None},
    "of tomorrow": {"iat": time.time() + 24 * HOUR},
    "nobody": {"sub": None},
    "somebody no database can hold": {"sub": "a\x00b"},
    "half a character": {"sub": "\ud800"},
    "an empty name": {"sub": ""},
    "a number": {"sub": 7},
    "a name without end": {"sub": "x" * 256},
}


def test_a_good_answer_of_an_unknown_person_tells_them_how_to_connect(world: World, liar: Liar) -> None:
    """The control: without it, whatever is refused below might be refused for another reason."""
    browser = world.browser()
    browser.come_back(browser.visit_the_liar())
    assert browser.response.status_code == 403
    assert "sign in to it first and connect it there" in browser.page.text
    assert not browser.account()


@pytest.mark.parametrize("claims", LIES.values(), ids=list(LIES))
def test_an_id_token_that_says_the_wrong_thing(world: World, liar: Liar, claims: dict[str, Any]) -> None:
    liar.claims = claims
    browser = world.browser()
    browser.come_back(browser.visit_the_liar())
    assert browser.response.status_code == 502
    assert "Sign-in with that service failed" in browser.page.text


@pytest.mark.parametrize("manner", ["none", "HS256", "other key"])
def test_an_id_token_that_is_signed_the_wrong_way(world: World, liar: Liar, manner: str) -> None:
    liar.manner = manner
    browser = world.browser()
    browser.come_back(browser.visit_the_liar())
    assert browser.response.status_code == 502


@pytest.mark.parametrize("iss", [None, "http://localhost:1", ""])
def test_an_answer_of_another_issuer_or_of_none(world: World, liar: Liar, iss: str | None) -> None:
    """Mix-up (RFC 9207): the code is not even tried."""
    browser = world.browser()
    asked = browser.visit_the_liar()
    liar.asked.clear()
    browser.come_back(asked, iss=iss)
    assert browser.response.status_code == 502
    assert "/token" not in liar.asked


def test_a_refusal_by_the_issuer_is_shown(world: World, liar: Liar) -> None:
    browser = world.browser()
    browser.come_back(browser.visit_the_liar(), code=None, error="access_denied")
    assert browser.response.status_code == 502
    assert "failed or was cancelled" in browser.page.text


def test_an_answer_counts_once(world: World, liar: Liar) -> None:
    browser = world.browser()
    asked = browser.visit_the_liar()
    browser.come_back(asked)
    browser.come_back(asked)
    assert (browser.response.status_code, "form has expired" in browser.page.text) == (403, True)


def test_an_answer_counts_in_the_browser_that_asked(world: World, liar: Liar) -> None:
    """Login CSRF: a stranger's answer in somebody's browser, with a visit of its own under way or without."""
    mallory, ana = world.browser(), world.browser()
    stolen = mallory.visit_the_liar()
    assert ana.come_back(stolen).response.status_code == 403
    ana.visit_the_liar()
    liar.asked.clear()
    assert ana.come_back(stolen).response.status_code == 403
    assert "/token" not in liar.asked


def test_an_answer_of_one_service_is_not_taken_for_anothers(world: World, liar: Liar) -> None:
    browser = world.browser()
    asked = browser.visit_the_liar()
    asked["redirect_uri"] = asked["redirect_uri"].replace("/liar/", "/office/")
    assert browser.come_back(asked, iss=world.there_origin).response.status_code == 403


@pytest.mark.parametrize("verified", [False, True])
def test_no_address_merges_accounts(world: World, liar: Liar, verified: bool) -> None:
    ana = world.here.member("ana")
    liar.claims = {"email": ana.email, "email_verified": verified, "sub": f"mallory-{verified}"}
    browser = world.browser()
    browser.come_back(browser.visit_the_liar())
    assert browser.response.status_code == 403
    assert not browser.account()
    with world.here.uow() as uow:
        assert not uow.session.scalars(select(Identity).where(Identity.issuer == liar.origin)).all()


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "http://localhost:1"},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"padding": "x" * 300_000},
    ],
    ids=["another issuer", "no endpoint", "a file", "a script", "without end"],
)
def test_discovery_that_cannot_be(world: World, liar: Liar, metadata: dict[str, Any]) -> None:
    forget(world.here)
    liar.metadata = metadata
    browser = world.browser()
    browser.open("/sign-in").press("/upstream/liar/sign-in", onward=False)
    assert browser.response.status_code == 502


@pytest.mark.parametrize("status", [302, 400, 500])
def test_a_token_endpoint_that_does_not_answer(world: World, liar: Liar, status: int) -> None:
    browser = world.browser()
    asked = browser.visit_the_liar()
    liar.asked.clear()
    liar.token_status = status
    liar.manner = "other key"
    assert browser.come_back(asked).response.status_code == 502
    assert "/elsewhere" not in liar.asked, "no redirect is followed"


def test_a_token_endpoint_that_says_too_much(world: World, liar: Liar) -> None:
    browser = world.browser()
    asked = browser.visit_the_liar()
    liar.padding = 300_000
    assert browser.come_back(asked).response.status_code == 502


@pytest.mark.parametrize("when", ["discovery", "token"])
def test_an_issuer_that_drips_holds_nobody_up(
    world: World, liar: Liar, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Each byte comes in time, and the last one would come after half a minute or more."""
    from accounts.flows.upstream import provider

    monkeypatch.setattr(provider, "RESPONSE_DEADLINE_SECONDS", 1.0)
    browser = world.browser()
    if when == "token":
        asked = browser.visit_the_liar()
        liar.drips = True
        browser.come_back(asked)
    else:
        forget(world.here)
        liar.drips = True
        browser.open("/sign-in").press("/upstream/liar/sign-in", onward=False)
    assert browser.response.status_code == 502


def test_a_key_that_is_new_is_asked_for(world: World, liar: Liar, monkeypatch: pytest.MonkeyPatch) -> None:
    from accounts.flows.upstream import provider

    browser = world.browser()
    browser.come_back(browser.visit_the_liar())
    liar.key = RSAKey.generate_key(2048, {"kid": "two"})
    monkeypatch.setattr(provider, "REFETCH_AFTER_SECONDS", 0.0)
    browser.come_back(browser.visit_the_liar())
    assert browser.response.status_code == 403, "good, and unknown: not a failure of the service there"
