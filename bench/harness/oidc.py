"""Tokens for codes, claims for tokens: what every OpenID provider is asked, ours and the peers'."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from harness.contender import Load
from harness.http import Answer, Ask
from harness.load import READY, Visitor
from harness.peers import NodeProgram, PeerProgram, PythonProgram

REDIRECT_URI = "https://rp.example.org/cb"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
SCOPE, OFFLINE_SCOPE = "openid email profile", "openid email profile offline_access"
CODES, CONNECTIONS = 400, 8
"""Exchanges in a round at most, over how many connections."""


@dataclass(frozen=True)
class Paths:
    """Where a provider has its endpoints."""

    token: str
    userinfo: str
    keys: str
    discovery: str = "/.well-known/openid-configuration"


class Provider(Protocol):
    """A contender that gives codes."""

    paths: Paths
    client: tuple[str, str]

    def fetch_codes(self, count: int, scope: str) -> list[str]: ...
    def ask(self, method: str, path: str, **options: Any) -> Ask: ...
    def drive(self, visitor: Visitor) -> Any: ...
    def repeat(self, ask: Ask) -> Visitor: ...


class Relying:
    """A relying party of one provider: exchange, refresh, userinfo, discovery, keys.

    :param count: how many codes are there for a round.
    """

    def __init__(self, provider: Provider, count: int = CODES) -> None:
        self._provider, self._count = provider, count
        self._codes: list[str] = []
        self._tokens: list[dict[str, Any]] = []

    def loads(self) -> dict[str, Load]:
        provider = self._provider
        return {
            "W7 exchange": Load(self._exchange, CONNECTIONS, CODES, self._fetch_codes),
            "W7 refresh": Load(self._refresh, CONNECTIONS, CODES, self._fetch_tokens),
            "W7 userinfo": Load(self._userinfo, before=self._fetch_tokens),
            "W7 discovery": Load(
                lambda: provider.repeat(provider.ask("GET", provider.paths.discovery, contains='"issuer"'))
            ),
            "W7 JWKS": Load(lambda: provider.repeat(provider.ask("GET", provider.paths.keys, contains='"keys"'))),
        }

    def _token_ask(self, form: Mapping[str, str], contains: str) -> Ask:
        basic = base64.b64encode(":".join(self._provider.client).encode()).decode()
        headers = {"Authorization": f"Basic {basic}"}
        return self._provider.ask("POST", self._provider.paths.token, headers=headers, form=form, contains=contains)

    def _fetch_codes(self) -> None:
        self._codes = self._provider.fetch_codes(self._count, SCOPE)

    def _fetch_tokens(self) -> None:
        self._codes, self._tokens = self._provider.fetch_codes(16, OFFLINE_SCOPE), []

        def visit() -> Visitor:
            for ask in self._exchange_asks():
                answer: Answer = yield ask
                self._tokens.append(answer.json())

        self._provider.drive(visit())

    def _exchange_asks(self) -> Iterator[Ask]:
        form = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        while self._codes:
            yield self._token_ask(form | {"code": self._codes.pop()}, '"id_token"')

    def _exchange(self) -> Visitor:
        yield READY
        yield from self._exchange_asks()

    def _refresh(self) -> Visitor:
        token = self._tokens.pop()["refresh_token"]
        yield READY
        while True:
            form = {"grant_type": "refresh_token", "refresh_token": token}
            answer: Answer = yield self._token_ask(form, '"refresh_token"')
            # Every use gives another one: those that do not rotate would do less.
            assert answer.json()["refresh_token"] != token
            token = answer.json()["refresh_token"]

    def _userinfo(self) -> Visitor:
        headers = {"Authorization": f"Bearer {self._tokens.pop()['access_token']}"}
        return self._provider.repeat(
            self._provider.ask("GET", self._provider.paths.userinfo, headers=headers, contains='"email"')
        )


class OidcPeer(PeerProgram):
    """A provider that makes codes for nothing but the asking, at ``/bench/codes``.

    :param alg: what signs its ID tokens.
    """

    paths: Paths

    def __init__(self, folder: Path, hash: str = "floor", *, alg: str = "EdDSA") -> None:
        super().__init__(folder, hash)
        self._alg = alg
        self.client = ("bench", secrets.token_urlsafe(32))

    def environ(self) -> dict[str, str]:
        return super().environ() | {
            "ALG": self._alg,
            "CLIENT_ID": self.client[0],
            "CLIENT_SECRET": self.client[1],
            "REDIRECT_URI": REDIRECT_URI,
            "CHALLENGE": CHALLENGE,
        }

    def fetch_codes(self, count: int, scope: str) -> list[str]:
        def visit() -> Visitor:
            answer: Answer = yield self.ask("GET", f"/bench/codes?{urlencode({'n': count, 'scope': scope})}")
            return answer.json()

        found: list[str] = self.drive(visit())
        return found

    def loads(self) -> Mapping[str, Load]:
        return Relying(self).loads()


class OidcProvider(NodeProgram, OidcPeer):
    """npm's oidc-provider on node."""

    name = "oidc-provider"
    live_path = "/.well-known/openid-configuration"
    paths = Paths("/token", "/me", "/jwks")


class OauthToolkit(PythonProgram, OidcPeer):
    """django-oauth-toolkit, which knows RS256 and no EdDSA."""

    name = "oauth-toolkit"
    algs = ("RS256",)
    live_path = "/o/.well-known/openid-configuration"
    paths = Paths("/o/token/", "/o/userinfo/", "/o/.well-known/jwks.json", "/o/.well-known/openid-configuration")
