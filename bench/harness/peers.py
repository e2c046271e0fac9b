"""Other account systems, each as its own documentation sets it up: what they are asked, and how they are started."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.contender import ENVIRONMENTS, NEW_PASSWORD, PASSWORD, SIGN_IN_SIZES, Contender, Load, granian_command
from harness.http import Answer, Jar
from harness.letters import BENCH
from harness.load import READY, Visitor

SESSIONS = 8
VERSION = re.compile(r'^ *"?(\S+?)"?(?:\[\w+\])?(?:==|: )"?(\d[\w.]+)', re.MULTILINE)


class PeerProgram(Contender):
    """A program in ``bench/peers/<name>``, with an environment of its own."""

    versions_file = ""

    def work_folder(self) -> Path:
        return BENCH / "peers" / self.name

    def describe(self) -> dict[str, str]:
        wanted = (self.work_folder() / self.versions_file).read_text(encoding="utf-8")
        return super().describe() | {"versions": ", ".join(" ".join(pair) for pair in VERSION.findall(wanted))}


class NodeProgram(PeerProgram):
    """A peer on node: ``server.mjs``, with what ``npm ci`` brings."""

    versions_file = "package.json"
    server = "node"

    def needs(self) -> Sequence[Path | str]:
        return ("node", self.work_folder() / "node_modules")

    @property
    def get_it(self) -> str:
        return f"npm ci in bench/peers/{self.name}, or make bench-peers"

    def serve_command(self) -> Sequence[str]:
        return ("node", "server.mjs")


class PythonProgram(PeerProgram):
    """A peer in Python: ``app.py`` makes the database when it is run, and is served after that."""

    versions_file = "requirements.in"

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.name / "bin" / "python"

    def needs(self) -> Sequence[Path | str]:
        return (self.python,)

    @property
    def get_it(self) -> str:
        return "make bench-peers"

    def seed_command(self) -> Sequence[str]:
        return (str(self.python), "app.py")

    def serve_command(self) -> Sequence[str]:
        return granian_command(self.python, "app:application", self.port)


class Peer(PeerProgram):
    """An account system among the peers: what it is asked, whatever it is written in."""

    def __init__(self, folder: Path, hash: str) -> None:
        super().__init__(folder, hash)
        self._sessions: list[Jar] = []

    def loads(self) -> Mapping[str, Load]:
        connections, most = SIGN_IN_SIZES[self.hash]
        while len(self._sessions) < SESSIONS:
            jar = Jar()
            self.drive(self._open_session(jar))
            self._sessions.append(jar)
        found = {
            "W1": Load(self._ask_as_member),
            "W2": Load(self._show_sign_in),
            "W3": Load(self._sign_in_again, connections, most),
            "W4": Load(self._forget, most=300),
            "W5": Load(self._show_link),
            "W5 whole": Load(self._follow_link),
            "W6": Load(self._sign_up, connections=4, most=100),
        }
        return {name: load for name, load in found.items() if name not in self.lacks}

    lacks: tuple[str, ...] = ()
    """Loads that it has no page or request for."""
    account_path = "/api/account"

    def _ask_as_member(self) -> Visitor:
        jar = self._sessions[next(self._new) % SESSIONS]
        return self.repeat(self.ask("GET", self.account_path, jar=jar, contains="@example.org"))

    def _show_sign_in(self) -> Visitor:
        raise NotImplementedError

    def _open_session(self, jar: Jar) -> Visitor:
        jar.update((yield from self._sign_in(jar, (yield from self._sign_in_form(jar)))))

    def _sign_in_again(self) -> Visitor:
        jar = Jar()
        hidden = yield from self._sign_in_form(jar)
        yield READY
        while True:
            yield from self._sign_in(jar, hidden)

    def _sign_in_form(self, jar: Jar) -> Visitor:
        yield from ()
        return {}

    def _sign_in(self, jar: Jar, hidden: dict[str, str]) -> Visitor:
        raise NotImplementedError

    def _forget(self) -> Visitor:
        jar = Jar()
        hidden = yield from self._forget_form(jar)
        yield READY
        while True:
            yield from self._forget_person(jar, hidden, self.next_person())

    def _forget_form(self, jar: Jar) -> Visitor:
        yield from ()
        return {}

    def _forget_person(self, jar: Jar, hidden: dict[str, str], email: str) -> Visitor:
        raise NotImplementedError

    def _fetch_link(self, jar: Jar) -> Visitor:
        email = self.next_person()
        self.letters.link_to(email)
        yield from self._forget_person(jar, (yield from self._forget_form(jar)), email)
        return (yield from self.wait_for_link(email))

    def _show_link(self) -> Visitor:
        jar = Jar()
        path = yield from self._fetch_link(jar)
        yield from self.repeat(self._link_ask(path, Jar()))

    def _link_ask(self, path: str, jar: Jar) -> Any:
        raise NotImplementedError

    def _follow_link(self) -> Visitor:
        path = yield from self._fetch_link(Jar())
        yield from self.repeat(self._link_ask(path, Jar()))

    def _sign_up(self) -> Visitor:
        raise NotImplementedError


class FlaskSecurity(PythonProgram, Peer):
    name = "flask-security"
    live_path = "/login"

    def _show_sign_in(self) -> Visitor:
        return self.repeat(self.ask("GET", "/login", contains="</form>"))

    def _sign_in_form(self, jar: Jar) -> Visitor:
        return self.open_form("/login", jar)

    def _sign_in(self, jar: Jar, hidden: dict[str, str]) -> Visitor:
        form = hidden | {"email": self.next_person(), "password": PASSWORD}
        answer: Answer = yield self.ask("POST", "/login", jar=jar, form=form, statuses=(302,))
        return answer

    def _forget_form(self, jar: Jar) -> Visitor:
        return self.open_form("/reset", jar)

    def _forget_person(self, jar: Jar, hidden: dict[str, str], email: str) -> Visitor:
        yield self.ask("POST", "/reset", jar=jar, form=hidden | {"email": email}, statuses=(200, 302))

    def _link_ask(self, path: str, jar: Jar) -> Any:
        return self.ask("GET", path, jar=jar, contains='name="password_confirm"')

    def _sign_up(self) -> Visitor:
        yield READY
        while True:
            jar, email = Jar(), self.new_person()
            hidden = yield from self.open_form("/register", jar)
            form = hidden | {"email": email, "password": NEW_PASSWORD}
            jar.update((yield self.ask("POST", "/register", jar=jar, form=form, statuses=(302,), ends_unit=False)))
            path = yield from self.wait_for_link(email)
            yield self.ask("GET", path, jar=jar, statuses=(302,))


class Allauth(PythonProgram, Peer):
    name = "allauth"
    live_path = "/accounts/login/"

    def _show_sign_in(self) -> Visitor:
        return self.repeat(self.ask("GET", "/accounts/login/", contains="</form>"))

    def _sign_in_form(self, jar: Jar) -> Visitor:
        return self.open_form("/accounts/login/", jar)

    def _sign_in(self, jar: Jar, hidden: dict[str, str]) -> Visitor:
        form = hidden | {"login": self.next_person(), "password": PASSWORD}
        answer: Answer = yield self.ask("POST", "/accounts/login/", jar=jar, form=form, statuses=(302,))
        return answer

    def _forget_form(self, jar: Jar) -> Visitor:
        return self.open_form("/accounts/password/reset/", jar)

    def _forget_person(self, jar: Jar, hidden: dict[str, str], email: str) -> Visitor:
        yield self.ask("POST", "/accounts/password/reset/", jar=jar, form=hidden | {"email": email}, statuses=(302,))

    def _link_ask(self, path: str, jar: Jar) -> Any:
        return self.ask("GET", path, jar=jar, statuses=(302,), contains="-set-password/")

    def _follow_link(self) -> Visitor:
        path = yield from self._fetch_link(Jar())
        yield READY
        while True:
            jar = Jar()
            answer: Answer = yield self.ask("GET", path, jar=jar, statuses=(302,), ends_unit=False)
            jar.update(answer)
            yield self.ask("GET", answer.header("location"), jar=jar, contains='name="password1"')

    def _sign_up(self) -> Visitor:
        yield READY
        while True:
            jar, email = Jar(), self.new_person()
            hidden = yield from self.open_form("/accounts/signup/", jar)
            form = hidden | {"email": email, "password1": NEW_PASSWORD}
            jar.update(
                (yield self.ask("POST", "/accounts/signup/", jar=jar, form=form, statuses=(302,), ends_unit=False))
            )
            path = yield from self.wait_for_link(email)
            yield self.ask("GET", path, jar=jar, statuses=(302,))


class FastapiUsers(PythonProgram, Peer):
    name = "fastapi-users"
    server = "uvicorn, uvloop"
    live_path = "/openapi.json"
    lacks = ("W2", "W5", "W5 whole")

    def serve_command(self) -> Sequence[str]:
        options = ["--host", "127.0.0.1", "--port", str(self.port), "--log-level", "warning"]
        return (str(self.python), "-m", "uvicorn", "app:application", *options)

    def _sign_in(self, jar: Jar, hidden: dict[str, str]) -> Visitor:
        form = {"username": self.next_person(), "password": PASSWORD}
        answer: Answer = yield self.ask(
            "POST", "/auth/login", form=form, statuses=(204,), contains="fastapiusersauth="
        )
        return answer

    def _forget_person(self, jar: Jar, hidden: dict[str, str], email: str) -> Visitor:
        yield self.ask("POST", "/auth/forgot-password", data={"email": email}, statuses=(202,))

    def _sign_up(self) -> Visitor:
        yield READY
        while True:
            email = self.new_person()
            data = {"email": email, "password": NEW_PASSWORD}
            yield self.ask("POST", "/auth/register", data=data, statuses=(201,), ends_unit=False)
            path = yield from self.wait_for_link(email)
            yield self.ask("POST", "/auth/verify", data={"token": path.partition("token=")[2]}, contains=email)


class BetterAuth(NodeProgram, Peer):
    name = "better-auth"
    live_path = "/api/auth/ok"
    lacks = ("W2",)
    account_path = "/api/auth/get-session"

    def headers(self) -> dict[str, str]:
        return super().headers() | {"Origin": f"http://127.0.0.1:{self.port}"}

    def _sign_in(self, jar: Jar, hidden: dict[str, str]) -> Visitor:
        data = {"email": self.next_person(), "password": PASSWORD}
        answer: Answer = yield self.ask("POST", "/api/auth/sign-in/email", data=data, contains='"token"')
        return answer

    def _forget_person(self, jar: Jar, hidden: dict[str, str], email: str) -> Visitor:
        data = {"email": email, "redirectTo": "/reset"}
        yield self.ask("POST", "/api/auth/request-password-reset", data=data, contains='"status":true')

    def _link_ask(self, path: str, jar: Jar) -> Any:
        return self.ask("GET", path, statuses=(302,), contains="/reset?token=")

    def _sign_up(self) -> Visitor:
        yield READY
        while True:
            email = self.new_person()
            data = {"email": email, "password": NEW_PASSWORD, "name": "New Person", "callbackURL": "/"}
            yield self.ask("POST", "/api/auth/sign-up/email", data=data, contains=email, ends_unit=False)
            path = yield from self.wait_for_link(email)
            yield self.ask("GET", path, statuses=(302,), contains="set-cookie")


PEERS: tuple[type[Peer], ...] = (FlaskSecurity, Allauth, FastapiUsers, BetterAuth)
