"""Another app talks to many processes behind one address: whichever answers, it is one provider."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tests.e2e.client import Client
from tests.e2e.conftest import Start, Visit
from tests.e2e.running import ACCOUNTS, Process, free_port
from tests.kit.concurrency import run_concurrently
from tests.people import PASSWORD, token_of_url

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(300)]
CALLBACK = "http://localhost:1/cb"
ROUNDS = 8


@dataclass
class App:
    """A confidential app that asks one process and then another."""

    processes: tuple[Process, ...]
    id: str
    secret: str

    def code(self, ana: Client) -> str:
        asks = {"client_id": self.id, "redirect_uri": CALLBACK, "response_type": "code"}
        ana.send("GET", f"/oauth/authorize?{urlencode({**asks, 'scope': 'openid offline_access'})}")
        headers = {name.lower(): value for name, value in ana.answer().headers.items()}
        (code,) = parse_qs(urlsplit(headers["location"]).query)["code"]
        return code

    def token(self, at: Process, **data: str) -> requests.Response:
        auth = (self.id, self.secret)
        return requests.post(f"{at.origin}/oauth/token", data=data, auth=auth, timeout=60)

    def redeem(self, at: Process, code: str) -> requests.Response:
        return self.token(at, grant_type="authorization_code", code=code, redirect_uri=CALLBACK)

    def refresh(self, at: Process, token: str) -> requests.Response:
        return self.token(at, grant_type="refresh_token", refresh_token=token)

    def turn(self, number: int) -> Process:
        return self.processes[number % len(self.processes)]


def jwks(at: Process) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{at.origin}/oauth/jwks", timeout=60).json()
    return found


def kids(at: Process) -> frozenset[str]:
    return frozenset(key["kid"] for key in jwks(at)["keys"])


def kid_of(app: App, at: Process, said: Mapping[str, Any]) -> str:
    """The key that has signed an ID token, which verifies by what that process publishes."""
    keys = KeySet.import_key_set(jwks(at))  # type: ignore[arg-type] # as it comes over the wire
    token = jwt.decode(said["id_token"], keys, algorithms=["RS256"])
    assert token.claims["aud"] == app.id
    return str(token.header["kid"])


@pytest.mark.parametrize("empty_database", ["postgres"], indirect=True)
def test_two_services_of_two_workers_each_are_one_provider(make_process: Start, visit: Visit) -> None:
    port = free_port()
    one = make_process("serve", "--workers", "2", port=port)
    other = make_process("serve", "--workers", "2", public_origin=f"http://127.0.0.1:{port}")
    both = (one, other)
    for process in both:
        process.start()
    for process in both:
        process.wait_until(lambda process=process: process.ready)  # type: ignore[misc] # bound now, not later

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [*ACCOUNTS, *arguments], env=one.environ, cwd=one.folder, capture_output=True, text=True, check=True
        )
        return done.stdout

    registered = json.loads(
        command("apps", "add", "Wiki", "--redirect", CALLBACK, "--trusted", "--no-pkce", "--json")
    )
    app = App(both, registered["id"], registered["secret"])
    ana = visit(one)
    first = {"token": token_of_url(one.first_admin_link), "email": "ana@example.org", "password": PASSWORD}
    assert ana.post("/api/l/invite", first).status == 201

    made = set(run_concurrently(4 * ROUNDS, lambda number: kids(app.turn(number))))
    assert len(made) == 1, "whoever is asked first makes the keys, and there is one set"

    code = app.code(ana)
    answers = run_concurrently(2 * ROUNDS, lambda number: app.redeem(app.turn(number), code))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 400: 2 * ROUNDS - 1}
    (given,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert app.refresh(other, given["refresh_token"]).status_code == 400, "the replay has ended what it gave"

    tokens = app.redeem(other, app.code(ana)).json()
    old = kid_of(app, one, tokens)
    for number in range(ROUNDS):
        found = run_concurrently(4, lambda each, of=tokens: app.refresh(app.turn(each), of["refresh_token"]))  # type: ignore[misc] # bound now
        assert [answer.status_code for answer in found] == [200] * 4, "asked at both at once, within the grace"
        tokens = found[number % 4].json()
        assert kid_of(app, app.turn(number), tokens) == old

    new = command("keys", "oidc", "rotate", "--alg", "RS256").split()[0]
    for process in both:
        # Several times, as it is any of its workers that answers.
        process.wait_until(lambda process=process: all(new in kids(process) for _ in range(ROUNDS)))  # type: ignore[misc] # bound now
    command("keys", "oidc", "drop", old)
    turns = cycle(both)

    def signed_by_the_new_one() -> bool:
        nonlocal tokens
        at = next(turns)
        tokens = app.refresh(at, tokens["refresh_token"]).json()
        try:
            return kid_of(app, at, tokens) == new
        except (JoseError, ValueError):
            return False  # signed by the one that was dropped, in a process that has not looked since

    one.wait_until(lambda: all(signed_by_the_new_one() for _ in range(ROUNDS)))
    assert [one.stop(), other.stop()] == [0, 0]
