"""The use of mailed links, and what it does to the model."""

from __future__ import annotations

from tests.adversary.gate_actions import GateActions
from tests.adversary.model import FOR_WHOEVER_HOLDS, ModelAccount, ModelLink, ModelSession


class LinkUses(GateActions):
    """Acts on links: any, the newest of a kind that somebody may use, or one that is dead."""

    def use_link(self, number: int, pick: int, password: str) -> None:
        """Act on any link there ever was, newest first."""
        link = self.world.links[-1 - pick % len(self.world.links)]
        data = {"token": link.token} | ({"decision": "approve"} if link.request is not None else {})
        subject, session = self.world.account_of(link), self.current_session(number)
        if link.purpose == "reset-password":
            data |= {"password": password}
        elif subject is None and link.request is None:
            data |= {"name": "Some Body"} | ({} if link.purpose == "request-account" else {"password": password})
        alive = self.world.is_alive(link)
        if alive and link.purpose == "request-account" and session is None:
            return self.send_request(link, number)
        answer = self.post(self.browsers[number], f"/api/l/{link.purpose}", data)
        is_other_account = session is not None and session.account is not subject
        lacks_step_up = link.purpose == "change-email" and (session is None or not session.fresh)
        is_signed_out = link.purpose in FOR_WHOEVER_HOLDS and subject is not None and session is None
        # Somebody else's: only the admin decides. Or somebody's who has a place, under another address.
        is_not_theirs = link.request is not None or (link.shared is not None and link.shared.has_place(subject))
        if not alive or is_other_account or lacks_step_up or is_signed_out or is_not_theirs:
            assert answer.status_code in (400, 401, 403, 409, 410), f"{link.purpose}: {answer.status_code}"
            self.reached[f"{link.purpose} {'refused' if alive else 'dead'}"] += 1
            return None
        assert answer.status_code in (200, 201), f"{link.purpose}: {answer.get_data(as_text=True)}"
        self.apply_use(link, number, session, password)
        self.reached[f"{link.purpose} done"] += 1
        return None

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
        if link.shared is not None:
            self.world.take_place(link, holder or self.world.accounts[-1])
