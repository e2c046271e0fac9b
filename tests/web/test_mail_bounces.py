"""What reports about bounces do, about emails of ours only, and what they never do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.models.audit import AuditRow
from accounts.delivery.sweeps import sweep
from accounts.flows.account.close_account import delete_account
from accounts.flows.shared.accounts import find_account
from tests.conftest import on_both_databases
from tests.flows.mail_bounces import samples
from tests.people import Service, make_email
from tests.web.bounce_reports import KEY, events, marks, message_id, reset_mail, send, trace


@pytest.fixture
def service(make_service: Callable[..., Service]) -> Service:
    return make_service(mail_bounce_key=KEY)


@on_both_databases
def test_from_a_sent_letter_to_the_admins_page_and_back(make_service: Callable[..., Service]) -> None:
    service = make_service(mail_bounce_key=KEY)
    admin, member = service.admin(), service.member()
    account_id = member.get("/api/account").get_json()["id"]
    report = samples.dsn(reset_mail(service, member))
    assert send(service, report, "message/rfc822").status_code == 204
    letter = trace(service, member.email)
    assert (letter.state, [step.kind for step in letter.steps][-2:]) == ("bounced", ["mail.sent", "mail.bounced"])
    assert letter.steps[-1].said.startswith("5.1.1 550 5.1.1")
    assert events(service, "mail.bounced")[0].account_id == account_id
    listed = admin.get("/api/admin/mail/bounced").get_json()["addresses"]
    assert [(each["email"], each["account"], each["status"]) for each in listed] == [
        (member.email, account_id, "5.1.1")
    ]
    (mark,) = [each["since"] for each in admin.get("/api/admin/mail/bounced").get_json()["addresses"]]
    for path, said in (
        (f"/admin/accounts/{account_id}", "Emails to this address come back since:"),
        ("/admin/mail/bounced", "Unreachable since"),
    ):
        page = admin.get(path).text
        assert said in page, path
        assert f'<time datetime="{mark}"' in page[page.index(said) :], path
    for path in (f"/admin/accounts/{account_id}", "/admin/accounts"):
        assert admin.get(path).text.count("Address unreachable") == 1, path
    # A mark stops no letter, and the letter that arrives takes the mark away.
    token = service.link_token(member.email, "reset-password")
    member.post("/api/forgot-password", {"email": member.email})
    assert len(service.mails_to(member.email)) == 2
    assert (
        member.post("/api/l/reset-password", {"token": token, "password": "a new one of three words"}).status_code
        == 200
    )
    assert marks(service) == set()
    assert [row.account_id for row in events(service, "mail.reachable")] == [account_id]
    assert admin.get("/api/admin/mail/bounced").get_json()["addresses"] == []


@on_both_databases
def test_an_invitation_is_marked_beside_its_state_until_it_is_used(make_service: Callable[..., Service]) -> None:
    service = make_service(mail_bounce_key=KEY)
    admin, email = service.admin(), make_email()
    assert admin.post("/api/admin/invites", {"email": email}).status_code == 202
    assert send(service, samples.own(message_id(service, email))).status_code == 204
    (invite,) = [each for each in admin.get("/api/admin/invites").get_json()["invites"] if each["email"] == email]
    assert (invite["state"], bool(invite["unreachable_since"])) == ("pending", True)
    assert "unreachable" in admin.get("/admin/invites").get_data(as_text=True)
    (listed,) = admin.get("/api/admin/mail/bounced?held_by=invitation").get_json()["addresses"]
    assert (listed["email"], listed["account"], listed["invite"]) == (email, None, invite["id"])
    assert admin.get("/api/admin/mail/bounced?held_by=account").get_json()["addresses"] == []
    data = {"token": service.link_token(email, "invite"), "password": "a new one of three words"}
    assert service.person().post("/api/l/invite", data).status_code == 201
    assert marks(service) == set()


def test_an_admin_lifts_a_mark_and_an_old_report_does_not_bring_it_back(service: Service) -> None:
    admin, member = service.admin(), service.member()
    report = samples.own(reset_mail(service, member))
    send(service, report)
    assert admin.post("/api/admin/mail/bounced/lift", {"email": member.email}).status_code == 200
    assert marks(service) == set()
    assert send(service, report, id="another").status_code == 204
    assert marks(service) == set()
    assert len(events(service, "mail.bounced")) == 1
    assert admin.post("/api/admin/mail/bounced/lift", {"email": member.email}).get_json() == {"count": 0}


def test_what_passes_and_what_is_called_spam_stand_in_the_trace_only(service: Service) -> None:
    member = service.member()
    sent = reset_mail(service, member)
    for event, state in ((samples.own(sent, "transient"), "sent"), (samples.own(sent, "complaint"), "complained")):
        assert send(service, event).status_code == 204
        assert trace(service, member.email).state == state
    assert marks(service) == set()
    assert [row.facts["bounce"] for row in events(service, "mail.bounced")] == ["transient"]
    assert "bounce" not in events(service, "mail.complained")[0].facts


def test_a_sign_up_of_nobody_is_traced_and_no_address_is_kept(service: Service) -> None:
    email = make_email()
    service.person().post("/api/sign-up", {"email": email})
    assert send(service, samples.own(message_id(service, email))).status_code == 204
    assert trace(service, email).state == "bounced"
    assert marks(service) == set()


def test_emails_that_are_not_known_here_are_answered_alike(service: Service) -> None:
    member = service.member()
    sent = reset_mail(service, member)
    known = send(service, samples.own(sent))
    mail_id = sent.partition("@")[0]
    with service.site.store.engine.connect() as connection:
        other_line = connection.scalars(select(AuditRow.id).where(AuditRow.kind != "mail.sent")).first()
    foreign = [
        f"{'A' * 16}@127.0.0.1",
        f"{mail_id}@evil.example",
        "x@y",
        f"{other_line}@127.0.0.1",
        "",
        f"{mail_id}@",
    ]
    for each in foreign:
        answer = send(service, samples.own(each, "complaint"))
        assert (answer.status_code, answer.get_data()) == (known.status_code, known.get_data()), each
        assert dict(answer.headers).keys() == dict(known.headers).keys()
    assert events(service, "mail.complained") == []


def test_an_email_of_a_month_ago_a_deleted_account_and_a_changed_address_are_not_marked(service: Service) -> None:
    old, gone, moved = service.member(), service.member(), service.member()
    sent = {person.email: reset_mail(service, person) for person in (old, gone, moved)}
    uow = service.uow()
    with uow:
        delete_account(uow, find_account(uow, gone.email))
    with uow:
        account = find_account(uow, moved.email)
        account.email_key = account.email = make_email()
    for email in (gone.email, moved.email):
        assert send(service, samples.own(sent[email])).status_code == 204
    with time_machine.travel(now() + timedelta(days=31)):
        assert send(service, samples.own(sent[old.email])).status_code == 204
    assert marks(service) == set()
    assert len(events(service, "mail.bounced")) == 1, "the one to the former address, by its account"


def test_marks_go_with_account_and_invitation_and_after_half_a_year(service: Service) -> None:
    admin, leaver, stayer, email = service.admin(), service.member(), service.member(), make_email()
    admin.post("/api/admin/invites", {"email": email})
    for person in (leaver, stayer):
        send(service, samples.own(reset_mail(service, person)))
    send(service, samples.own(message_id(service, email)))
    assert marks(service) == {leaver.email, stayer.email, email}
    account_id = leaver.get("/api/account").get_json()["id"]
    assert admin.post(f"/api/admin/accounts/{account_id}/delete", {"email": leaver.email}).status_code == 204
    assert marks(service) == {stayer.email, email}
    (invite,) = [each for each in admin.get("/api/admin/invites").get_json()["invites"] if each["email"] == email]
    assert admin.post(f"/api/admin/invites/{invite['id']}/revoke").status_code == 200
    assert sweep(service.site)
    assert marks(service) == {stayer.email}
    with time_machine.travel(now() + timedelta(days=181)):
        assert sweep(service.site)
    assert marks(service) == set()
