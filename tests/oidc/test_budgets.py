"""What a request of an app may cost: these statements over one connection, however many apps there are."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from sqlalchemy import Engine, event, update
from werkzeug.test import Client, TestResponse

from accounts.core.database.readers import ReadingPool
from accounts.core.models.apps import App
from accounts.flows.oidc.signing_key_rotation import rotate_signing_keys
from accounts.flows.oidc.signing_keys import SigningKeys
from tests.apps import register_app
from tests.conftest import on_both_databases
from tests.people import Person, Service

ORIGIN = "https://page.example.org"


@dataclass
class Asking:
    """An app of the house, and somebody who is signed in here."""

    service: Service
    person: Person
    id: str
    secret: str
    client: Client
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(40))

    def code(self, scope: str = "openid email", **more: str) -> str:
        """A code, as the person's browser brings it."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asks = {
            "client_id": self.id,
            "redirect_uri": "https://wiki.example.org/cb",
            "response_type": "code",
            "scope": scope,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        answer = self.person.client.get(f"/oauth/authorize?{urlencode(asks)}")
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]

    def post(self, path: str, **data: str) -> TestResponse:
        pair = base64.b64encode(f"{self.id}:{self.secret}".encode()).decode()
        return self.client.post(path, data=data, headers={"Authorization": f"Basic {pair}"})

    def redeem(self, code: str) -> dict[str, Any]:
        data = {"grant_type": "authorization_code", "redirect_uri": "https://wiki.example.org/cb", "code": code}
        answer = self.post("/oauth/token", **data, code_verifier=self.verifier)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def userinfo(self, token: str, **more: str) -> TestResponse:
        answer = self.client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {token}", **more})
        assert answer.status_code == 200
        return answer


@pytest.fixture
def asking(service: Service) -> Asking:
    made = register_app(service, trusted=True)
    service.site.get(SigningKeys).public_jwks()  # made on first use, which is another matter
    with service.uow() as uow:  # and what an app sends is noted when it first sends it
        uow.session.execute(update(App).values(sends_pkce=True, sends_nonce=False))
    return Asking(service, service.member(), made.app.id, str(made.secret), service.app.test_client())


@contextmanager
def costs(service: Service, *statements: str, commits: int = 0, connections: int = 1) -> Iterator[None]:
    """Meanwhile just these statements run. A connection is taken as often as said, and never two at once."""
    engine = service.site.store.engine
    pool: Any = engine.pool
    taken: list[int] = []

    def take(*connection: object) -> None:
        taken.append(pool.checkedout())

    def read(source: object, *statement: object) -> None:
        # A reader comes beside those that the pool counts, for one statement.
        if isinstance(source, Engine) and isinstance(pool, ReadingPool):
            taken.append(pool.checkedout() + 1)

    listeners: dict[str, Callable[..., None]] = {"checkout": take, "before_cursor_execute": read}
    for name, listener in listeners.items():
        event.listen(engine, name, listener)
    try:
        with service.record_statements() as seen:
            yield
    finally:
        for name, listener in listeners.items():
            event.remove(engine, name, listener)
    assert all(each == 1 for each in taken), taken
    assert [_what(each) for each in seen] == list(statements)
    assert (len(taken), seen.commits) == (connections, commits)


def _what(statement: str) -> str:
    """``INSERT spent``: the verb, and the table that is written to or whose columns come first."""
    words: Sequence[str] = statement.replace('"', "").split()
    place = {"SELECT": 1, "INSERT": 2, "UPDATE": 1}[words[0]]
    return f"{words[0]} {words[place].partition('.')[0]}"


@on_both_databases
def test_a_code_is_looked_at_once_and_redeemed_in_one_transaction(asking: Asking) -> None:
    code = asking.code()
    with costs(asking.service, "SELECT apps", "INSERT grants", "SELECT accounts", "INSERT audit", commits=1):
        asking.redeem(code)


