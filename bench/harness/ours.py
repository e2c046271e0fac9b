"""The service itself in production, asked over HTTP and set up by its own commands, so that any version can be."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from argon2 import PasswordHasher

from harness.contender import HASHES, NEW_PASSWORD, PASSWORD, PEOPLE, ROOT, SIGN_IN_SIZES, THREADS, Contender, Load
from harness.http import Answer, Jar
from harness.letters import BENCH, Sink
from harness.load import READY, Visitor
from harness.oidc import CHALLENGE, CODES, REDIRECT_URI, Paths, Relying
from harness.process import Missing

ORIGIN, WIKI = "https://accounts.example.org", "wiki.example.org"
SESSIONS = 16


class Ours(Contender):
    """``accounts serve``: one process, SQLite with ``synchronous=FULL``, limits counted, log lines to a file.

    Behind a proxy that names a new network for each sign-in and each request for a letter, so that no limit is met.

    :param workers: processes that serve.
    :param alg: what signs ID tokens.
    """

    name = "accounts"
    server = f"accounts serve ({THREADS} threads) in production, limits enforced"
    live_path = "/health/live"
    codes, letters_a_round = CODES, 300
    """How many are made for one round at most. They take their time."""
    paths = Paths("/oauth/token", "/oauth/userinfo", "/oauth/jwks")

    def __init__(self, folder: Path, hash: str, *, workers: int = 1, alg: str = "EdDSA") -> None:
        super().__init__(folder, hash)
        self._workers, self._alg = workers, alg
        self._sink = Sink(folder)
        self.letters = self._sink.letters
        self._keys = json.dumps([secrets.token_urlsafe(32)])
        self._sessions: list[tuple[Jar, str]] = []
        self.client = ("", "")
        self.bytes_per_account = 0.0

    def environ(self) -> dict[str, str]:
        given = {
            "ACCOUNTS_ENV": "production",
            "ACCOUNTS_PORT": str(self.port),
            "ACCOUNTS_PUBLIC_ORIGIN": ORIGIN,
            "ACCOUNTS_INSTANCE": str(self.folder),
            "ACCOUNTS_SECRET_KEYS": self._keys,
            "ACCOUNTS_MAIL_SERVER": "127.0.0.1",
            "ACCOUNTS_MAIL_PORT": str(self._sink.port),
            "ACCOUNTS_TRUSTED_PROXIES": "1",
            "PYTHONPATH": f"{ROOT}:{BENCH}",
        }
        return super().environ() | given

    def serve_command(self) -> Sequence[str]:
        module = "accounts" if self.hash == "owasp" else "harness.cheap_hash"
        return [sys.executable, "-m", module, "serve", "--workers", str(self._workers)]

    def seed(self) -> None:
        memory, passes = HASHES[self.hash]
        hashed = PasswordHasher(time_cost=passes, memory_cost=memory, parallelism=1).hash(PASSWORD)
        people = self.folder / "people.jsonl"
        with people.open("w", encoding="utf-8") as file:
            for number in range(PEOPLE):
                row = {"email": f"person{number}@example.org", "password_hash": hashed, "name": f"Person {number}"}
                file.write(json.dumps(row) + "\n")
        self.command("upgrade")
        size = self._database_size()
        self.command("import", str(people), "--confirmed")
        self.bytes_per_account = (self._database_size() - size) / PEOPLE
        words = ("--redirect", REDIRECT_URI, "--trusted", "--alg", self._alg, "--json")
        registered = json.loads(self.command("apps", "add", "Bench", *words))
        self.client = (registered["id"], registered["secret"])
        self.command("apps", "add", "Wiki", "--origin", f"https://{WIKI}")

    def _database_size(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("accounts.db*"))

    def command(self, *words: str) -> str:
        """Run a command of the console; what it prints.

        :raises Missing: it failed.
        """
        line = [sys.executable, "-m", "accounts", *words]
        done = subprocess.run(line, env=self.environ(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"{self.name}: accounts {' '.join(words[:2])}: {done.stderr[-800:]}")
        return done.stdout

    def stop(self) -> None:
        self._sink.release()
        super().stop()
        self._sink.stop()

    def hold_letters(self) -> None:
        """Keep the mail server from answering: what a request costs is told apart from its letter."""
        self._sink.hold()

    def release_letters(self) -> int:
        """Let letters go out until none is left; how many have gone out."""
        before = self.letters.read()
        self._sink.release()
        self.process.drain()
        return self.letters.read() - before

    def headers(self, network: str = "10.0.0.1") -> dict[str, str]:
        forwarded = {"X-Forwarded-For": network, "X-Forwarded-Proto": "https"}
        return super().headers() | {"Host": urlsplit(ORIGIN).netloc} | forwarded

    def elsewhere(self) -> dict[str, str]:
        """Return headers of somebody in a network that nobody has been in."""
        number = next(self._networks)
        return {"X-Forwarded-For": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"}

    def loads(self) -> Mapping[str, Load]:
        connections, most = SIGN_IN_SIZES[self.hash]
        self._open_sessions()
        return {
            "W1": Load(lambda: self._ask_as_member("/api/account", '"email"')),
            "W1 page": Load(lambda: self._ask_as_member("/account", "</html>")),
            "W2": Load(lambda: self.repeat(self.ask("GET", "/sign-in", contains="</form>"))),
            "W3": Load(self._sign_in_again, connections, most),
            "W4": Load(self._forget, most=self.letters_a_round, before=self.hold_letters, after=self.release_letters),
            "W5": Load(self._show_link),
            "W5 whole": Load(self._follow_link),
            "W6": Load(self._sign_up, connections=4, most=100),
            "W6 pages": Load(self._sign_up_by_pages, connections=4, most=100),
            "forward-auth": Load(self._pass_proxy),
            **Relying(self, self.codes).loads(),
        }

    def _post_sign_in(self, jar: Jar, hidden: dict[str, str]) -> Visitor:
        form = hidden | {"email": self.next_person(), "password": PASSWORD}
        answer: Answer = yield self.ask(
            "POST", "/sign-in", jar=jar, form=form, headers=self.elsewhere(), statuses=(303,)
        )
        return answer

    def _open_sessions(self) -> None:
        def visit(jar: Jar) -> Visitor:
            hidden = yield from self.open_form("/sign-in", jar)
            jar.update((yield from self._post_sign_in(jar, hidden)))
            answer: Answer = yield self.ask("GET", "/api/account", jar=jar, contains='"email"')
            return str(answer.json()["email"])

        while len(self._sessions) < SESSIONS:
            jar = Jar()
            self._sessions.append((jar, self.drive(visit(jar))))

    def _member(self) -> Jar:
        return self._sessions[next(self._new) % SESSIONS][0]

    def _ask_as_member(self, path: str, contains: str) -> Visitor:
        return self.repeat(self.ask("GET", path, jar=self._member(), contains=contains))

    def _sign_in_again(self) -> Visitor:
        # A visitor's cookie is as good as it was: each turn is another person in another network.
        jar = Jar()
        hidden = yield from self.open_form("/sign-in", jar)
        yield READY
        while True:
            yield from self._post_sign_in(jar, hidden)

    def _forget(self) -> Visitor:
        jar = Jar()
        hidden = yield from self.open_form("/forgot-password", jar)
        yield READY
        while True:
            yield self.ask(
                *("POST", "/forgot-password"),
                jar=jar,
                form=hidden | {"email": self.next_person()},
                headers=self.elsewhere(),
                statuses=(303,),
            )

    def _fetch_link(self) -> Visitor:
        jar, email = Jar(), self.next_person()
        self.letters.link_to(email)
        hidden = yield from self.open_form("/forgot-password", jar)
        form = hidden | {"email": email}
        yield self.ask(
            "POST", "/forgot-password", jar=jar, form=form, headers=self.elsewhere(), statuses=(303,), ends_unit=False
        )
        return (yield from self.wait_for_link(email))

    def _show_link(self) -> Visitor:
        jar = Jar()
        jar.update((yield self.ask("GET", (yield from self._fetch_link()), statuses=(303,))))
        yield from self.repeat(self.ask("GET", "/l/reset-password", jar=jar, contains="</form>"))

    def _follow_link(self) -> Visitor:
        path = yield from self._fetch_link()
        yield READY
        while True:
            jar = Jar()
            jar.update((yield self.ask("GET", path, statuses=(303,), ends_unit=False)))
            yield self.ask("GET", "/l/reset-password", jar=jar, contains="</form>")

    def _sign_up(self) -> Visitor:
        yield READY
        while True:
            email, headers = self.new_person(), self.elsewhere()
            yield self.ask(
                *("POST", "/api/sign-up"), data={"email": email}, headers=headers, statuses=(202,), ends_unit=False
            )
            path = yield from self.wait_for_link(email)
            data = {"token": path.split("/")[3], "password": NEW_PASSWORD, "name": "New Person"}
            yield self.ask("POST", "/api/l/activate", data=data, headers=headers, statuses=(201,))

    def _sign_up_by_pages(self) -> Visitor:
        yield READY
        while True:
            jar, email, headers = Jar(), self.new_person(), self.elsewhere()
            hidden = yield from self.open_form("/sign-up", jar)
            form = hidden | {"email": email}
            yield self.ask("POST", "/sign-up", jar=jar, form=form, headers=headers, statuses=(303,), ends_unit=False)
            path = yield from self.wait_for_link(email)
            opened: Answer = yield self.ask("GET", path, jar=jar, statuses=(303,), ends_unit=False)
            jar.update(opened)
            hidden = yield from self.open_form("/l/activate", jar)
            form = hidden | {"password": NEW_PASSWORD, "name": "New Person"}
            yield self.ask("POST", "/l/activate", jar=jar, form=form, headers=headers, statuses=(303,))

    def _pass_proxy(self) -> Visitor:
        wiki, jar = {"X-Forwarded-Host": WIKI, "X-Forwarded-Uri": "/page", "X-Forwarded-Method": "GET"}, Jar()
        path, headers = "/forward-auth/start?to=/page", wiki
        for member in (jar, self._member(), jar):
            answer: Answer = yield self.ask(
                "GET", path, jar=member, headers=headers, statuses=(302, 303), ends_unit=False
            )
            member.update(answer)
            target = urlsplit(answer.header("location"))
            path = f"{target.path}?{target.query}"
            headers = wiki if target.netloc == WIKI else {}
        yield from self.repeat(self.ask("GET", "/forward-auth", jar=jar, headers=wiki, contains="person"))

    def fetch_codes(self, count: int, scope: str) -> list[str]:
        """Return codes of a signed-in person, for an app that asks no consent."""
        query = {
            "client_id": self.client[0],
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
            "scope": scope,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }

        def visit() -> Visitor:
            codes = []
            for _ in range(count):
                ask = self.ask("GET", f"/oauth/authorize?{urlencode(query)}", jar=self._member(), statuses=(302, 303))
                answer: Answer = yield ask
                codes += parse_qs(urlsplit(answer.header("location")).query)["code"]
            return codes

        found: list[str] = self.drive(visit())
        return found
