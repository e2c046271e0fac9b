"""Whatever people do in whatever order: links and sessions are alive exactly when the model says so."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from werkzeug.test import TestResponse

from accounts.flows import accounts
from tests.adversary.model import ModelAccount, ModelLink, ModelSession, World
from tests.conftest import on_both_databases
from tests.people import Person, Service, new_address
from tests.servers.smtp import links as links_in

NOON = datetime(2031, 5, 6, 12, tzinfo=UTC)
TOKEN = re.compile(r"/l/([a-z-]+)/([^/]+)/go$")
PICK = st.integers(0, 2**16)
WORDS = st.sampled_from(["correct horse battery staple", "seven purple umbrellas dancing"])
_days = count()


class Machine(RuleBasedStateMachine):
    """Two browsers, a few accounts, and whoever reads all their mails."""

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service, self.world = service, World()
        # A day of its own: no limit and no mark of an earlier run counts in this one.
        self.traveller = time_machine.travel(NOON + timedelta(days=next(_days)), tick=False)
        self.clock = self.traveller.start()
        self.browsers = [service.person() for _ in range(2)]
        self.held: dict[int, ModelSession | None] = {0: None, 1: None}
        self.visitor = service.person()
        self.tries: Counter[tuple[object, ...]] = Counter()
        service.deliver()
        self.read = len(service.sink.messages)

    def teardown(self) -> None:
        self.traveller.stop()

    # What happens between people and service

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
                about = None if purpose == "activate" else account
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

    def any_account(self, pick: int) -> ModelAccount:
        return self.world.accounts[pick % len(self.world.accounts)]

    # Rules

    @initialize()
    def somebody_is_there(self) -> None:
        self.sign_up(0, again=False)
        self.use(0, 0, "correct horse battery staple")
        assert self.current(0) is not None

    @rule(pick=PICK, again=st.booleans())
    def sign_up(self, pick: int, again: bool) -> None:
        known = [each.email for each in self.world.accounts] + [link.address for link in self.world.links]
        address = known[pick % len(known)] if again and known else new_address("machine")
        answer = self.post(self.visitor, "/api/sign-up", {"email": address})
        if self.limited(3, "sign-up", address):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        purposes = [link.purpose for link in self.mails()]
        assert purposes == ([] if self.world.holder(address) else ["activate"])

    @precondition(lambda self: self.world.accounts)
    @rule(pick=PICK, number=st.integers(0, 1), words=WORDS)
    def sign_in(self, pick: int, number: int, words: str) -> None:
        account = self.any_account(pick)
        answer = self.post(self.browsers[number], "/api/sign-in", {"email": account.email, "password": words})
        if self.limited(10, "sign-in", account.email, number):
            assert answer.status_code == 429
            return
        owner = self.world.holder(account.email)
        if owner is None or not owner.active or owner.words != words:
            assert answer.status_code == 401
            return
        assert answer.status_code == 200
        owner.sign_ins += 1
        self.take_session(number, owner, fresh=True)

    @precondition(lambda self: self.world.accounts)
    @rule(pick=PICK, path=st.sampled_from(["/api/forgot-password", "/api/sign-in/mail"]))
    def ask_for_a_letter(self, pick: int, path: str) -> None:
        account = self.any_account(pick)
        answer = self.post(self.visitor, path, {"email": account.email})
        if self.limited(3, path, account.email):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        owner = self.world.holder(account.email)
        assert len(self.mails(owner)) == (1 if owner is not None and owner.active else 0)

    @precondition(lambda self: any(self.current(number) for number in (0, 1)))
    @rule(number=st.integers(0, 1), words=WORDS, new=WORDS)
    def change_password(self, number: int, words: str, new: str) -> None:
        said = {"current_password": words, "password": new}
        session = self.current(number)
        answer = self.post(self.browsers[number], "/api/account/password", said)
        if session is None:
            assert answer.status_code == 401
        elif self.limited(10, "password", id(session.account)):
            assert answer.status_code == 429
        elif session.account.words != words:
            assert answer.status_code == 422
        else:
            assert answer.status_code == 200
            session.account.words = new
            session.account.password += 1
            session.account.epoch += 1
            self.take_session(number, session.account, fresh=True, renewed=True)
            assert [link.purpose for link in self.mails(session.account)] == ["not-me"]

    @precondition(lambda self: any(self.current(number) for number in (0, 1)))
    @rule(number=st.integers(0, 1), pick=PICK, known=st.booleans())
    def ask_to_change_the_address(self, number: int, pick: int, known: bool) -> None:
        session, addresses = self.current(number), [link.address for link in self.world.links]
        address = addresses[pick % len(addresses)] if known else new_address("moved")
        answer = self.post(self.browsers[number], "/api/account/email", {"email": address})
        if session is None or not session.fresh:
            assert answer.status_code == (401 if session is None else 403)
            return
        over = self.limited(10, "change-email", id(session.account)), self.limited(3, "change-email", address)
        if any(over):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        session.account.email_serial += 1
        assert len(self.mails(session.account)) == (0 if self.world.holder(address) else 1)

    @precondition(lambda self: any(self.current(number) for number in (0, 1)))
    @rule(number=st.integers(0, 1))
    def ask_to_close(self, number: int) -> None:
        session = self.current(number)
        answer = self.post(self.browsers[number], "/api/account/close")
        if session is None or not session.fresh:
            assert answer.status_code == (401 if session is None else 403)
            return
        assert answer.status_code == (429 if self.limited(10, "close", id(session.account)) else 202)
        self.mails(session.account)

    @rule(number=st.integers(0, 1), everywhere=st.booleans())
    def sign_out(self, number: int, everywhere: bool) -> None:
        session = self.current(number)
        answer = self.post(self.browsers[number], "/api/sign-out", {"everywhere": everywhere})
        if session is not None and everywhere and not session.fresh:
            assert answer.status_code == 403
            return
        assert answer.status_code == 204
        self.held[number] = None
        if session is not None:
            session.ended = True
            session.account.epoch += everywhere

    @precondition(lambda self: any(each.exists for each in self.world.accounts))
    @rule(pick=PICK)
    def switch_off_or_on(self, pick: int) -> None:
        account = self.any_account(pick)
        # Seldom off: nothing else happens to an account that is.
        if account.exists and (not account.active or pick % 3 == 0):
            found = accounts.find(self.service.uow(), account.email)
            (accounts.disable if account.active else accounts.enable)(self.service.uow(), found.id)
            account.active = not account.active
            account.epoch += 1

    @precondition(lambda self: self.world.links)
    @rule(number=st.integers(0, 1), pick=PICK, words=WORDS)
    def use(self, number: int, pick: int, words: str) -> None:
        """Act on any link there ever was, newest first."""
        link = self.world.links[-1 - pick % len(self.world.links)]
        asked: dict[str, dict[str, str]] = {
            "activate": {"password": words, "name": "Some Body"},
            "reset-password": {"password": words},
        }
        said = {"token": link.token, **asked.get(link.purpose, {})}
        alive, session = self.world.alive(link), self.current(number)
        answer = self.post(self.browsers[number], f"/api/l/{link.purpose}", said)
        stranger = session is not None and session.account is not link.account
        unproved = link.purpose == "change-email" and (session is None or not session.fresh)
        if not alive or stranger or unproved:
            assert answer.status_code in (400, 401, 403, 409, 410), f"{link.purpose}: {answer.status_code}"
            return
        assert answer.status_code in (200, 201), f"{link.purpose}: {answer.get_data(as_text=True)}"
        self.done(link, number, session, words)

    @precondition(lambda self: any(self.usable(link) is not None for link in self.world.links))
    @rule(pick=st.integers(0, 3), words=WORDS)
    def use_what_is_alive(self, pick: int, words: str) -> None:
        """Act on one of the newest links that are alive, in a browser that may: else little ever succeeds."""
        places = [at for at, link in enumerate(reversed(self.world.links)) if self.usable(link) is not None]
        at = places[pick % len(places)]
        number = self.usable(self.world.links[-1 - at])
        assert number is not None
        self.use(number, at, words)

    def usable(self, link: ModelLink) -> int | None:
        """A browser in which a link may be used now."""
        for number in (0, 1) if self.world.alive(link) else ():
            session = self.current(number)
            if session is not None and session.account is link.account and session.fresh:
                return number
            if session is None and link.purpose != "change-email":
                return number
        return None

    @precondition(lambda self: any(each.exists and each.active for each in self.world.accounts))
    @rule(pick=PICK, number=st.integers(0, 1))
    def sign_in_rightly(self, pick: int, number: int) -> None:
        there = [each for each in self.world.accounts if each.exists and each.active]
        account = there[pick % len(there)]
        self.sign_in(self.world.accounts.index(account), number, account.words or "nobody knows any")

    def done(self, link: ModelLink, number: int, session: ModelSession | None, words: str) -> None:
        """What a use that succeeded does to the model."""
        account = link.account
        if account is None:
            self.world.taken(link.address)
            self.world.accounts.append(ModelAccount(link.address, words))
            self.take_session(number, self.world.accounts[-1], fresh=True)
        elif link.purpose == "reset-password":
            account.words = words
            account.password += 1
            account.epoch += 1
        elif link.purpose == "sign-in":
            account.sign_ins += 1
            self.take_session(number, account, fresh=bool(session and session.fresh), renewed=session is not None)
        elif link.purpose == "change-email":
            if account.anchor is None:
                account.anchor, account.anchor_serial = account.email, account.anchor_serial + 1
            self.world.move(account, link.address)
            assert session is not None
            self.take_session(number, account, fresh=session.fresh, renewed=True)
        elif link.purpose == "undo-email-change":
            assert account.anchor is not None
            self.world.move(account, account.anchor)
            account.words, account.anchor = None, None
            account.password += 1
            account.anchor_serial += 1
        elif link.purpose == "close-account":
            account.exists = False
        elif link.purpose == "not-me":
            account.epoch += 1
        self.mails(account)

    # What holds after every step

    @invariant()
    def every_link_is_alive_exactly_when_the_model_says_so(self) -> None:
        for link in self.world.links:
            answer = self.visitor.get(f"/api/l/{link.purpose}", query_string={"token": link.token})
            assert answer.status_code in (200, 400, 409, 410)
            assert (answer.status_code == 200) == self.world.alive(link), (link, answer.get_data(as_text=True))

    @invariant()
    def every_session_is_alive_exactly_when_the_model_says_so(self) -> None:
        client = self.service.app.test_client(use_cookies=False)
        for session in self.world.sessions:
            answer = client.get("/api/account", headers={"Cookie": f"session={session.cookie}"})
            assert answer.status_code == (200 if session.alive else 401), session


@on_both_databases
def test_links_and_sessions_are_alive_exactly_when_the_model_says_so(service: Service) -> None:
    def machine() -> Machine:
        return Machine(service)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type] # it only ever calls it
        settings=settings(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
