"""Keys are rotated and dropped while processes serve: nobody loses a session or a link that should live."""

from __future__ import annotations

import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from accounts.core.signing.key_file import RELOAD_INTERVAL_SECONDS, FileKeyRing
from tests.e2e.client import PATIENCE, Client, mailed_token
from tests.e2e.conftest import Start, Visit
from tests.e2e.running import ACCOUNTS, Process, free_port
from tests.people import PASSWORD, token_of_url
from tests.servers.smtp import SmtpSink

pytestmark = pytest.mark.timeout(300)
WAIT = 3
"""Seconds between accepting and signing here; an operator has a minute."""
CROSSING, PACE = 4, 0.5
"""Accounts that sign in at one process and go on at another, and seconds between two of their sign-ins."""
BREATH = 0.02
"""Seconds between two rounds of people who only look: the operator wants a processor, too."""


def run(process: Process, *command: str) -> str:
    """A command of the operator beside the running service."""
    done = subprocess.run(
        [*ACCOUNTS, *command],
        env=dict(process.environ),
        cwd=process.folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def make_kept(make_process: Start) -> Start:
    """Makes processes of one installation that has its ring in a file. Limits are for other tests: how often people
    sign in here until a key was rotated says how busy the machine is.
    """

    def make(*command: str, **settings: Any) -> Process:
        process = make_process(*command, development_no_limits="true", **settings)
        environ = {name: value for name, value in process.environ.items() if name != "ACCOUNTS_SECRET_KEYS"}
        process.environ = environ
        return process

    return make


@pytest.fixture
def two(make_kept: Start) -> tuple[Process, Process]:
    """Two processes of one installation that serve."""
    port = free_port()
    one, other = make_kept(port=port), make_kept(public_origin=f"http://127.0.0.1:{port}")
    one.start_and_answer()
    other.start_and_answer()
    return one, other


def ring_of(process: Process) -> FileKeyRing:
    return FileKeyRing(Path(process.environ["ACCOUNTS_INSTANCE"]) / "secret-keys")


def first_admin(process: Process, visit: Visit) -> Client:
    admin = visit(process)
    data = {"token": token_of_url(process.first_admin_link), "email": "admin@example.org", "password": PASSWORD}
    assert admin.post("/api/l/invite", data).status == 201
    return admin


def printed_token(process: Process, email: str) -> str:
    """An invitation that the operator prints."""
    return token_of_url(run(process, "invites", "create", email, "--print").strip())


def invited(admin: Client, post_office: SmtpSink, email: str) -> str:
    """An invitation that is mailed: signed by whichever process carries the letter."""
    assert admin.post("/api/admin/invites", {"email": email}).status == 202
    return mailed_token(post_office, email, "invite")


@dataclass
class Traffic:
    """People who use sessions and links at all processes in turn, until told to stop."""

    origins: list[str]
    cookies: dict[str, str]
    tokens: list[str]
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    done: threading.Event = field(default_factory=threading.Event)

    def session(self, number: int) -> None:
        """Look at one's account, with a cookie that goes along from process to process."""
        clients = [Client(origin, dict(self.cookies)) for origin in self.origins]
        while not self.done.is_set():
            for client in clients:
                self.answers["session", client.get("/api/account").status] += 1
            self.done.wait(BREATH)
        for client in clients:
            client.close()

    def links(self, number: int) -> None:
        """Look at links that were mailed before."""
        clients = [Client(origin) for origin in self.origins]
        while not self.done.is_set():
            for token in self.tokens:
                for client in clients:
                    self.answers["link", client.get(f"/api/l/invite?token={token}").status] += 1
            self.done.wait(BREATH)
        for client in clients:
            client.close()

    def sign_ins(self, number: int) -> None:
        """Sign in at one process, and go on at the next with that very cookie."""
        turn = 0
        while not self.done.is_set():
            first, second = (Client(self.origins[(turn + step) % len(self.origins)]) for step in (0, 1))
            turn += 1
            data = {"email": f"crossing{turn % CROSSING}@example.org", "password": PASSWORD}
            self.answers["sign-in", first.post("/api/sign-in", data).status] += 1
            second.cookies = first.cookies
            self.answers["carried on", second.get("/api/account").status] += 1
            first.close()
            second.close()
            # The processor is for the others, too: a sign-in hashes a password.
            self.done.wait(PACE)

    def letters(self, admin: Client, post_office: SmtpSink, open_link: Callable[[str], int]) -> None:
        """Have links mailed, which the workers sign with whatever key signs, and open them at once elsewhere."""
        number = 0
        while not self.done.is_set():
            number += 1
            email = f"mailed{number}@example.org"
            self.answers["mailed", open_link(invited(admin, post_office, email))] += 1


def rotate_under_load(
    origins: list[str], process: Process, visit: Visit, post_office: SmtpSink, admin: Client
) -> Traffic:
    """What became of everybody's requests while a key was added and began to sign."""
    for number in range(CROSSING):
        data = {"token": invited(admin, post_office, f"crossing{number}@example.org"), "password": PASSWORD}
        assert visit(process).post("/api/l/invite", data).status == 201
    tokens = [invited(admin, post_office, f"waiting{number}@example.org") for number in range(2)]
    traffic = Traffic(origins, admin.cookies, tokens)
    there = Client(origins[-1])
    ring = ring_of(process)
    before = ring.signing
    with ThreadPoolExecutor(4) as pool:
        working = [pool.submit(work, 0) for work in (traffic.session, traffic.links, traffic.sign_ins)]
        working.append(
            pool.submit(
                traffic.letters,
                admin,
                post_office,
                lambda token: there.get(f"/api/l/invite?token={token}").status,
            )
        )
        try:
            time.sleep(1)
            run(process, "keys", "rotate", "--in", str(WAIT))
            time.sleep(WAIT + RELOAD_INTERVAL_SECONDS + 2)
            # However slow the machine is, somebody signs in after the new key took over.
            late = visit(process)
            late.post("/api/sign-in", {"email": "crossing0@example.org", "password": PASSWORD})
        finally:
            traffic.done.set()
        for each in working:
            each.result()
    there.close()
    assert ring.signing != before
    assert ring.entries[-1].key == ring.signing
    return traffic


def lost(traffic: Traffic) -> dict[tuple[str, int], int]:
    return {what: count for what, count in traffic.answers.items() if what[1] != 200}


def test_a_rotation_while_two_processes_serve_loses_no_link_and_no_session(
    two: tuple[Process, Process], visit: Visit, post_office: SmtpSink
) -> None:
    one, other = two
    admin = first_admin(one, visit)
    traffic = rotate_under_load([one.origin, other.origin], one, visit, post_office, admin)
    assert lost(traffic) == {}
    kinds = {what for what, _ in traffic.answers}
    assert kinds == {"session", "link", "sign-in", "carried on", "mailed"}
    assert sum(traffic.answers.values()) > 100, traffic.answers
    signed = [line.split() for line in run(one, "keys", "list").splitlines()]
    assert sum(1 for cells in signed if cells[:1] == ["session"]) == 2, "both keys have signed sessions"
    assert sum(1 for cells in signed if cells[:1] == ["invite"]) == 2, "and links"


def test_a_rotation_while_two_workers_of_one_service_work_loses_nothing(
    make_kept: Start, visit: Visit, post_office: SmtpSink
) -> None:
    process = make_kept("serve", "--workers", "2")
    process.start()
    process.wait_until(lambda: process.ready)
    process.wait_until(lambda: len(process.children) == 2)
    admin = first_admin(process, visit)
    # Connections are spread over the workers; whoever has many of them meets both.
    traffic = rotate_under_load([process.origin] * 4, process, visit, post_office, admin)
    assert lost(traffic) == {}
    assert sum(traffic.answers.values()) > 100, traffic.answers


def test_a_dropped_key_is_dead_in_both_processes_within_a_second_or_so(
    two: tuple[Process, Process], visit: Visit
) -> None:
    one, other = two
    admin = first_admin(one, visit)
    token = printed_token(one, "waiting@example.org")
    old = ring_of(one).signing.name
    run(one, "keys", "rotate", "--in", "2")
    time.sleep(2.5)
    young = printed_token(one, "young@example.org")
    text = run(one, "keys", "drop", old, "--yes")
    assert "admin@example.org" in text
    assert "waiting@example.org" in text
    time.sleep(RELOAD_INTERVAL_SECONDS + 0.5)
    for process in (one, other):
        client = visit(process)
        dead = client.get(f"/api/l/invite?token={token}")
        assert (dead.status, dead.json["code"]) == (400, "link_invalid")
        assert client.get(f"/api/l/invite?token={young}").status == 200
        client.cookies = admin.cookies
        assert client.get("/api/account").status == 401


def test_an_emergency_drop_of_the_only_key_needs_no_restart(two: tuple[Process, Process], visit: Visit) -> None:
    one, other = two
    admin = first_admin(one, visit)
    text = run(one, "keys", "drop", ring_of(one).signing.name, "--emergency")
    assert "admin@example.org" in text
    time.sleep(RELOAD_INTERVAL_SECONDS + 0.5)
    for process, next_one in ((one, other), (other, one)):
        client = visit(process)
        client.cookies = dict(admin.cookies)
        assert client.get("/api/account").status == 401
        again = {"email": "admin@example.org", "password": PASSWORD}
        assert client.post("/api/sign-in", again).status == 200
        elsewhere = visit(next_one)
        elsewhere.cookies = client.cookies
        assert elsewhere.get("/api/account").status == 200