@on_both_databases
def test_what_an_app_sends_is_written_when_it_changes_and_at_most_once_a_minute(asking: Asking) -> None:
    redeemed = ("INSERT grants", "SELECT accounts", "INSERT audit")
    code = asking.code(nonce="n")
    with costs(asking.service, "SELECT apps", "UPDATE apps", *redeemed, commits=2, connections=2):
        asking.redeem(code)
    for code in (asking.code(nonce="n"), asking.code()):
        with costs(asking.service, "SELECT apps", *redeemed, commits=1):
            asking.redeem(code)


def test_a_code_that_gives_a_refresh_token_is_counted_for_the_key_that_signs_it(asking: Asking) -> None:
    code = asking.code("openid offline_access")
    begun = ("SELECT apps", "INSERT grants", "SELECT accounts")
    with costs(asking.service, *begun, "INSERT key_uses", "INSERT audit", commits=1):
        asking.redeem(code)


@on_both_databases
def test_refreshing_looks_at_app_and_grant_at_once_and_writes_the_next_number(asking: Asking) -> None:
    given = asking.redeem(asking.code("openid offline_access"))
    with costs(asking.service, "SELECT grants", "UPDATE grants", "INSERT key_uses", commits=1, connections=2):
        answer = asking.post("/oauth/token", grant_type="refresh_token", refresh_token=given["refresh_token"])
    assert answer.status_code == 200


@on_both_databases
def test_userinfo_is_one_statement(asking: Asking) -> None:
    given = asking.redeem(asking.code())
    with costs(asking.service, "SELECT grants"):
        assert asking.userinfo(given["access_token"]).get_json()["email"] == asking.person.email


def test_introspection_looks_at_app_and_token_at_once(asking: Asking) -> None:
    given = asking.redeem(asking.code())
    with costs(asking.service, "SELECT grants"):
        assert asking.post("/oauth/introspect", token=given["access_token"]).get_json()["active"]


def test_revoking_looks_at_both_and_ends_the_grant(asking: Asking) -> None:
    given = asking.redeem(asking.code())
    with costs(asking.service, "SELECT grants", "UPDATE grants", "INSERT audit", commits=1, connections=2):
        assert asking.post("/oauth/revoke", token=given["access_token"]).status_code == 200


def test_a_request_from_a_page_asks_once_more_and_reads_no_other_apps_addresses(asking: Asking) -> None:
    given = asking.redeem(asking.code())
    page = {"token_endpoint_auth_method": "none"}
    register_app(asking.service, "Page", redirect_uris=[f"{ORIGIN}/cb"], **page)
    for name in ("One", "Two", "Three"):
        register_app(asking.service, name, **page)
    with costs(asking.service, "SELECT grants", "SELECT apps", connections=2):
        answer = asking.userinfo(given["access_token"], Origin=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    for stranger in ("https://page.example.or", "https://age.example.org", "https://%", "null", f"{ORIGIN}/cb"):
        answer = asking.userinfo(given["access_token"], Origin=stranger)
        assert "Access-Control-Allow-Origin" not in answer.headers, stranger


def test_what_is_no_token_of_ours_is_refused_without_the_store(asking: Asking) -> None:
    with asking.service.record_statements() as seen:
        answer = asking.client.get("/oauth/userinfo", headers={"Authorization": f"Bearer {'a' * 80}"})
    assert (answer.status_code, seen) == (401, [])


def test_published_keys_are_encoded_once(asking: Asking) -> None:
    keys = asking.service.site.get(SigningKeys)
    published = keys.jwk_set()
    assert json.loads(published) == {"keys": keys.public_jwks()} == asking.client.get("/oauth/jwks").get_json()
    assert keys.jwk_set() is published
    rotate_signing_keys(asking.service.uow(), ["EdDSA"])
    assert keys.jwk_set() != published
    assert json.loads(keys.jwk_set()) == {"keys": keys.public_jwks()}
