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
from accounts.core.links.link import get_link
from accounts.core.links.opening import open_link
from accounts.flows.sessions import session as sessions
from tests.adversary.model import (
    DIES_WITH,
    FOR_WHOEVER_HOLDS,
    HELD_BY_NOBODY,
    ModelAccount,
    ModelLink,
    ModelSession,
    World,
)
from tests.people import Person, Service
from tests.servers.received import links as links_in

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
LINK_PATTERN = re.compile(r"/l/([a-z-]+)/([^/]+)/go$")
ADDRESS_PURPOSES = (*HELD_BY_NOBODY, *FOR_WHOEVER_HOLDS)
MODELLED_PURPOSES = (*ADDRESS_PURPOSES, "review-request", *DIES_WITH)
BROWSERS = (0, 1)
_days = count()


class ModelDriver(RuleBasedStateMachine):
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
        self.session_by_browser: dict[int, ModelSession | None] = dict.fromkeys(BROWSERS)
        self.known_accounts: dict[int, list[tuple[ModelAccount, int]]] = {number: [] for number in BROWSERS}
        self.visitor = service.person()
        self.attempt_counts: Counter[tuple[object, ...]] = Counter()
        service.deliver()
        self.read_count = len(service.sink.messages)

    def post(self, person: Person, path: str, data: dict[str, Any] | None = None) -> TestResponse:
        self.clock.shift(2)
        answer = person.post(path, data)
        assert answer.status_code < 500, f"{path}: {answer.get_data(as_text=True)}"
        return answer

    def read_mails(self, account: ModelAccount | None = None) -> list[ModelLink]:
        """The links that were mailed just now, into the model."""
        self.service.deliver()
        new_links = []
        for mail in self.service.sink.messages[self.read_count :]:
            for match in filter(None, map(LINK_PATTERN.search, links_in(mail.message))):
                purpose, token = match.groups()
                subject = account if purpose in DIES_WITH else None
                state = subject.state(purpose) if subject else ()
                new_links.append(ModelLink(purpose, token, mail.recipients[0], subject, state))
        self.read_count = len(self.service.sink.messages)
        self.world.links += new_links
        return new_links

    def is_limited(self, limit: int, *key: object) -> bool:
        """Count a try; whether it comes after the limit."""
        self.attempt_counts[key] += 1
        return self.attempt_counts[key] > limit

    def current_session(self, number: int) -> ModelSession | None:
        session = self.session_by_browser[number]
        return session if session is not None and session.alive else None

    def take_session(self, number: int, account: ModelAccount, *, fresh: bool, renewed: bool = False) -> None:
        """The browser has a new session; ``renewed``: in place of the one it had."""
        old = self.session_by_browser[number]
        if renewed and old is not None:
            old.ended = True
        cookie = self.browsers[number].client.get_cookie("session")
        assert cookie is not None
        session = ModelSession(cookie.value, account, account.epoch, fresh)
        self.world.sessions.append(session)
        self.session_by_browser[number] = session
        if not self.is_known(number, account):
            # A device remembers the five accounts that were the last to come, each as long as its epoch lasts.
            others = [each for each in self.known_accounts[number] if each[0] is not account]
            self.known_accounts[number] = [(account, account.epoch), *others][:5]

    def is_known(self, number: int, account: ModelAccount) -> bool:
        """Whether a browser is one that an account has signed in on, and nobody was thrown out since."""
        return any(each is account and epoch == account.epoch for each, epoch in self.known_accounts[number])

    def any_account(self, pick: int) -> ModelAccount:
        return self.world.accounts[pick % len(self.world.accounts)]

    def find_browser_for(self, link: ModelLink) -> int | None:
        """A browser in which a link may be used now."""
        subject = self.world.account_of(link)
        for number in BROWSERS if self.world.is_alive(link) else ():
            session = self.current_session(number)
            if link.request is not None or (link.shared is not None and link.shared.has_place(subject)):
                return None
            is_held = link.purpose in FOR_WHOEVER_HOLDS and subject is not None
            needs_session = link.purpose == "change-email" or is_held
            if session is None and not needs_session:
                return number
            is_own_session = session is not None and session.account is subject
            if is_own_session and session is not None and (session.fresh or link.purpose != "change-email"):
                return number
        return None

    # What holds after every step

    @invariant()
    def every_link_is_alive_exactly_when_the_model_says_so(self) -> None:
        uow = self.service.uow()
        for link in self.world.links:
            try:
                open_link(uow, get_link(self.service.site, link.purpose), link.token)
                alive, reason = True, "alive"
            except Problem as problem:
                alive, reason = False, f"{problem.code}: {problem}"
            assert alive == self.world.is_alive(link), (link, reason)
        # Those of the step, too: whoever waits for a connection waits for ever while the clock stands still.
        self.service.close_uows()

    @invariant()
    def every_session_is_alive_exactly_when_the_model_says_so(self) -> None:
        uow = self.service.uow()
        for session in self.world.sessions:
            session_read = self.service.site.signer.read(sessions.SESSION, session.cookie)
            assert session_read is not None
            assert (sessions.find_current_account(uow, session_read) is not None) == session.alive, session

    def teardown(self) -> None:
        """The same once more from outside, for everything there ever was."""
        client = self.service.app.test_client(use_cookies=False)
        try:
            for link in self.world.links:
                answer = self.visitor.get(f"/api/l/{link.purpose}", query_string={"token": link.token})
                assert answer.status_code in ((200,) if self.world.is_alive(link) else (400, 403, 409, 410)), link
            for session in self.world.sessions:
                answer = client.get("/api/account", headers={"Cookie": f"session={session.cookie}"})
                assert answer.status_code == (200 if session.alive else 401), session
        finally:
            self.traveller.stop()
