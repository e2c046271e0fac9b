"""Other people's clients against this provider, over TLS with an authority they are told of: no insecure switch."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask, jsonify, session
from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.models.apps import OidcKey
from accounts.flows.oidc import signing_key_rotation, signing_keys
from tests.e2e.running import free_port
from tests.oidc.kit import BrowserUser, CallbackRequest, Provider, RelyingParty, code_challenge
from tests.oidc.test_redirect_uris import NEAR_MISSES

pytestmark = pytest.mark.faults
PROGRAMS = Path(__file__).parent / "rps"
PACKAGES = ("openid-client@6.9.0", "express-openid-connect@3.4.0", "oidc-provider@9.13.3", "express@4.22.3")


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs and what they need from npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("NO RELYING PARTIES ON NODE: node and npm are not on PATH. Debian: apt install nodejs npm")
    folder = tmp_path_factory.mktemp("rps")
    shutil.copytree(PROGRAMS, folder, dirs_exist_ok=True)
    (folder / "package.json").write_text('{"private": true}')
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *PACKAGES]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    if made.returncode:
        pytest.skip(f"NO RELYING PARTIES ON NODE: npm cannot install them: {made.stderr.strip()[-200:]}")
    return folder


class Program:
    """A relying party on Node: it says and hears one line at a time."""

    def __init__(self, folder: Path, name: str, rp: RelyingParty, **more: str) -> None:
        environ = {
            "PATH": os.environ["PATH"],
            "NODE_EXTRA_CA_CERTS": rp.provider.ca,
            "ISSUER": rp.provider.origin,
            "CLIENT_ID": rp.id,
            "CLIENT_SECRET": rp.secret or "",
            "REDIRECT_URI": rp.redirect_uri,
            **more,
        }
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(["node", name], cwd=folder, env=environ, stdin=pipe, stdout=pipe, text=True)

    def hears(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def says(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, "the program has ended"
        return line

    def end(self) -> None:
        self.process.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()
        self.process.wait(10)


class OnNode:
    """The app on openid-client."""

    def __init__(self, node: Path, provider: Provider) -> None:
        rp = provider.register(name="openid-client")
        self.program = Program(node, "openid-client.mjs", rp)

    def log_in(self, person: BrowserUser) -> dict[str, Any]:
        landed = walk(person, json.loads(self.program.says())["url"])
        self.program.hears(landed.url)
        found: dict[str, Any] = json.loads(self.program.says())
        return found

    def end(self) -> None:
        self.program.end()


class OnExpress:
    """The app on express-openid-connect, at an address of its own."""

    def __init__(self, node: Path, provider: Provider) -> None:
        self.port = free_port()
        self.origin = f"http://localhost:{self.port}"
        rp = provider.register(
            name="express", redirect_uris=[f"{self.origin}/callback"], application_type="native", scopes=["email"]
        )
        self.program = Program(node, "express.mjs", rp, PORT=str(self.port))
        assert self.program.says() == "listening\n"

    def log_in(self, person: BrowserUser) -> dict[str, Any]:
        app = person.provider.http_client()
        app.mount("http://", app.adapters["https://"])
        sent = app.get(f"{self.origin}/", allow_redirects=False, timeout=20)
        assert sent.status_code in (302, 303), sent.text
        landed = walk(person, sent.headers["Location"])
        back = app.get(landed.url, timeout=20)
        assert back.status_code == 200, back.text
        found: dict[str, Any] = back.json()
        return found

    def end(self) -> None:
        self.program.end()


class OnAuthlib:
    """The app on Authlib's Flask client: what a small Flask app has to write."""

    def __init__(self, provider: Provider) -> None:
        from authlib.integrations.flask_client import OAuth

        rp = provider.register(name="authlib", id_token_signed_response_alg="ES256")
        self.rp = rp
        app = Flask("rp")
        app.secret_key = "somebody else's"
        oauth: Any = OAuth(app)
        accounts = oauth.register(
            "accounts",
            client_id=rp.id,
            client_secret=rp.secret,
            server_metadata_url=f"{provider.origin}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid email", "code_challenge_method": "S256"},
        )
        app.add_url_rule("/", "home", lambda: accounts.authorize_redirect(rp.redirect_uri))

        def callback() -> Any:
            token = accounts.authorize_access_token()
            session["sub"] = token["userinfo"]["sub"]
            return jsonify(dict(accounts.userinfo(token=token)))

        app.add_url_rule("/cb", "callback", callback)
        self.client = app.test_client()

    def log_in(self, person: BrowserUser) -> dict[str, Any]:
        landed = walk(person, self.client.get("/").location)
        back = self.client.get(f"/cb?{landed.url.partition('?')[2]}")
        found: dict[str, Any] = back.get_json()
        return found

    def end(self) -> None:
        pass


def walk(person: BrowserUser, url: str) -> CallbackRequest:
    landed = person.open(url)
    if landed is None:
        landed = person.sign_in()
    assert landed is not None, person.page.text
    return landed


@pytest.fixture
def three_apps(node: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The three of them, running."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", provider.ca)
    monkeypatch.setenv("SSL_CERT_FILE", provider.ca)
    made: list[Any] = []
    try:
        made += [OnNode(node, provider), OnExpress(node, provider), OnAuthlib(provider)]
        yield made
    finally:
        for each in made:
            each.end()


def test_three_relying_parties_log_in_while_the_keys_rotate(provider: Provider, three_apps: list[Any]) -> None:
    """A key must be published before it signs: openid-client, for one, looks again after a minute at the earliest."""
    people = [provider.person() for _ in three_apps]

    def everybody() -> list[dict[str, Any]]:
        found = [app.log_in(person) for app, person in zip(three_apps, people, strict=True)]
        assert [each.get("email") for each in found] == [person.email for person in people], found
        return found

    keys = provider.service.site.get(signing_keys.SigningKeys)
    old = {key["kid"] for key in keys.public_jwks()}
    signing_key_rotation.rotate_signing_keys(provider.service.uow())
    assert everybody()[0]["kid"] in old
    assert everybody()[0]["kid"] in old
    # A day later. The clocks of the programs on Node cannot be moved, so the row is.
    moment = now()
    with provider.service.uow() as uow:
        for row in uow.session.scalars(select(OidcKey).where(OidcKey.not_before > moment)):
            row.not_before = moment
    keys.invalidate()
    assert everybody()[0]["kid"] not in old
    assert everybody()[0]["kid"] not in old


TOLD_APART = {""}
"""An empty address is none at all to oidc-provider, which takes the only one there is; here one must be named."""


def test_the_certified_provider_refuses_the_same_near_misses(node: Path, provider: Provider) -> None:
    """Where the two differ, it is written down here and in the docs."""
    rp, port = provider.register(), free_port()
    other = Program(node, "oidc-provider.mjs", rp, PORT=str(port))
    try:
        # It warns about being a toy of a test first, on the same stream in some versions.
        while other.says() != "listening\n":
            pass
        ana, differ = provider.person(), set()
        for uri in [*NEAR_MISSES, rp.redirect_uri]:
            asked = {"client_id": "c", "response_type": "code", "scope": "openid", "redirect_uri": uri}
            asked |= {"code_challenge": code_challenge(rp.verifier), "code_challenge_method": "S256"}
            theirs = requests.get(f"http://127.0.0.1:{port}/auth", params=asked, allow_redirects=False, timeout=30)
            ana.open(rp.authorization_url(redirect_uri=uri))
            assert theirs.status_code in (303, 400), uri
            if (theirs.status_code == 400) != (ana.response.status_code == 400):
                differ.add(uri)
        assert differ == TOLD_APART
    finally:
        other.end()
