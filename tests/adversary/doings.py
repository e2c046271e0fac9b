"""What people do of themselves, and what it does to the model. What mailed links do is in the machine's own file."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session as OrmSession

from accounts.core.models.account import Account
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.shared import accounts
from accounts.flows.sign_in.unlock import MAX_FAILURES
from tests.adversary.machine import Driven
from tests.adversary.model import ModelAccount
from tests.people import new_address


def anybody_there(machine: Driven) -> list[ModelAccount]:
    """Accounts that somebody can do anything with."""
    return [account for account in machine.world.accounts if account.there]


class Doings(Driven):
    """Everything but the use of links. Each counts what came of it."""

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
        self.reached["sign up" if purposes else "sign up again"] += 1

    def send_an_invitation(self, pick: int, again: bool) -> None:
        known = [each.email for each in self.world.accounts]
        address = known[pick % len(known)] if again and known else new_address("invited")
        said = {"email": address, "groups": ["editors"]}
        self.clock.shift(2)
        send_invites.send(self.service.uow(), send_invites.Invite.model_validate(said))
        assert [link.purpose for link in self.mails()] == ["invite"]
        self.reached["invite"] += 1

    def take_an_invitation_back(self) -> None:
        link = next((each for each in self.world.links if each.purpose == "invite" and not each.used), None)
        if link is None:
            return
        sentence = self.service.house.link_signer.verify(invite_link.INVITE, link.token)
        manage_invites.revoke(self.service.uow(), sentence.carried.id)
        link.used = True
        self.reached["revoke"] += 1

    def sign_in(self, pick: int, number: int, words: str) -> None:
        account = self.any_account(pick)
        answer = self.post(self.browsers[number], "/api/sign-in", {"email": account.email, "password": words})
        if self.limited(10, "sign-in", account.email, number):
            assert answer.status_code == 429
            return
        owner = self.world.holder(account.email)
        held_up = owner is not None and owner.locked and owner not in self.known[number]
        if owner is None or not owner.active or owner.words != words or held_up:
            assert answer.status_code == 401
            self.reached["sign in, held up" if held_up else "sign in, wrongly"] += 1
            return
        assert answer.status_code == 200
        owner.sign_ins += 1
        self.take_session(number, owner, fresh=True)
        self.reached["sign in"] += 1

    def sign_in_rightly(self, pick: int, number: int) -> None:
        there = anybody_there(self)
        if not there:
            return
        account = there[pick % len(there)]
        self.sign_in(self.world.accounts.index(account), number, account.words or "nobody knows any")

    def try_too_many_passwords(self, pick: int) -> None:
        """Nineteen wrong ones in the store at once, and one more in a browser that nobody knows."""
        there = [each for each in anybody_there(self) if not each.locked]
        if not there:
            return
        account = there[pick % len(there)]
        with OrmSession(self.service.house.store.engine) as session:
            row = update(Account).where(Account.email_key == account.email)
            session.execute(row.values(failures=MAX_FAILURES - 1))
            session.commit()
        said = {"email": account.email, "password": "not the password at all"}
        answer = self.post(self.visitor, "/api/sign-in", said)
        if self.limited(10, "sign-in", account.email, "visitor"):
            assert answer.status_code == 429
            return
        assert answer.status_code == 401
        account.locked = True
        account.lock_serial += 1
        assert [link.purpose for link in self.mails(account)] == ["unlock"]
        self.reached["lock"] += 1

    def ask_for_a_letter(self, pick: int, path: str) -> None:
        account = self.any_account(pick)
        answer = self.post(self.visitor, path, {"email": account.email})
        if self.limited(3, path, account.email):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        owner = self.world.holder(account.email)
        sent = len(self.mails(owner))
        assert sent == (1 if owner is not None and owner.active else 0)
        self.reached[f"{path} {bool(sent)}"] += 1

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
            session.account.set_words(new)
            self.take_session(number, session.account, fresh=True, renewed=True)
            assert [link.purpose for link in self.mails(session.account)] == ["not-me"]
            self.reached["change password"] += 1

    def confirm(self, number: int, words: str) -> None:
        session = self.current(number)
        answer = self.post(self.browsers[number], "/api/confirm", {"password": words})
        if session is None:
            assert answer.status_code == 401
        elif self.limited(10, "password", id(session.account)):
            assert answer.status_code == 429
        elif session.account.words != words:
            assert answer.status_code == 422
        else:
            assert answer.status_code == 200
            self.take_session(number, session.account, fresh=True, renewed=True)
            self.reached["confirm"] += 1

    def ask_to_change_the_address(self, number: int, pick: int, known: bool) -> None:
        session, addresses = self.current(number), [link.address for link in self.world.links]
        address = addresses[pick % len(addresses)] if known else new_address("moved")
        answer = self.post(self.browsers[number], "/api/account/email", {"email": address})
        if session is None or not session.fresh:
            assert answer.status_code == (401 if session is None else 403)
            self.reached["change address, unproved"] += session is not None
            return
        over = self.limited(10, "change-email", id(session.account)), self.limited(3, "change-email", address)
        if any(over):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        session.account.email_serial += 1
        assert len(self.mails(session.account)) == (0 if self.world.holder(address) else 1)
        self.reached["change address"] += 1

    def ask_to_close(self, number: int) -> None:
        session = self.current(number)
        answer = self.post(self.browsers[number], "/api/account/close")
        if session is None or not session.fresh:
            assert answer.status_code == (401 if session is None else 403)
            return
        assert answer.status_code == (429 if self.limited(10, "close", id(session.account)) else 202)
        self.mails(session.account)
        self.reached["ask to close"] += 1

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
            self.reached["sign out everywhere" if everywhere else "sign out"] += 1

    def switch_off_or_on(self, pick: int) -> None:
        account = self.any_account(pick)
        # Seldom off: nothing else happens to an account that is.
        if account.exists and (not account.active or pick % 3 == 0):
            found = accounts.find(self.service.uow(), account.email)
            (accounts.disable if account.active else accounts.enable)(self.service.uow(), found.id)
            account.active = not account.active
            account.epoch += 1
            self.reached["switch on" if account.active else "switch off"] += 1
