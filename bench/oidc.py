"""Tokens for codes, claims for tokens: this service beside npm's oidc-provider, in one run.

``make bench-oidc``, once ``npm ci`` has run in ``bench/peers/oidc-provider``. Both keep what they keep in SQLite
(WAL, ``synchronous=FULL``), ask for PKCE and the client secret, and sign with the same algorithm. Rounds take turns
in random order; what counts are the ratios within a round.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from load import Ask, Cost, cpu_seconds, run, wait_for

from accounts.config import Settings
from accounts.core.database import schema
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS, TOKENS
from accounts.flows.oidc import registration, tokens
from accounts.flows.oidc.registration_form import RegisterAppForm
from accounts.flows.shared import accounts
from accounts.flows.shared.accounts import NewCredentials

PEER = Path(__file__).parent / "peers" / "oidc-provider"
REDIRECT_URI = "https://rp.example.org/cb"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
ROUNDS, CODES, WARM_UP = int(os.environ.get("ROUNDS", "7")), 400, 3000
"""Rounds that count; exchanges (and userinfo requests) in each; exchanges before the first, for both."""


@dataclass
class Contender:
    """One server under test, and the client that asks it."""

    name: str
    origin: str
    token_path: str
    userinfo_path: str
    client_id: str = ""
    client_secret: str = ""
    process: subprocess.Popen[bytes] = field(init=False)

    def codes(self, count: int) -> list[str]:
        """Fresh authorization codes; making them is not measured."""
        raise NotImplementedError

    def round(self, count: int) -> tuple[Cost, Cost]:
        """Return what exchanges cost, and what userinfo costs with the tokens that they gave."""
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        said = {"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        asks = [Ask("POST", self.token_path, headers, urlencode(said | {"code": code})) for code in self.codes(count)]
        exchange, bodies = run(self.origin, self.process.pid, asks)
        given = [json.loads(body) for body in bodies]
        assert all(each["id_token"].count(".") == 2 for each in given)
        shown = [{"Authorization": f"Bearer {each['access_token']}"} for each in given]
        bearer = [Ask("GET", self.userinfo_path, each) for each in shown]
        userinfo, claims = run(self.origin, self.process.pid, bearer)
        assert all(json.loads(each)["email"] for each in claims)
        self.drain()
        return exchange, userinfo

    def drain(self) -> None:
        """Wait until the server has nothing left to do for this round."""
        used = -1.0
        while (now := cpu_seconds(self.process.pid)) - used > 0.02:
            used = now
            time.sleep(0.2)

    def answers(self) -> bool:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{self.origin}/.well-known/openid-configuration", timeout=2).read()  # noqa: S310 - loopback
            return True
        return False


class Ours(Contender):
    """``accounts serve``, as it comes: one process."""

    def start(self, folder: Path, alg: str) -> None:
        environ = os.environ | {
            "ACCOUNTS_PORT": self.origin.rpartition(":")[2],
            "ACCOUNTS_INSTANCE": str(folder),
            "ACCOUNTS_SECRET_KEYS": json.dumps([secrets.token_urlsafe(32)]),
        }
        self.site = Site(Settings.load(environ), LINKS, tokens=TOKENS)
        schema.upgrade(self.site.store)
        said = {"name": "Bench", "redirect_uris": [REDIRECT_URI], "trusted": True}
        app = RegisterAppForm.model_validate(said | {"id_token_signed_response_alg": alg})
        made = registration.register_app(UnitOfWork(self.site), app)
        self.client_id, self.client_secret = made.app.id, str(made.secret)
        with (uow := UnitOfWork(self.site)):
            chosen = NewCredentials(self.site.passwords.hash(secrets.token_urlsafe()), name="Person")
            self.person = accounts.create_account(uow, "person@example.org", chosen, locale="en")
        command = [sys.executable, "-m", "accounts", "serve"]
        self.process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def codes(self, count: int) -> list[str]:
        moment = int(time.time())
        return [
            self.site.signer.sign(
                tokens.AUTHORIZATION_CODE,
                tokens.AuthorizationCode(
                    account_id=self.person.id,
                    epoch=self.person.auth_epoch,
                    session_id="bench",
                    session_ends=moment + 86400,
                    auth_time=moment,
                    amr=("pwd",),
                    app_id=self.client_id,
                    redirect_uri=REDIRECT_URI,
                    challenge=CHALLENGE,
                    nonce="",
                    scope=("openid", "profile", "email"),
                    claims={},
                    acr=False,
                ),
            )
            for _ in range(count)
        ]


class Peer(Contender):
    """npm's oidc-provider on node."""

    def start(self, folder: Path, alg: str) -> None:
        self.client_id, self.client_secret = "bench", secrets.token_urlsafe(32)
        environ = os.environ | {
            "PORT": self.origin.rpartition(":")[2],
            "DATABASE": str(folder / "peer.db"),
            "ALG": alg,
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "REDIRECT_URI": REDIRECT_URI,
            "CHALLENGE": CHALLENGE,
            "NODE_ENV": "production",
        }
        self.process = subprocess.Popen(
            ["node", "server.mjs"], cwd=PEER, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def codes(self, count: int) -> list[str]:
        with urllib.request.urlopen(f"{self.origin}/bench/codes?n={count}", timeout=60) as answer:  # noqa: S310 - loopback
            found: list[str] = json.loads(answer.read())
        return found


def free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(alg: str) -> Iterator[tuple[Ours, Peer]]:
    """Both servers, each on its own port and database."""
    ours = Ours("accounts", f"http://127.0.0.1:{free_port()}", "/oauth/token", "/oauth/userinfo")
    peer = Peer("oidc-provider", f"http://127.0.0.1:{free_port()}", "/token", "/me")
    with tempfile.TemporaryDirectory() as folder:
        try:
            for each in (ours, peer):
                each.start(Path(folder), alg)
            for each in (ours, peer):
                wait_for(each.answers)
            yield ours, peer
        finally:
            for each in (ours, peer):
                each.process.terminate()
                each.process.wait(30)


def measure(alg: str) -> None:
    with running(alg) as pair:
        contenders: list[Contender] = list(pair)
        for each in contenders:
            for _ in range(WARM_UP // CODES):
                each.round(CODES)
        rounds: dict[str, list[tuple[Cost, Cost]]] = {each.name: [] for each in contenders}
        for _ in range(ROUNDS):
            for each in random.sample(contenders, 2):
                rounds[each.name].append(each.round(CODES))
    for number, what in enumerate(("code -> tokens", "userinfo")):
        print(f"\n{what}, {alg}, {ROUNDS} rounds of {CODES}: median [min-max]")
        for name, found in rounds.items():
            costs = [one[number] for one in found]
            print(f"  {name:14} {spread([c.cpu_us for c in costs])} us CPU   {spread([c.rate for c in costs])} req/s")
        both = list(zip(rounds["accounts"], rounds["oidc-provider"], strict=True))
        lead = [theirs[number].cpu_us / mine[number].cpu_us for mine, theirs in both]
        print(f"  oidc-provider / accounts, CPU: x{spread(lead, 2)}")


def spread(values: list[float], digits: int = 0) -> str:
    return f"{statistics.median(values):,.{digits}f} [{min(values):,.{digits}f}-{max(values):,.{digits}f}]"


if __name__ == "__main__":
    for alg in sys.argv[1:] or ["EdDSA", "RS256"]:
        measure(alg)
