"""Whatever people do in whatever order: links and sessions are alive exactly when the model says so."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.adversary.doings import Doings, anybody_there
from tests.adversary.machine import BROWSERS
from tests.adversary.model import ModelAccount, ModelLink, ModelSession
from tests.adversary.recipes import PURPOSES
from tests.conftest import on_both_databases
from tests.people import Service

log = logging.getLogger(__name__)
RULES = (
    "sign up",
    "sign up again",
    "sign in",
    "sign in, held up",
    "sign in, wrongly",
    "invite",
    "revoke",
    "lock",
    "/api/forgot-password True",
    "/api/sign-in/mail True",
    "change password",
    "confirm",
    "change address",
    "ask to close",
    "sign out",
    "sign out everywhere",
    "switch off",
    "switch on",
)
ASKED_IN_A_SESSION = ("change-email", "undo-email-change", "close-account", "not-me")
WORDS = ("correct horse battery staple", "seven purple umbrellas dancing")


@dataclass(frozen=True, slots=True)
class Choice:
    """What chance says for one step: which browser, whom or what, a password and another one, a kind of link."""

    number: int
    pick: int
    words: str
    new: str
    kind: str
    flag: bool


CHOICES = st.builds(
    Choice,
    st.sampled_from(BROWSERS),
    st.integers(0, 2**16),
    st.sampled_from(WORDS),
    st.sampled_from(WORDS),
    st.sampled_from(PURPOSES),
    st.booleans(),
)


class Machine(Doings):
    """The use of links, and one rule for everything.

    One rule, because hypothesis would leave half of several rules out of every run: it takes too many runs until
    somebody takes back an address that somebody else has changed.
    """

    @initialize()
    def somebody_is_there(self) -> None:
        self.sign_up(0, again=False)
        self.use(0, 0, WORDS[0])
        assert self.current(0) is not None

    @rule(doing=st.deferred(lambda: st.sampled_from(sorted(DOINGS))), choice=CHOICES)
    def anything(self, doing: str, choice: Choice) -> None:
        DOINGS[doing](self, choice)

    def use(self, number: int, pick: int, words: str) -> None:
        """Act on any link there ever was, newest first."""
        link = self.world.links[-1 - pick % len(self.world.links)]
        said = {"token": link.token}
        about, session = self.world.about(link), self.current(number)
        if link.purpose == "reset-password":
            said |= {"password": words}
        elif about is None:
            said |= {"password": words, "name": "Some Body"}
        alive = self.world.alive(link)
        answer = self.post(self.browsers[number], f"/api/l/{link.purpose}", said)
        stranger = session is not None and session.account is not about
        unproved = link.purpose == "change-email" and (session is None or not session.fresh)
        nobody = link.purpose == "invite" and about is not None and session is None
        if not alive or stranger or unproved or nobody:
            assert answer.status_code in (400, 401, 403, 409, 410), f"{link.purpose}: {answer.status_code}"
            self.reached[f"{link.purpose} {'refused' if alive else 'dead'}"] += 1
            return
        assert answer.status_code in (200, 201), f"{link.purpose}: {answer.get_data(as_text=True)}"
        self.done(link, number, session, words)
        self.reached[f"{link.purpose} done"] += 1

    def use_what_is_alive(self, pick: int, words: str) -> None:
        """Act on the newest link of a kind of which one is alive, in a browser that may."""
        kinds = sorted({link.purpose for link in self.world.links if self.usable(link) is not None})
        if kinds:
            self.use_newest(kinds[pick % len(kinds)], words)

    def use_what_is_dead(self, kind: str, number: int, words: str) -> None:
        """Try the newest dead link of a kind."""
        for at, link in enumerate(reversed(self.world.links)):
            if link.purpose == kind and not self.world.alive(link):
                return self.use(number, at, words)
        return None

    def live_through(self, kind: str, pick: int, number: int, words: str) -> None:
        """Bring a link of a kind about and use it: left to chance, nobody would ever move an address back."""
        there = anybody_there(self)
        if not there:
            return
        account = there[pick % len(there)]
        at = self.world.accounts.index(account)
        if kind in ASKED_IN_A_SESSION:
            self.sign_in(at, number, account.words or "nobody knows any")
        ask: dict[str, Callable[[], None]] = {
            "activate": lambda: self.sign_up(pick, again=pick % 2 == 1),
            "invite": lambda: self.send_an_invitation(pick, again=pick % 2 == 1),
            "reset-password": lambda: self.ask_for_a_letter(at, "/api/forgot-password"),
            "sign-in": lambda: self.ask_for_a_letter(at, "/api/sign-in/mail"),
            "change-email": lambda: self.ask_to_change_the_address(number, pick, known=pick % 2 == 1),
            "undo-email-change": lambda: self.ask_to_change_the_address(number, pick, known=False),
            "unlock": lambda: self.lock_and_try(pick, number),
            "close-account": lambda: self.ask_to_close(number),
            "not-me": lambda: self.change_password(number, account.words or "nobody knows any", words),
        }
        ask[kind]()
        if kind == "undo-email-change":
            self.use_newest("change-email", words)
        self.use_newest(kind, words)

    def lock_and_try(self, pick: int, number: int) -> None:
        """Lock somebody, and let them sign in: on a device that may not know them."""
        self.try_too_many_passwords(pick)
        self.sign_in_rightly(pick, number)

    def invite_and_think_better_of_it(self, pick: int, again: bool) -> None:
        self.send_an_invitation(pick, again)
        self.take_an_invitation_back()

    def teardown(self) -> None:
        """The newest dead link of each kind is tried, too, whatever came of the rest."""
        try:
            for kind in PURPOSES:
                self.use_what_is_dead(kind, 0, WORDS[0])
        finally:
            super().teardown()

    def use_newest(self, kind: str, words: str) -> None:
        """Act on the newest link of a kind that somebody may use now, if there is one."""
        for at, link in enumerate(reversed(self.world.links)):
            number = self.usable(link) if link.purpose == kind else None
            if number is not None:
                return self.use(number, at, words)
        return None

    def done(self, link: ModelLink, number: int, session: ModelSession | None, words: str) -> None:
        """What a use that succeeded does to the model."""
        account = link.account
        if account is None:
            self.joined(link, number, words)
        elif link.purpose == "reset-password":
            account.set_words(words)
            account.lift()
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
            account.set_words(None)
            account.anchor = None
            account.anchor_serial += 1
        elif link.purpose == "unlock":
            account.lift()
        elif link.purpose == "close-account":
            self.world.close(account)
        elif link.purpose == "not-me":
            account.set_words(None)
        self.mails(account)

    def joined(self, link: ModelLink, number: int, words: str) -> None:
        """Somebody got an account, or a group."""
        holder = self.world.about(link)
        if link.purpose == "invite":
            link.used = True
        if holder is None:
            self.world.taken(link.address)
            self.world.accounts.append(ModelAccount(link.address, words))
            self.take_session(number, self.world.accounts[-1], fresh=True)


DOINGS: dict[str, Callable[[Machine, Choice], None]] = {
    "change password": lambda m, c: m.change_password(c.number, c.words, c.new),
    "change address": lambda m, c: m.ask_to_change_the_address(c.number, c.pick, known=c.flag),
    "close": lambda m, c: m.ask_to_close(c.number),
    "confirm": lambda m, c: m.confirm(c.number, c.words),
    "forgot password": lambda m, c: m.ask_for_a_letter(c.pick, "/api/forgot-password"),
    "invite": lambda m, c: m.send_an_invitation(c.pick, again=c.flag),
    "live through": lambda m, c: m.live_through(c.kind, c.pick, c.number, c.words),
    "live through, once more": lambda m, c: m.live_through(c.kind, c.pick, c.number, c.words),
    "live through, and again": lambda m, c: m.live_through(c.kind, c.pick, c.number, c.words),
    "lock": lambda m, c: m.try_too_many_passwords(c.pick),
    "revoke": lambda m, c: m.invite_and_think_better_of_it(c.pick, again=c.flag),
    "sign in": lambda m, c: m.sign_in(c.pick, c.number, c.words),
    "sign in by mail": lambda m, c: m.ask_for_a_letter(c.pick, "/api/sign-in/mail"),
    "sign in rightly": lambda m, c: m.sign_in_rightly(c.pick, c.number),
    "sign out": lambda m, c: m.sign_out(c.number, everywhere=c.flag),
    "sign up": lambda m, c: m.sign_up(c.pick, again=c.flag),
    "switch off or on": lambda m, c: m.switch_off_or_on(c.pick),
    "use": lambda m, c: m.use(c.number, c.pick, c.words),
    "use what is dead": lambda m, c: m.use_what_is_dead(c.kind, c.number, c.words),
    "use what is alive": lambda m, c: m.use_what_is_alive(c.pick, c.words),
}
"""What may happen in a step; what stands here three times is three times as likely."""


@on_both_databases
@pytest.mark.timeout(300)
def test_links_and_sessions_are_alive_exactly_when_the_model_says_so(service: Service) -> None:
    reached: Counter[str] = Counter()

    def machine() -> Machine:
        return Machine(service, reached)

    run_state_machine_as_test(
        machine,  # type: ignore[arg-type] # it only ever calls it
        settings=settings(
            max_examples=12,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    wanted = {*RULES, *(f"{purpose} done" for purpose in PURPOSES), *(f"{purpose} dead" for purpose in PURPOSES)}
    log.info("reached: %s", dict(sorted(reached.items())))
    missed = sorted(wanted - {what for what, times in reached.items() if times})
    assert not missed, f"never reached: {missed}; {dict(reached)}"
