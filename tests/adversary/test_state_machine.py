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

from tests.adversary.gate_actions import make_admins
from tests.adversary.link_uses import LinkUses
from tests.adversary.model_driver import BROWSERS, MODELLED_PURPOSES
from tests.adversary.recipes import PURPOSES
from tests.adversary.user_actions import usable_accounts
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
    "ask for an account",
    "approve",
    "decline",
    "take the right",
    "make a link for several",
    "ask to join",
    "ask to join, too late",
    "revoke a link for several",
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


class Machine(LinkUses):
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

    def request_and_use_link(self, kind: str, pick: int, number: int, password: str) -> None:
        """Bring a link of a kind about and use it: left to chance, nobody would ever move an address back."""
        usable = usable_accounts(self)
        if not usable:
            return None
        account = usable[pick % len(usable)]
        at = self.world.accounts.index(account)
        if kind in SESSION_PURPOSES:
            self.sign_in(at, number, account.plain_password or "nobody knows any")
        request_by_kind: dict[str, Callable[[], None]] = {
            "activate": lambda: self.sign_up(pick, again=pick % 2 == 1),
            "invite": lambda: self.send_invitation(pick, again=pick % 2 == 1),
            "join-shared": lambda: self.ask_to_join_anew(pick),
            "request-account": lambda: self.ask_for_account(pick, again=pick % 4 == 1),
            "review-request": lambda: self.ask_for_account(pick, again=False),
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
        if kind == "review-request":
            self.use_newest_link("request-account", password)
            return self.decide(pick | 1, approve=pick % 3 > 0)
        return self.use_newest_link(kind, password)

    def ask_to_join_anew(self, pick: int) -> None:
        if not any(each.is_open for each in self.world.shared_invites[-1:]):
            self.make_shared_invite(pick, short=pick % 5 == 0)
        self.ask_to_join(pick | 1, again=pick % 4 == 1)

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


ACTIONS: dict[str, Callable[[Machine, Choice], None]] = {
    "approve or decline": lambda m, c: m.decide(c.pick, approve=c.flag),
    "ask for an account": lambda m, c: m.ask_for_account(c.pick, again=c.flag),
    "ask to join": lambda m, c: m.ask_to_join(c.pick, again=c.flag),
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
    "make a link for several": lambda m, c: m.make_shared_invite(c.pick, short=c.flag),
    "revoke": lambda m, c: m.invite_and_revoke(c.pick, again=c.flag),
    "revoke a link for several": lambda m, c: m.revoke_shared_invite(),
    "sign in": lambda m, c: m.sign_in(c.pick, c.number, c.password),
    "sign in by mail": lambda m, c: m.request_letter(c.pick, "/api/sign-in/mail"),
    "sign in rightly": lambda m, c: m.sign_in_correctly(c.pick, c.number),
    "sign out": lambda m, c: m.sign_out(c.number, everywhere=c.flag),
    "sign up": lambda m, c: m.sign_up(c.pick, again=c.flag),
    "switch off or on": lambda m, c: m.toggle_active(c.pick),
    "take or give the right": lambda m, c: m.toggle_right(),
    "use": lambda m, c: m.use_link(c.number, c.pick, c.password),
    "use what is dead": lambda m, c: m.use_dead_link(c.kind, c.number, c.password),
    "use what is alive": lambda m, c: m.use_live_link(c.pick, c.password),
}
"""What may happen in a step; what stands here three times is three times as likely."""


MAX_ROUNDS = 6


def test_every_kind_of_link_is_in_the_model() -> None:
    assert set(MODELLED_PURPOSES) == set(PURPOSES)


@on_both_databases
@pytest.mark.timeout(300)
def test_links_and_sessions_are_alive_exactly_when_the_model_says_so(service: Service) -> None:
    reached: Counter[str] = Counter()
    admins = make_admins(service)

    def machine() -> Machine:
        return Machine(service, reached, admins)

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
