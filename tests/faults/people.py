"""People in a closed loop: each walks the whole of the main job, and writes down what it was told."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.faults.journal import Journal
from tests.people import token_of_url
from tests.servers.received import find_link
from tests.servers.smtp import SmtpSink

PATIENCE = 150.0
"""Seconds that one step may take, whatever happens meanwhile."""
REDIRECT_URI = "http://localhost:1/cb"


class GaveUp(Exception):
    """A step took too long. What it would have been told is not known, and not in the journal."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    location: str
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class World:
    """What the people of one run share.

    :ivar origins: where the serving processes are.
    """

    origins: Sequence[str]
    journal: Journal
    sink: SmtpSink
    client: tuple[str, str] = ("", "")
    stop: threading.Event = field(default_factory=threading.Event)


@dataclass
class Browser:
    """A browser that speaks JSON to whichever process listens, from a network of its own."""

    world: World
    network: str
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Answer:
        """Ask until there is an answer: asking changes nothing."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = self._try("GET", path, None, {})
            if answer is not None and answer.status != 503:
                return answer
            if time.monotonic() > end:
                raise GaveUp(path)
            time.sleep(0.2)

    def post(self, path: str, data: Any, *, method: str = "POST") -> Answer | None:
        """Ask once; None where it was sent, and no answer came, or one that says nothing of what was done (503)."""
        token = self.get("/api/csrf").json["csrf_token"]
        headers = {"Content-Type": "application/json", "X-CSRF-Token": token}
        answer = self._try(method, path, json.dumps(data), headers)
        return None if answer is None or answer.status == 503 else answer

    def send_form(self, path: str, form: Mapping[str, str]) -> Answer | None:
        basic = base64.b64encode(":".join(self.world.client).encode()).decode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {basic}"}
        answer = self._try("POST", path, urlencode(form), headers)
        return None if answer is None or answer.status == 503 else answer

    def _try(self, method: str, path: str, body: str | None, headers: Mapping[str, str]) -> Answer | None:
        connection = self._connect()
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, {**headers, "Cookie": cookies, "X-Forwarded-For": self.network})
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException):
            self.world.journal.note("cut off", path=path.partition("?")[0])
            return None
        finally:
            connection.close()
        for line in response.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self.cookies.pop(name, None)
                if morsel.value:
                    self.cookies[name] = morsel.value
        self.world.journal.note("answer", path=path.partition("?")[0], status=response.status)
        return Answer(response.status, response.headers.get("Location") or "", text)

    def _connect(self) -> HTTPConnection:
        """Connect to the first process that listens: one in front of them would know which does."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for origin in secrets.SystemRandom().sample(list(self.world.origins), len(self.world.origins)):
                connection = HTTPConnection(urlsplit(origin).netloc, timeout=60)
                try:
                    connection.connect()
                    return connection
                except OSError:
                    self.world.journal.note("nobody listens")
            time.sleep(0.1)
        raise GaveUp("nobody listens")


