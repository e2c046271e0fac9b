"""How people get in where somebody has a say: they ask for an account, or join by a link for several people."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import count

import pytest
from hypothesis.stateful import invariant
from sqlalchemy import func, select

from accounts.core.audit.log import RequestInfo
from accounts.core.clock import now
from accounts.core.errors import Problem
from accounts.core.link_errors import DeadLink
from accounts.core.models.account import ADMIN_GROUP, Account, Membership
from accounts.core.models.invites import SentInvite
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.security.throttle import LimitReached
from accounts.flows.invites import join, shared
from accounts.flows.invites.join import JoinForm
from accounts.flows.invites.shared_terms import check_terms, read_shared_link
from accounts.flows.shared import accounts
from accounts.flows.shared.validation import validate
from tests import approvals
from tests.adversary.model import ModelAdmin, ModelLink, ModelRequest, ModelSharedInvite
from tests.adversary.user_actions import UserActions
from tests.kit.shared_invites import make_shared_link
from tests.people import Person, Service, make_email

MAX_PLACES = 2
SHORT_LIFE = timedelta(seconds=90)
"""Of some links for several people: a step takes some seconds, so that these end within a run."""
_networks = count(1)


def make_admins(service: Service) -> list[ModelAdmin]:
    """Two admins who are nobody of the model: made once, since a run cannot do without."""
    emails = [approvals.make_admin(service).email for _ in range(2)]
    return [ModelAdmin(accounts.find_account(service.uow(), email).id, email) for email in emails]


class GateActions(UserActions):
    """Asking, deciding, and links for several people. Each counts what came of it."""

    def __init__(self, service: Service, reached: Counter[str], admins: list[ModelAdmin]) -> None:
        super().__init__(service, reached)
        self.admins, self.admin_people = admins, {admin.id: service.person(email=admin.email) for admin in admins}
        self.signed_in_admins: set[str] = set()
        for admin in admins:
            self.set_right(admin, has_right=True)

    def known_or_new_address(self, pick: int, again: bool) -> str:
        known = [each.email for each in self.world.accounts] + self.world.addresses
        return known[pick % len(known)] if again and known else make_email("gate")

    # Asking for an account

    def ask_for_account(self, pick: int, again: bool) -> None:
        address = self.known_or_new_address(pick, again)
        self.clock.shift(2)
        # From a network of its own each time: what one network may ask is counted elsewhere.
        approvals.ask(self.service, address, network=f"10.9.{next(_networks) % 250}.1")
        purposes = [link.purpose for link in self.read_mails()]
        assert purposes == ([] if self.world.find_holder(address) else ["request-account"])
        self.reached["ask for an account" if purposes else "ask for an account, again"] += 1

    def send_request(self, link: ModelLink, number: int) -> None:
        """Whoever has proven the mailbox says who they are: letters to admins, and nothing stored."""
        stored = self.count_stored()
        data = {"token": link.token, "name": approvals.NAME}
        answer = self.post(self.browsers[number], "/api/l/request-account", data)
        if self.is_limited(3, "approval", link.address):
            assert answer.status_code == 429
            return
        assert answer.status_code == 200, answer.get_data(as_text=True)
        link.used = True
        request, new_links = ModelRequest(link.address), self.read_mails()
        assert {each.address for each in new_links} == {each.email for each in self.admins if each.has_right}
        for each in new_links:
            each.request = request
            each.admin = next(admin for admin in self.admins if admin.email == each.address)
        assert self.count_stored() == stored, "nothing is stored before somebody approves"
        self.reached["request-account done"] += 1

    def count_stored(self) -> list[int]:
        uow = self.service.uow()
        tables = (Account, Membership, SentInvite)
        counts = [uow.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]
        uow.close()
        return counts

    def decide(self, pick: int, approve: bool) -> None:
        """Decide about the newest request that is open, or try about one that is not, as the admin of a link."""
        links = [link for link in self.world.links if link.request is not None]
        link = next(filter(self.world.is_alive, reversed(links)), None) if pick % 4 else None
        if link is None and links:
            link = links[pick % len(links)]
        if link is None or link.admin is None or link.request is None:
            return
        alive, admin = self.world.is_alive(link), self.sign_in_admin(link.admin)
        data = {"token": link.token, "decision": "approve" if approve else "decline"}
        answer = self.post(admin, "/api/l/review-request", data)
        assert answer.status_code == 200 if alive else answer.status_code in (400, 403, 409, 410), link
        if alive:
            link.request.decided = True
            new_links = self.read_mails()
            for each in new_links:
                each.admin = link.admin  # whose right it rests on
            sent = [(each.purpose, each.address) for each in new_links]
            assert sent == ([("invite", link.request.applicant)] if approve else [])
            self.reached["approve" if approve else "decline"] += 1
        self.reached[f"review-request {'done' if alive else 'dead'}"] += 1

    def sign_in_admin(self, admin: ModelAdmin) -> Person:
        person = self.admin_people[admin.id]
        if admin.id not in self.signed_in_admins:
            assert person.sign_in().status_code == 200
            self.signed_in_admins.add(admin.id)
        return person

    def toggle_right(self) -> None:
        """The second admin is one no more, or is one again."""
        admin = self.admins[1]
        self.set_right(admin, has_right=not admin.has_right)
        self.reached["give the right" if admin.has_right else "take the right"] += 1

    def set_right(self, admin: ModelAdmin, has_right: bool) -> None:
        if admin.has_right != has_right:
            accounts.set_groups(self.service.uow(), admin.id, [ADMIN_GROUP] if has_right else [])
            # Losing a group ends the sessions.
            self.admin_people[admin.id] = self.service.person(email=admin.email)
            self.signed_in_admins.discard(admin.id)
        admin.has_right = has_right

    # Links for several people

    def make_shared_invite(self, pick: int, short: bool) -> None:
        ends = now() + (SHORT_LIFE if short else timedelta(days=7))
        link = make_shared_link(self.service, places=pick % MAX_PLACES + 1, until=ends.isoformat())
        self.world.shared_invites.append(ModelSharedInvite(link.id, link.token, pick % MAX_PLACES + 1, ends))
        self.reached["make a link for several"] += 1

    def ask_to_join(self, pick: int, again: bool) -> None:
        """Ask by the newest link for several people, or by an older one."""
        if not self.world.shared_invites:
            return
        invite = self.world.shared_invites[-1 - (pick % 3 == 0) * pick % len(self.world.shared_invites)]
        address = self.known_or_new_address(pick, again)
        self.clock.shift(2)
        limited = invite.is_open and self.is_limited(20 * invite.places, "join", invite.id)
        # From a network of its own: what one network may ask is counted elsewhere.
        uow = self.service.uow(RequestInfo(network=f"10.10.{next(_networks) % 250}.1", agent="", locale="en"))
        if limited or not invite.is_open:
            with pytest.raises(LimitReached if limited else DeadLink):
                join.request_join(uow, invite.token, validate(JoinForm, {"email": address}))
            self.reached["ask to join, too late"] += not limited
            return
        join.request_join(uow, invite.token, validate(JoinForm, {"email": address}))
        holder = self.world.find_holder(address)
        is_in = address in invite.addresses or (holder is not None and holder.has_joined)
        new_links = self.read_mails()
        assert len(new_links) == (0 if is_in or (holder is not None and not holder.active) else 1)
        for link in new_links:
            link.shared = invite
        self.reached["ask to join"] += len(new_links)

    def revoke_shared_invite(self) -> None:
        invite = next((each for each in self.world.shared_invites if not each.revoked), None)
        if invite is not None:
            shared.revoke_shared_invite(self.service.uow(), invite.id)
            invite.revoked = True
            self.reached["revoke a link for several"] += 1

    @invariant()
    def no_more_have_joined_than_there_are_places(self) -> None:
        uow = self.service.uow()
        uses = {row[0]: row[1] for row in uow.fetch_all(select(SharedInvite.id, SharedInvite.uses))}
        for invite in self.world.shared_invites:
            assert uses[invite.id] == len(invite.addresses) <= invite.places
            try:
                check_terms(uow, read_shared_link(uow, invite.token))
                alive = True
            except Problem:
                alive = False
            assert alive == invite.is_open, invite
        uow.close()
