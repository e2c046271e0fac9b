"""What drives a service beside its model: browsers, mails, a clock, and what must hold after every step."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import time_machine
from hypothesis.stateful import RuleBasedStateMachine, invariant
from werkzeug.test import TestResponse

from accounts.core.errors import Problem
from accounts.core.links.opening import open_link
from accounts.flows.sessions import session as sessions
from tests.adversary.model import ModelAccount, ModelLink, ModelSession, World
from tests.people import Person, Service
from tests.servers.smtp import links as links_in

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
TOKEN = re.compile(r"/l/([a-z-]+)/([^/]+)/go$")
ABOUT_ADDRESSES = ("activate", "invite")
BROWSERS = (0, 1)
_days = count()


class Driven(RuleBasedStateMachine):
    """Two browsers, a few accounts, and whoever reads all their mails.

    :param reached: counts what has happened, over all runs: a machine that never gets anywhere proves nothing.
    """

    def __init__(self, service: Service, reached: Counter[str]) -> None:
        super().__init__()
        self.service, self.world, self.reached = service, World(), reached
        # A day of its own: no limit and no mark of an earlier run counts in this one.
        self.traveller = time_machine.travel(NOON + timedelta(days=next(_days)), tick=False)
        self.clock = self.traveller.start()
        self.browsers = [service.person() for _ in BROWSERS]
        self.held: dict[int, ModelSession | None] = dict.fromkeys(BROWSERS)
        self.known: dict[int, list[ModelAccount]] = {number: [] for number in BROWSERS}
        self.visitor = service.person()
        self.tries: Counter[tuple[object, ...]] = Counter()
        service.deliver()
        self.read = len(service.sink.messages)

    def post(self, person: Person, path: str, said: dict[str, Any] | None = None) -> TestResponse:
        self.clock.shift(2)
        answer = person.post(path, said)
        assert answer.status_code < 500, f"{path}: {answer.get_data(as_text=True)}"
        return answer

    def mails(self, account: ModelAccount | None = None) -> list[ModelLink]:
        """The links that were mailed just now, into the model."""
        self.service.deliver()
        found = []
        for mail in self.service.sink.messages[self.read :]:
            for match in filter(None, map(TOKEN.search, links_in(mail.message))):
                purpose, token = match.groups()
                about = None if purpose in ABOUT_ADDRESSES else account
                state = about.state(purpose) if about else ()
                found.append(ModelLink(purpose, token, mail.recipients[0], about, state))
        self.read = len(self.service.sink.messages)
        self.world.links += found
        return found

    def limited(self, limit: int, *what: object) -> bool:
        """Count a try; whether it comes after the limit."""
        self.tries[what] += 1
        return self.tries[what] > limit

    def current(self, number: int) -> ModelSession | None:
        session = self.held[number]
        return session if session is not None and session.alive else None

    def take_session(self, number: int, account: ModelAccount, *, fresh: bool, renewed: bool = False) -> None:
        """The browser has a new session; ``renewed``: in place of the one it had."""
        old = self.held[number]
        if renewed and old is not None:
            old.ended = True
        cookie = self.browsers[number].client.get_cookie("session")
        assert cookie is not None
        session = ModelSession(cookie.value, account, account.epoch, fresh)
        self.world.sessions.append(session)
        self.held[number] = session
        if account not in self.known[number]:
            # A device remembers the five accounts that were the last to come.
            self.known[number] = [account, *self.known[number]][:5]

    def any_account(self, pick: int) -> ModelAccount:
        return self.world.accounts[pick % len(self.world.accounts)]

    def usable(self, link: ModelLink) -> int | None:
        """A browser in which a link may be used now."""
        about = self.world.about(link)
        for number in BROWSERS if self.world.alive(link) else ():
            session = self.current(number)
            needs_session = link.purpose == "change-email" or (link.purpose == "invite" and about is not None)
            if session is None and not needs_session:
                return number
            right = session is not None and session.account is about
            if right and session is not None and (session.fresh or link.purpose != "change-email"):
                return number
        return None

    # What holds after every step

    @invariant()
    def every_link_is_alive_exactly_when_the_model_says_so(self) -> None:
        uow = self.service.uow()
        for link in self.world.links:
            try:
                open_link(uow, self.service.house.links[link.purpose], link.token)
                alive, why = True, "alive"
            except Problem as dead:
                alive, why = False, f"{dead.code}: {dead}"
            assert alive == self.world.alive(link), (link, why)
        uow.close()

    @invariant()
    def every_session_is_alive_exactly_when_the_model_says_so(self) -> None:
        uow = self.service.uow()
        for session in self.world.sessions:
            stated = sessions.read(self.service.house, session.cookie)
            assert stated is not None
            assert (sessions.current(uow, stated) is not None) == session.alive, session

    def teardown(self) -> None:
        """The same once more from outside, for everything there ever was."""
        client = self.service.app.test_client(use_cookies=False)
        try:
            for link in self.world.links:
                answer = self.visitor.get(f"/api/l/{link.purpose}", query_string={"token": link.token})
                assert answer.status_code in ((200,) if self.world.alive(link) else (400, 409, 410)), link
            for session in self.world.sessions:
                answer = client.get("/api/account", headers={"Cookie": f"session={session.cookie}"})
                assert answer.status_code == (200 if session.alive else 401), session
        finally:
            self.traveller.stop()
