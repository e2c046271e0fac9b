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
from tests.adversary.model import ModelAccount
from tests.adversary.model_driver import ModelDriver
from tests.people import make_email


def usable_accounts(machine: ModelDriver) -> list[ModelAccount]:
    """Accounts that somebody can do anything with."""
    return [account for account in machine.world.accounts if account.is_usable]


class UserActions(ModelDriver):
    """Everything but the use of links. Each counts what came of it."""

    def sign_up(self, pick: int, again: bool) -> None:
        known = [each.email for each in self.world.accounts] + self.world.addresses
        address = known[pick % len(known)] if again and known else make_email("machine")
        answer = self.post(self.visitor, "/api/sign-up", {"email": address})
        if self.is_limited(3, "sign-up", address):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        purposes = [link.purpose for link in self.read_mails()]
        assert purposes == ([] if self.world.find_holder(address) else ["activate"])
        self.reached["sign up" if purposes else "sign up again"] += 1

    def send_invitation(self, pick: int, again: bool) -> None:
        known = [each.email for each in self.world.accounts]
        address = known[pick % len(known)] if again and known else make_email("invited")
        data = {"email": address, "groups": ["editors"]}
        self.clock.shift(2)
        send_invites.send_invite(self.service.uow(), send_invites.InviteForm.model_validate(data))
        assert [link.purpose for link in self.read_mails()] == ["invite"]
        self.reached["invite"] += 1

    def revoke_invitation(self) -> None:
        link = next((each for each in self.world.links if each.purpose == "invite" and not each.used), None)
        if link is None:
            return
        claims = self.service.site.link_signer.verify(invite_link.INVITE, link.token)
        manage_invites.revoke_invite(self.service.uow(), claims.carried.id)
        link.used = True
        self.reached["revoke"] += 1

    def sign_in(self, pick: int, number: int, password: str) -> None:
        account = self.any_account(pick)
        answer = self.post(self.browsers[number], "/api/sign-in", {"email": account.email, "password": password})
        if self.is_limited(10, "sign-in", account.email, number):
            assert answer.status_code == 429
            return
        owner = self.world.find_holder(account.email)
        is_locked_out = owner is not None and owner.locked and not self.is_known(number, owner)
        if owner is None or not owner.active or owner.plain_password != password or is_locked_out:
            assert answer.status_code == 401
            self.reached["sign in, held up" if is_locked_out else "sign in, wrongly"] += 1
            return
        assert answer.status_code == 200
        owner.sign_ins += 1
        self.take_session(number, owner, fresh=True)
        self.reached["sign in"] += 1

    def sign_in_correctly(self, pick: int, number: int) -> None:
        usable = usable_accounts(self)
        if not usable:
            return
        account = usable[pick % len(usable)]
        self.sign_in(self.world.accounts.index(account), number, account.plain_password or "nobody knows any")

    def lock_account(self, pick: int) -> None:
        """Nineteen wrong ones in the store at once, and one more in a browser that nobody knows."""
        usable = [each for each in usable_accounts(self) if not each.locked]
        if not usable:
            return
        account = usable[pick % len(usable)]
        with OrmSession(self.service.site.store.engine) as session:
            row = update(Account).where(Account.email_key == account.email)
            session.execute(row.values(failures=MAX_FAILURES - 1))
            session.commit()
        data = {"email": account.email, "password": "not the password at all"}
        answer = self.post(self.visitor, "/api/sign-in", data)
        if self.is_limited(10, "sign-in", account.email, "visitor"):
            assert answer.status_code == 429
            return
        assert answer.status_code == 401
        account.locked = True
        account.lock_serial += 1
        assert [link.purpose for link in self.read_mails(account)] == ["unlock"]
        self.reached["lock"] += 1

    def request_letter(self, pick: int, path: str) -> None:
        account = self.any_account(pick)
        answer = self.post(self.visitor, path, {"email": account.email})
        if self.is_limited(3, path, account.email):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        owner = self.world.find_holder(account.email)
        sent = len(self.read_mails(owner))
        assert sent == (1 if owner is not None and owner.active else 0)
        self.reached[f"{path} {bool(sent)}"] += 1

    def change_password(self, number: int, password: str, new_password: str) -> None:
        data = {"current_password": password, "password": new_password}
        session = self.current_session(number)
        answer = self.post(self.browsers[number], "/api/account/password", data)
        if session is None:
            assert answer.status_code == 401
        elif self.is_limited(10, "password", id(session.account)):
            assert answer.status_code == 429
        elif session.account.plain_password != password:
            assert answer.status_code == 422
        else:
            assert answer.status_code == 200
            session.account.set_password(new_password)
            self.take_session(number, session.account, fresh=True, renewed=True)
            assert [link.purpose for link in self.read_mails(session.account)] == ["not-me"]
            self.reached["change password"] += 1

    def confirm(self, number: int, password: str) -> None:
        session = self.current_session(number)
        answer = self.post(self.browsers[number], "/api/confirm", {"password": password})
        if session is None:
            assert answer.status_code == 401
        elif self.is_limited(10, "password", id(session.account)):
            assert answer.status_code == 429
        elif session.account.plain_password != password:
            assert answer.status_code == 422
        else:
            assert answer.status_code == 200
            self.take_session(number, session.account, fresh=True, renewed=True)
            self.reached["confirm"] += 1

    def request_email_change(self, number: int, pick: int, known: bool) -> None:
        session, addresses = self.current_session(number), self.world.addresses
        address = addresses[pick % len(addresses)] if known else make_email("moved")
        answer = self.post(self.browsers[number], "/api/account/email", {"email": address})
        if session is None or not session.fresh:
            assert answer.status_code == (401 if session is None else 403)
            self.reached["change address, unproved"] += session is not None
            return
        limits = self.is_limited(10, "change-email", id(session.account)), self.is_limited(3, "change-email", address)
        if any(limits):
            assert answer.status_code == 429
            return
        assert answer.status_code == 202
        session.account.email_serial += 1
        assert len(self.read_mails(session.account)) == (0 if self.world.find_holder(address) else 1)
        self.reached["change address"] += 1

    def request_closing(self, number: int) -> None:
        session = self.current_session(number)
        answer = self.post(self.browsers[number], "/api/account/close")
        if session is None or not session.fresh:
            assert answer.status_code == (401 if session is None else 403)
            return
        limited, must_wait = self.is_limited(10, "close", id(session.account)), session.account.anchor is not None
        assert answer.status_code == (429 if limited else 409 if must_wait else 202)
        sent = [link.purpose for link in self.read_mails(session.account)]
        assert sent == ([] if limited else ["undo-email-change"] if must_wait else ["close-account"])
        self.reached["ask to close, too early" if must_wait else "ask to close"] += 1

    def sign_out(self, number: int, everywhere: bool) -> None:
        session = self.current_session(number)
        answer = self.post(self.browsers[number], "/api/sign-out", {"everywhere": everywhere})
        if session is not None and everywhere and not session.fresh:
            assert answer.status_code == 403
            return
        assert answer.status_code == 204
        self.session_by_browser[number] = None
        if session is not None:
            session.ended = True
            session.account.epoch += everywhere
            self.reached["sign out everywhere" if everywhere else "sign out"] += 1

    def toggle_active(self, pick: int) -> None:
        account = self.any_account(pick)
        # Seldom off: nothing else happens to an account that is.
        if account.exists and (not account.active or pick % 3 == 0):
            row = accounts.find_account(self.service.uow(), account.email)
            (accounts.disable_account if account.active else accounts.enable_account)(self.service.uow(), row.id)
            account.active = not account.active
            account.epoch += 1
            self.reached["switch on" if account.active else "switch off"] += 1
