"""Deciding about a request for an account: once, by a right that is judged then, and told to all whom it concerns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from accounts.core import clock
from accounts.core.errors import Detail, InvalidInput, Problem
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.security import throttle
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.account.approval_review import REVIEW, DecideRequestForm, decide_on_console
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE, INVITE_PURPOSE
from accounts.flows.shared import accounts, recovery
from tests.approvals import NAME, read_text, send_request
from tests.conftest import on_both_databases
from tests.flows.steps import (
    Member,
    count_rows,
    create_first_admin,
    link_state,
    list_event_kinds,
    sign_up_member,
    use_link,
)
from tests.kit.concurrency import run_concurrently
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email

APPROVE = {"decision": "approve", "groups": ["editors"]}
DECLINE = {"decision": "decline", "reason": "Please ask the office first."}


@dataclass
class Case:
    """A request for an account that waits for two admins."""

    service: Service
    admins: tuple[Member, Member]
    applicant: str

    def token(self, number: int) -> str:
        return self.service.link_token(self.admins[number].email, REVIEW_PURPOSE)

    def decide(self, number: int, data: dict[str, Any]) -> None:
        use_link(self.service, REVIEW, self.token(number), data, account_id=self.admins[number].id)

    def refusal(self, number: int, data: dict[str, Any]) -> Problem:
        with pytest.raises(Problem) as refused:
            self.decide(number, data)
        return refused.value

    def subjects(self, email: str) -> list[str]:
        return [str(mail.message["Subject"]) for mail in self.service.mails_to(email)]

    def invites(self) -> list[SentInvite]:
        with self.service.uow() as uow:
            return list(uow.session.scalars(select(SentInvite).where(SentInvite.email == self.applicant)))


@pytest.fixture
def case(service: Service) -> Case:
    first, second = create_first_admin(service), sign_up_member(service, "second")
    accounts.set_groups(service.uow(), second.id, ["admins"])
    return Case(service, (first, second), send_request(service, next="/wiki", locale="de", message="I teach."))


@on_both_databases
def test_approving_mails_one_invitation_where_the_password_is_set(case: Case) -> None:
    before = count_rows(case.service)
    case.decide(0, APPROVE)
    assert count_rows(case.service).get("accounts") == before["accounts"]
    assert case.subjects(case.applicant)[-1] == "Ihre Einladung zu Accounts"
    (invite,) = case.invites()
    assert (invite.name, invite.groups, invite.locale, invite.next) == (NAME, ["editors"], "de", "/wiki")
    assert invite.inviter_id == case.admins[0].id
    assert case.subjects(case.admins[1].email)[-1] == "A request to join Accounts was approved"
    assert "approved" not in case.subjects(case.admins[0].email)[-1], "who has decided knows it"
    token = case.service.link_token(case.applicant, INVITE_PURPOSE)
    done = use_link(case.service, INVITE, token, {"password": PASSWORD, "name": NAME})
    made = Member(case.service, case.applicant, done.account_id).row
    assert (made.groups, made.locale, made.email_unproven) == (("editors",), "de", False)


def test_declining_answers_kindly_and_makes_nothing(case: Case) -> None:
    case.decide(1, DECLINE)
    assert case.invites() == []
    letter = case.service.mails_to(case.applicant)[-1].message
    assert letter["Subject"] == "Ihre Anfrage bei Accounts wurde abgelehnt"
    body = read_text(case.service.mails_to(case.applicant)[-1])
    assert "Please ask the office first." in body
    assert case.admins[1].email not in body, "nobody is told who has declined"
    told = read_text(case.service.mails_to(case.admins[0].email)[-1])
    assert case.admins[1].email in told
    assert "declined the request" in told
    assert list_event_kinds(case.service, None)[-1] != "approval.approved"


def test_a_declined_applicant_can_ask_again(case: Case) -> None:
    case.decide(0, DECLINE)
    old = case.token(0)
    send_request(case.service, case.applicant)
    assert case.token(0) != old
    case.decide(0, APPROVE)
    assert len(case.invites()) == 1


@pytest.mark.parametrize(
    ("data", "message", "how"),
    [
        (APPROVE, "%(admin)s approved the request on %(at)s.", "approve"),
        (DECLINE, "%(admin)s declined the request on %(at)s.", "decline"),
    ],
)
def test_whoever_comes_second_is_told_who_has_decided_and_how(
    case: Case, data: dict[str, Any], message: str, how: str
) -> None:
    case.decide(0, data)
    for late in (APPROVE, DECLINE):
        refused = case.refusal(1, late)
        assert (refused.status, refused.code) == (410, "link_used")
        assert refused.detail is not None
        assert (refused.detail.message, refused.detail.values["admin"]) == (message, "Admin")
        assert isinstance(refused.detail.values["at"], datetime)
    assert case.refusal(0, data).status == 410, "nor does one's own work twice"


@on_both_databases
def test_two_admins_at_once_make_one_decision(case: Case) -> None:
    tokens = [case.token(number) for number in (0, 1)]

    def decide(number: int) -> tuple[str, Detail | None]:
        admin, data = case.admins[number % 2], (APPROVE, DECLINE)[number // 4]
        try:
            use_link(case.service, REVIEW, tokens[number % 2], data, account_id=admin.id)
        except Problem as problem:
            return problem.code, problem.detail
        return "done", None

    answers = run_concurrently(8, decide)
    assert sorted(code for code, _ in answers) == ["done"] + ["link_used"] * 7
    assert all(detail is not None for code, detail in answers if code != "done"), "all others know who it was"
    kinds = list_event_kinds(case.service, None)
    assert kinds.count("approval.approved") + kinds.count("approval.declined") == 1
    assert len(case.invites()) == kinds.count("approval.approved")


def test_an_admin_who_was_demoted_meanwhile_is_refused(case: Case) -> None:
    token = case.token(1)
    accounts.set_groups(case.service.uow(), case.admins[1].id, [])
    assert case.refusal(1, APPROVE).code == "forbidden"
    assert link_state(case.service, REVIEW, token) == "forbidden", "the page shows them nothing"
    assert case.invites() == []
    case.decide(0, DECLINE)
    assert case.refusal(1, APPROVE).detail is None, "nor who has decided"


def test_an_admin_who_was_disabled_is_refused(case: Case) -> None:
    token = case.token(1)
    accounts.disable_account(case.service.uow(), case.admins[1].id)
    assert link_state(case.service, REVIEW, token) == "link_invalid"


def test_nobody_gets_a_letter_who_is_no_admin_when_it_is_written(case: Case) -> None:
    before = len(case.service.mails_to(case.admins[1].email))
    send_request(case.service, make_email("another"))
    accounts.set_groups(case.service.uow(), case.admins[1].id, [])
    assert len(case.service.mails_to(case.admins[1].email)) == before


def test_a_request_that_was_decided_is_mailed_to_nobody_any_more(service: Service) -> None:
    first, second = create_first_admin(service), sign_up_member(service)
    accounts.set_groups(service.uow(), second.id, ["admins"])
    applicant = send_request(service)
    case = Case(service, (first, second), applicant)
    before = len(case.subjects(second.email))
    token = case.token(0)
    send_request(service, make_email("another"))
    use_link(service, REVIEW, token, DECLINE, account_id=first.id)
    assert len(case.subjects(second.email)) == before + 2, "the other request, and that this one was decided"


@pytest.mark.parametrize("groups", [["admins"], ["admins", "editors"]])
def test_nobody_becomes_an_admin_by_a_word_alone(case: Case, groups: list[str]) -> None:
    refused = case.refusal(0, {"decision": "approve", "groups": groups})
    assert isinstance(refused, InvalidInput)
    assert [(each.field, each.code) for each in refused.fields] == [("admin", "not_ticked")]
    assert case.invites() == []
    case.decide(0, {"decision": "approve", "groups": groups, "admin": True})
    assert case.invites()[0].groups == sorted({*groups, "admins"})


def test_of_several_requests_of_one_address_one_is_approved(case: Case) -> None:
    first = case.token(0)
    send_request(case.service, case.applicant)
    second = case.token(0)
    assert first != second
    case.decide(0, APPROVE)
    assert link_state(case.service, REVIEW, first) == "nothing_to_decide"
    with pytest.raises(Problem) as refused:
        use_link(case.service, REVIEW, first, DECLINE, account_id=case.admins[0].id)
    assert refused.value.status == 409
    assert len(case.invites()) == 1


def test_an_applicant_with_an_account_by_now_is_not_decided_about(case: Case) -> None:
    token = case.token(0)
    form = send_invites.InviteForm.model_validate({"email": case.applicant})
    send_invites.send_invite(case.service.uow(), form)
    assert link_state(case.service, REVIEW, token) == "nothing_to_decide"
    invite = case.service.link_token(case.applicant, INVITE_PURPOSE)
    use_link(case.service, INVITE, invite, {"password": OTHER_PASSWORD})
    assert link_state(case.service, REVIEW, token) == "nothing_to_decide"


def test_all_links_of_a_request_end_at_the_same_moment(case: Case) -> None:
    case.service.deliver()
    ends = [case.service.site.link_signer.verify(REVIEW, case.token(number)).carried.expires for number in (0, 1)]
    assert ends[0] == ends[1]
    tokens = [case.token(number) for number in (0, 1)]
    with time_machine.travel(clock.now() + REVIEW.lifetime + timedelta(minutes=2)):
        assert [link_state(case.service, REVIEW, token) for token in tokens] == ["link_expired"] * 2


def test_approving_counts_as_inviting(case: Case) -> None:
    attempt = throttle.Attempt(throttle.INVITER, (case.admins[0].id,), throttle.INVITER.amount)
    case.service.site.throttle.reserve(attempt)
    assert case.refusal(0, APPROVE).code == "too_many_requests"
    case.decide(1, APPROVE)


def test_an_invitation_by_a_stolen_account_ends_with_its_recovery(case: Case) -> None:
    case.decide(0, {"decision": "approve", "groups": [], "admin": True})
    token = case.service.link_token(case.applicant, INVITE_PURPOSE)
    assert link_state(case.service, INVITE, token) == "alive"
    with case.service.uow() as uow:
        account = uow.session.get_one(Account, case.admins[0].id)
        recovery.recover_account(uow, account, recovery.NOT_ME)
    assert link_state(case.service, INVITE, token) == "link_revoked"


def test_the_operator_decides_by_the_link_of_any_admin(case: Case) -> None:
    decide_on_console(case.service.uow(), case.token(1), DecideRequestForm.model_validate(APPROVE))
    (invite,) = case.invites()
    assert (invite.inviter_id, invite.groups) == ("", ["editors"])
    for admin in case.admins:
        assert case.subjects(admin.email)[-1] == "A request to join Accounts was approved"
    told = case.refusal(0, DECLINE).detail
    assert told is not None
    assert told.message == "The request was approved on the console on %(at)s."
