"""Whatever people do in whatever order: links and sessions are alive exactly when the model says so."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule, run_state_machine_as_test

from tests.adversary.model import ModelAccount, ModelLink, ModelSession
from tests.adversary.model_driver import BROWSERS, MODELLED_PURPOSES
from tests.adversary.recipes import PURPOSES
from tests.adversary.user_actions import UserActions, usable_accounts
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
SESSION_PURPOSES = ("change-email", "undo-email-change", "close-account", "not-me")
PASSWORDS = ("correct horse battery staple", "seven purple umbrellas dancing")


@dataclass(frozen=True, slots=True)
class Choice:
    """What chance says for one step: which browser, whom or what, a password and another one, a kind of link."""

    number: int
    pick: int
    password: str
    new_password: str
    kind: str
    flag: bool


CHOICES = st.builds(
    Choice,
    st.sampled_from(BROWSERS),
    st.integers(0, 2**16),
    st.sampled_from(PASSWORDS),
    st.sampled_from(PASSWORDS),
    st.sampled_from(MODELLED_PURPOSES),
    st.booleans(),
)


class Machine(UserActions):
    """The use of links, and one rule for everything.

    One rule, because hypothesis would leave half of several rules out of every run: it takes too many runs until
    somebody takes back an address that somebody else has changed.
    """

    @initialize()
    def somebody_is_there(self) -> None:
        self.sign_up(0, again=False)
        self.use_link(0, 0, PASSWORDS[0])
        assert self.current_session(0) is not None

    @rule(doing=st.deferred(lambda: st.sampled_from(sorted(ACTIONS))), choice=CHOICES)
    def anything(self, doing: str, choice: Choice) -> None:
        ACTIONS[doing](self, choice)

    def use_link(self, number: int, pick: int, password: str) -> None:
        """Act on any link there ever was, newest first."""
        link = self.world.links[-1 - pick % len(self.world.links)]
        data = {"token": link.token}
        subject, session = self.world.account_of(link), self.current_session(number)
        if link.purpose == "reset-password":
            data |= {"password": password}
        elif subject is None:
            data |= {"password": password, "name": "Some Body"}
        alive = self.world.is_alive(link)
        answer = self.post(self.browsers[number], f"/api/l/{link.purpose}", data)
        is_other_account = session is not None and session.account is not subject
        lacks_step_up = link.purpose == "change-email" and (session is None or not session.fresh)
        is_signed_out = link.purpose == "invite" and subject is not None and session is None
        if not alive or is_other_account or lacks_step_up or is_signed_out:
            assert answer.status_code in (400, 401, 403, 409, 410), f"{link.purpose}: {answer.status_code}"
            self.reached[f"{link.purpose} {'refused' if alive else 'dead'}"] += 1
            return
        assert answer.status_code in (200, 201), f"{link.purpose}: {answer.get_data(as_text=True)}"
        self.apply_use(link, number, session, password)
        self.reached[f"{link.purpose} done"] += 1

    def use_live_link(self, pick: int, password: str) -> None:
        """Act on the newest link of a kind of which one is alive, in a browser that may."""
        kinds = sorted({link.purpose for link in self.world.links if self.find_browser_for(link) is not None})
        if kinds:
            self.use_newest_link(kinds[pick % len(kinds)], password)

    def use_dead_link(self, kind: str, number: int, password: str) -> None:
        """Try the newest dead link of a kind."""
        for at, link in enumerate(reversed(self.world.links)):
            if link.purpose == kind and not self.world.is_alive(link):
                return self.use_link(number, at, password)
        return None

    def request_and_use_link(self, kind: str, pick: int, number: int, password: str) -> None:
        """Bring a link of a kind about and use it: left to chance, nobody would ever move an address back."""
        usable = usable_accounts(self)
        if not usable:
            return
        account = usable[pick % len(usable)]
        at = self.world.accounts.index(account)
        if kind in SESSION_PURPOSES:
            self.sign_in(at, number, account.plain_password or "nobody knows any")
        request_by_kind: dict[str, Callable[[], None]] = {
            "activate": lambda: self.sign_up(pick, again=pick % 2 == 1),
            "invite": lambda: self.send_invitation(pick, again=pick % 2 == 1),
            "reset-password": lambda: self.request_letter(at, "/api/forgot-password"),
            "sign-in": lambda: self.request_letter(at, "/api/sign-in/mail"),
            "change-email": lambda: self.request_email_change(number, pick, known=pick % 2 == 1),
            "undo-email-change": lambda: self.request_email_change(number, pick, known=False),
            "unlock": lambda: self.lock_and_sign_in(pick, number),
            "close-account": lambda: self.request_closing(number),
            "not-me": lambda: self.change_password(number, account.plain_password or "nobody knows any", password),
        }
        request_by_kind[kind]()
        if kind == "undo-email-change":
            self.use_newest_link("change-email", password)
        self.use_newest_link(kind, password)

    def lock_and_sign_in(self, pick: int, number: int) -> None:
        """Lock somebody, and let them sign in: on a device that may not know them."""
        self.lock_account(pick)
        self.sign_in_correctly(pick, number)

    def invite_and_revoke(self, pick: int, again: bool) -> None:
        self.send_invitation(pick, again)
        self.revoke_invitation()

    def teardown(self) -> None:
        """The newest dead link of each kind is tried, too, whatever came of the rest."""
        try:
            for kind in MODELLED_PURPOSES:
                self.use_dead_link(kind, 0, PASSWORDS[0])
        finally:
            super().teardown()

    def use_newest_link(self, kind: str, password: str) -> None:
        """Act on the newest link of a kind that somebody may use now, if there is one."""
        for at, link in enumerate(reversed(self.world.links)):
            number = self.find_browser_for(link) if link.purpose == kind else None
            if number is not None:
                return self.use_link(number, at, password)
        return None

    def apply_use(self, link: ModelLink, number: int, session: ModelSession | None, password: str) -> None:
        """What a use that succeeded does to the model."""
        account = link.account
        if account is None:
            self.apply_join(link, number, password)
        elif link.purpose == "reset-password":
            account.set_password(password)
            account.lift_lock()
        elif link.purpose == "sign-in":
            account.sign_ins += 1
            self.take_session(number, account, fresh=bool(session and session.fresh), renewed=session is not None)
        elif link.purpose == "change-email":
            if account.anchor is None:
                account.anchor, account.anchor_serial = account.email, account.anchor_serial + 1
            self.world.change_email(account, link.address)
            assert session is not None
            self.take_session(number, account, fresh=session.fresh, renewed=True)
        elif link.purpose == "undo-email-change":
            assert account.anchor is not None
            self.world.change_email(account, account.anchor)
            account.set_password(None)
            account.anchor = None
            account.anchor_serial += 1
        elif link.purpose == "unlock":
            account.lift_lock()
        elif link.purpose == "close-account":
            self.world.close_account(account)
        elif link.purpose == "not-me":
            account.set_password(None)
            link.used = True
        self.read_mails(account)

    def apply_join(self, link: ModelLink, number: int, password: str) -> None:
        """Somebody got an account, or a group."""
        holder = self.world.account_of(link)
        if link.purpose == "invite":
            link.used = True
        if holder is None:
            self.world.kill_activations(link.address)
            self.world.accounts.append(ModelAccount(link.address, password))
            self.take_session(number, self.world.accounts[-1], fresh=True)


ACTIONS: dict[str, Callable[[Machine, Choice], None]] = {
    "change password": lambda m, c: m.change_password(c.number, c.password, c.new_password),
    "change address": lambda m, c: m.request_email_change(c.number, c.pick, known=c.flag),
    "close": lambda m, c: m.request_closing(c.number),
    "confirm": lambda m, c: m.confirm(c.number, c.password),
    "forgot password": lambda m, c: m.request_letter(c.pick, "/api/forgot-password"),
    "invite": lambda m, c: m.send_invitation(c.pick, again=c.flag),
    "live through": lambda m, c: m.request_and_use_link(c.kind, c.pick, c.number, c.password),
    "live through, once more": lambda m, c: m.request_and_use_link(c.kind, c.pick, c.number, c.password),
    "live through, and again": lambda m, c: m.request_and_use_link(c.kind, c.pick, c.number, c.password),
    "lock": lambda m, c: m.lock_account(c.pick),
    "revoke": lambda m, c: m.invite_and_revoke(c.pick, again=c.flag),
    "sign in": lambda m, c: m.sign_in(c.pick, c.number, c.password),
    "sign in by mail": lambda m, c: m.request_letter(c.pick, "/api/sign-in/mail"),
    "sign in rightly": lambda m, c: m.sign_in_correctly(c.pick, c.number),
    "sign out": lambda m, c: m.sign_out(c.number, everywhere=c.flag),
    "sign up": lambda m, c: m.sign_up(c.pick, again=c.flag),
    "switch off or on": lambda m, c: m.toggle_active(c.pick),
    "use": lambda m, c: m.use_link(c.number, c.pick, c.password),
    "use what is dead": lambda m, c: m.use_dead_link(c.kind, c.number, c.password),
    "use what is alive": lambda m, c: m.use_live_link(c.pick, c.password),
}
"""What may happen in a step; what stands here three times is three times as likely."""


MAX_ROUNDS = 6
OTHER_PURPOSES = {"request-account", "review-request", "join-shared"}
"""Kinds of links that the model leaves out: what ends them is a decision, or the last place that is taken."""


def test_every_kind_of_link_is_in_the_model_or_said_not_to_be() -> None:
    assert {*MODELLED_PURPOSES, *OTHER_PURPOSES} == set(PURPOSES)
    assert OTHER_PURPOSES.isdisjoint(MODELLED_PURPOSES)


@on_both_databases
@pytest.mark.timeout(300)
def test_links_and_sessions_are_alive_exactly_when_the_model_says_so(service: Service) -> None:
    reached: Counter[str] = Counter()

    def machine() -> Machine:
        return Machine(service, reached)

    wanted = {
        *RULES,
        *(f"{purpose} done" for purpose in MODELLED_PURPOSES),
        *(f"{purpose} dead" for purpose in MODELLED_PURPOSES),
    }
    missed: list[str] = []
    # What hypothesis draws depends on the modules that other tests have imported, whatever the seed. Where one round
    # leaves something out, the next one is another.
    for number in range(MAX_ROUNDS):
        run_state_machine_as_test(
            seed(number)(machine),  # type: ignore[arg-type] # it only ever calls it
            settings=settings(
                max_examples=12,
                stateful_step_count=30,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
        missed = sorted(wanted - {what for what, times in reached.items() if times})
        if not missed:
            break
    log.info("reached: %s", dict(sorted(reached.items())))
    assert not missed, f"never reached: {missed}; {dict(reached)}"
