"""The keys that vouch for people are rotated while four relying parties sign people in: no verification fails."""

from __future__ import annotations

import json
import threading
import time
from base64 import urlsafe_b64decode
from collections import Counter
from dataclasses import dataclass, field

import pytest
from flask import Flask
from flask.sessions import SecureCookieSessionInterface

from accounts.flows.oidc import signing_keys
from tests.examples.conftest import Run
from tests.examples.kit import OPENID_CLIENT, SECRET, Example, RunningService, Somebody

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(480)]
AHEAD = signing_keys.EMERGENCY_PUBLISH_AHEAD
"""How long the new keys are published first. openid-client looks for an unknown key again only after a minute; our
own processes believe for half a minute what they have read."""
AFTER = 10.0
"""Seconds for which people go on signing in after the new key has begun to sign."""


@dataclass
class Visits:
    """Somebody who signs in to one relying party over and over."""

    example: Example
    somebody: Somebody
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    kids: list[str] = field(default_factory=list)

    def go_on(self, stop: threading.Event) -> None:
        while not stop.is_set():
            # Signed in at the service still, a stranger at the app.
            for cookie in [each for each in self.somebody.http.cookies if each.domain.startswith("localhost")]:
                self.somebody.http.cookies.clear(cookie.domain, cookie.path, cookie.name)
            self.somebody.open(f"{self.example.origin}/sign-in")
            good = "Hello Ana" in self.somebody.page.text
            self.done["good" if good else "wrong"] += 1
            if not good:
                self.wrong.append(f"{self.somebody.url}: {self.somebody.page.text}")
            elif self.example.name == "flask":
                self.kids.append(kid_in(self.somebody.http.cookies["session"]))
            stop.wait(0.3)


def test_relying_parties_go_on_while_keys_are_rotated(tls_house: RunningService, run_example: Run) -> None:
    email = tls_house.member("Ana")
    visits = []
    for name in ("flask", "django", "express", OPENID_CLIENT):
        ana = Somebody(tls_house, email)
        example = run_example(name, tls_house, "--trusted")
        ana.open(f"{example.origin}/sign-in")
        ana.sign_in()
        assert "Hello Ana" in ana.page.text, ana.url
        visits.append(Visits(example, ana))
    stop = threading.Event()
    threads = [threading.Thread(target=each.go_on, args=(stop,), daemon=True) for each in visits]
    for thread in threads:
        thread.start()

    text = tls_house.command("keys", "oidc", "rotate", "--now")
    assert text.count("is published and signs from") == len(signing_keys.SIGNING_ALGS)
    kids = visits[0].kids
    ends = time.monotonic() + AHEAD.total_seconds() + 100
    while len(set(kids)) < 2 and time.monotonic() < ends:
        time.sleep(0.5)
    time.sleep(AFTER)
    stop.set()
    for thread in threads:
        thread.join(60)

    assert len(dict.fromkeys(kids)) == 2, "an old key, and then a new one"
    assert sorted(kids, key=list(dict.fromkeys(kids)).index) == kids, "never back to the old one"
    assert [wrong for each in visits for wrong in each.wrong] == []
    assert all(each.done["good"] > 20 for each in visits), [each.done for each in visits]


def kid_in(cookie: str) -> str:
    """The key that signed the ID token in a session cookie of the Flask example."""
    app = Flask("example")
    app.secret_key = SECRET
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    head = serializer.loads(cookie)["user"]["hint"].partition(".")[0]
    return str(json.loads(urlsafe_b64decode(head + "=" * (-len(head) % 4)))["kid"])