class Person:
    """Somebody with an address, who signs up, or is invited, and then does all there is to do."""

    def __init__(self, world: World, email: str, network: str) -> None:
        self.world, self.email, self.journal = world, email, world.journal
        self.browser = Browser(world, network)
        self.passwords = [secrets.token_urlsafe(16)]
        """Those that may be the password now: several where an answer did not come."""

    def join(self) -> None:
        """Get an account by one's own request."""
        self.ask_for_letter(self.browser, "/api/sign-up", {"email": self.email}, "sign-up")
        self._join_by_link("activate", "sign-up")

    def join_invited(self, admin: Browser) -> None:
        """Get an account because somebody has asked for it."""
        self.ask_for_letter(admin, "/api/admin/invites", {"email": self.email}, "invite")
        self._join_by_link("invite", "invite")

    def _join_by_link(self, purpose: str, about: str) -> None:
        if self._use_link(purpose, about, self.passwords[0], 201):
            self.journal.note("account", email=self.email)

    def live(self) -> None:
        """Sign in, change the password, forget it, sign in to an app."""
        self._sign_in()
        new = secrets.token_urlsafe(16)
        answer = self.browser.post("/api/account/password", {"current_password": self.passwords[0], "password": new})
        self.note_password(new, answer, (200,))
        self._sign_in()
        self.ask_for_letter(self.browser, "/api/forgot-password", {"email": self.email}, "reset-password")
        new = secrets.token_urlsafe(16)
        # Maybe, before it is sent: where no answer comes, nobody knows.
        self.passwords.append(new)
        if self._use_link("reset-password", "reset-password", new, 200):
            self.passwords = [new]
            self.journal.note("letter", to=self.email, about="password-changed")
        else:
            self.journal.note("letter?", to=self.email, about="password-changed")
        self.browser.cookies.clear()
        self._sign_in()
        self._sign_in_to_app()

    def ask_for_letter(self, browser: Browser, path: str, data: Any, about: str) -> None:
        """Ask until it is acknowledged."""
        end = time.monotonic() + PATIENCE
        while True:
            asked_at = time.monotonic()
            answer = browser.post(path, data)
            if answer is not None and answer.status == 202:
                self.journal.note("letter", to=self.email, about=about)
                self._await_letter(about, asked_at)
                return
            self.journal.note("letter?", to=self.email, about=about)
            if answer is not None and answer.status < 500:
                self.unexpected(f"{path}: {answer.status} {answer.text[:200]}")
            if time.monotonic() > end:
                raise GaveUp(path)
            time.sleep(0.5)

    def _await_letter(self, about: str, asked_at: float) -> None:
        purpose = {"sign-up": "activate"}.get(about, about)
        while self._find_url(purpose) is None:
            if time.monotonic() - asked_at > PATIENCE:
                raise GaveUp(f"no {about} letter")
            time.sleep(0.05)
        self.journal.note("delay", seconds=round(time.monotonic() - asked_at, 2))

    def _find_url(self, purpose: str) -> str | None:
        for mail in reversed(list(self.world.sink.messages)):
            if self.email in mail.recipients and (url := find_link(mail.message, purpose)):
                return url
        return None

    def _use_link(self, purpose: str, about: str, password: str, good: int) -> bool:
        """Use the newest link twice at once; return whether one was accepted for sure."""
        url = self._find_url(purpose)
        if url is None:
            raise GaveUp(f"no {purpose} link")
        data = {"token": token_of_url(url), "password": password}
        answers: list[Answer | None] = []

        def use() -> None:
            try:
                answers.append(Browser(self.world, self.browser.network).post(f"/api/l/{purpose}", data))
            except GaveUp:
                answers.append(None)

        threads = [threading.Thread(target=use) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        accepted = sum(answer is not None and answer.status == good for answer in answers)
        self.journal.note("pair", email=self.email, about=about, accepted=accepted)
        if not accepted and None not in answers:
            self.unexpected(f"{purpose}: {[answer.status for answer in answers if answer]}")
        return bool(accepted)

    def note_password(self, new: str, answer: Answer | None, good: tuple[int, ...]) -> None:
        """Remember what the password may be now."""
        if answer is None:
            self.passwords.append(new)
            self.journal.note("letter?", to=self.email, about="password-changed")
        elif answer.status in good:
            self.passwords = [new]
            self.journal.note("letter", to=self.email, about="password-changed")
        else:
            self.unexpected(f"password: {answer.status} {answer.text[:200]}")

    def _sign_in(self) -> None:
        if not self.find_password():
            # Not acknowledged, or it is found missing at the end, when everybody is looked for.
            raise GaveUp("no way in")
        said = self.browser.get("/api/account")
        if said.status == 200 and said.json["email"] != self.email:
            self.unexpected(f"was taken for {said.json['email']}")

    def find_password(self) -> bool:
        """Sign in with whatever the password may be; forget all others."""
        for _ in range(20):
            answers = {}
            for password in reversed(self.passwords):
                answer = self.browser.post("/api/sign-in", {"email": self.email, "password": password})
                answers[password] = answer
                if answer is not None and answer.status == 200:
                    self.passwords = [password]
                    return True
            if None not in answers.values():
                return False
            time.sleep(0.5)
        raise GaveUp("sign-in")

    def _sign_in_to_app(self) -> None:
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asks = {"client_id": self.world.client[0], "redirect_uri": REDIRECT_URI, "response_type": "code"}
        asks |= {"scope": "openid email offline_access", "code_challenge": challenge, "code_challenge_method": "S256"}
        found = self.browser.get(f"/oauth/authorize?{urlencode({**asks, 'state': 's', 'nonce': 'n'})}")
        code = parse_qs(urlsplit(found.location).query).get("code", [""])[0]
        if not code:
            return self.unexpected(f"authorize: {found.status} {found.location[:100]}")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI}
        answer = self.browser.send_form("/oauth/token", form | {"code_verifier": verifier})
        for _ in range(2):
            if answer is None:
                return None  # nobody knows whether the code is used up
            if answer.status != 200:
                return self.unexpected(f"token: {answer.status} {answer.text[:200]}")
            self.journal.note("tokens", email=self.email)
            form = {"grant_type": "refresh_token", "refresh_token": answer.json["refresh_token"]}
            answer = self.browser.send_form("/oauth/token", form)
        return None

    def unexpected(self, said: str) -> None:
        """Write down an answer that should not have been."""
        self.journal.note("unexpected", email=self.email, said=said)
