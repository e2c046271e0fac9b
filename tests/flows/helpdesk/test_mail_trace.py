"""What an admin can find out about the mail to an address, and that nobody else finds out anything."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select, text, update

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.models.audit import AuditRow
from accounts.core.models.base import Base
from accounts.core.models.outbox import OutboxRow
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.helpdesk import dead_letters, mail_trace
from accounts.flows.helpdesk.accounts import DeleteAccountForm
from accounts.flows.helpdesk.mail_trace import MailTrace, TracedLetter, TraceMailForm
from accounts.flows.shared.fields import PageForm
from tests.conftest import KEY, on_both_databases
from tests.kit.concurrency import run_concurrently
from tests.people import Service, make_email

OTHER_KEY = "Zt1mX7rB5nW9cY2pL6dF4hJ0sGakQ3v8-other"


def trace(service: Service, email: str) -> MailTrace:
    found, _ = mail_trace.trace_mail(service.uow(), TraceMailForm.model_validate({"email": email}))
    assert found is not None
    return found


def only(service: Service, email: str) -> TracedLetter:
    (letter,) = trace(service, email).letters
    return letter


def kinds(letter: TracedLetter) -> list[str]:
    return [step.kind for step in letter.steps]


def lines(service: Service, kind: str) -> int:
    with service.site.store.engine.connect() as connection:
        return int(connection.execute(select(func.count()).where(AuditRow.kind == kind)).scalar_one())


@on_both_databases
def test_a_letter_is_followed_from_the_question_to_the_servers_answer(service: Service) -> None:
    email, person = make_email(), service.person()
    assert trace(service, email).letters == ()
    person.post("/api/sign-up", {"email": email})
    waits = only(service, email)
    assert (waits.state, waits.purpose, kinds(waits)) == ("waits", "activate", ["sign-up.asked"])
    assert waits.steps[0].network == person.network
    service.deliver()
    sent = only(service, email.upper().replace("EXAMPLE.ORG", "example.org"))
    assert (sent.state, sent.mail, kinds(sent)) == ("sent", waits.mail, ["sign-up.asked", "mail.sent"])
    assert sent.steps[1].said.startswith("250 ")


@on_both_databases
def test_a_letter_that_nobody_could_get_says_why(service: Service) -> None:
    email = make_email()
    service.person().post("/api/forgot-password", {"email": email})
    service.deliver()
    dropped = only(service, email)
    assert (dropped.state, dropped.why) == ("dropped", "no-account")
    member = service.member_by_mail()
    administer_off(service, member.get("/api/account").get_json()["id"])
    service.person().post("/api/sign-in/mail", {"email": member.email})
    service.deliver()
    assert trace(service, member.email).letters[0].why == "disabled"


def administer_off(service: Service, account_id: str) -> None:
    from accounts.flows.shared import accounts

    service.member_by_mail()
    accounts.disable_account(service.uow(), account_id)


@on_both_databases
def test_a_refused_letter_is_dead_until_it_is_sent_again(service: Service) -> None:
    email = make_email()
    service.sink.misbehave("RCPT", f"550 5.1.1 <{email}> no such user", times=1)
    try:
        service.person().post("/api/sign-up", {"email": email})
        service.deliver()
    finally:
        service.sink.behave()
    dead = only(service, email)
    assert (dead.state, kinds(dead)[-1]) == ("dead", "mail.refused")
    assert "550 5.1.1 <[...]> no such user" in dead.steps[-1].said
    page = dead_letters.list_dead_letters(service.uow(), PageForm())
    (listed,) = page.rows
    assert (listed.mail, listed.to, page.next) == (dead.mail, email, None)
    dead_letters.retry_dead_letter(service.uow(), dead.mail)
    assert only(service, email).state == "waits"
    service.deliver()
    sent = only(service, email)
    assert (sent.state, kinds(sent)[-2:]) == ("sent", ["mail.revived", "mail.sent"])


@on_both_databases
def test_of_many_who_send_one_dead_letter_again_one_does(service: Service) -> None:
    email = make_email()
    service.person().post("/api/sign-up", {"email": email})
    with service.site.store.engine.begin() as connection:
        connection.execute(update(OutboxRow).values(dead_at=now(), attempts=12))
    mail = only(service, email).mail

    def again(number: int) -> str:
        uow = service.uow()
        try:
            dead_letters.retry_dead_letter(uow, mail)
        except Exception as wrong:  # noqa: BLE001 - its name is compared
            return type(wrong).__name__
        finally:
            uow.close()
        return "done"

    assert sorted(run_concurrently(8, again)) == ["NotFound"] * 7 + ["done"]
    before = len(service.sink.messages)
    service.deliver()
    assert len(service.sink.messages) == before + 1


@on_both_databases
def test_what_a_limit_holds_back_leaves_one_line_for_a_window_however_often_it_is_tried(service: Service) -> None:
    member, unknown, person = service.member_by_mail(), make_email(), service.person()
    for email in (member.email, unknown):
        answers = [person.post("/api/forgot-password", {"email": email}).status_code for _ in range(9)]
        assert answers == [202] * 3 + [429] * 6
        held = trace(service, email).held
        assert [(each.limit, each.purpose) for each in held] == [("mail", "reset-password")]
        assert held[0].until > now()
    assert lines(service, "mail.held") == 2
    with time_machine.travel(now() + timedelta(minutes=61)):
        for _ in range(5):
            person.post("/api/forgot-password", {"email": unknown})
    assert lines(service, "mail.held") == 3, "the next window has a line of its own"


@on_both_databases
def test_a_network_over_its_limit_leaves_one_line_whatever_addresses_it_tries(service: Service) -> None:
    person = service.person()
    with service.site.store.engine.begin() as connection:
        person.post("/api/sign-up", {"email": make_email()})
        connection.execute(text("UPDATE rate_limits SET count = 300 WHERE key LIKE '%mail-network%'"))
    tried = [make_email() for _ in range(5)]
    for email in tried:
        assert person.post("/api/sign-up", {"email": email}).status_code == 429
        assert trace(service, email).held == ()
    assert lines(service, "mail.held") == 1
    assert [each.network for each in trace(service, tried[0]).networks_held] == [person.network]


def test_many_held_back_at_once_leave_one_line(service: Service) -> None:
    email = make_email()
    people = [service.person(network="10.7.7.7") for _ in range(12)]
    run_concurrently(12, lambda number: people[number].post("/api/sign-in/mail", {"email": email}).status_code)
    assert lines(service, "mail.held") == 1


@on_both_databases
def test_the_log_and_its_tags_hold_no_address(service: Service) -> None:
    member, stranger = service.member_by_mail(), make_email("stranger")
    for _ in range(5):
        service.person().post("/api/forgot-password", {"email": stranger})
        service.person().post("/api/forgot-password", {"email": member.email})
    service.sink.misbehave("RCPT", f"550 <{member.email}> unknown, ask {stranger}", times=9)
    try:
        service.deliver()
    finally:
        service.sink.behave()
    with service.site.store.engine.connect() as connection:
        for table in ("audit", "spent", "rate_limits"):
            for row in connection.execute(select(Base.metadata.tables[table])):
                assert "@example.org" not in str(tuple(row)), table


@on_both_databases
def test_nothing_leads_from_the_address_of_a_deleted_account_to_its_lines(service: Service) -> None:
    service.admin()
    member = service.member_by_mail()
    id = member.get("/api/account").get_json()["id"]
    new = make_email("changed")
    member.post("/api/account/email", {"email": new})
    service.deliver()
    assert len(trace(service, member.email).letters) == 2
    assert len(trace(service, new).letters) == 1
    helpdesk_accounts.delete_account_as_admin(
        service.uow(), id, DeleteAccountForm.model_validate({"email": member.email})
    )
    service.deliver()
    for email in (member.email, new):
        found = trace(service, email)
        assert (found.account, found.letters, found.held) == (None, (), ())
    with service.site.store.engine.connect() as connection:
        tagged = select(AuditRow.id).where(AuditRow.address_tag.is_not(None), AuditRow.account_id == id)
        assert connection.execute(tagged).all() == []
    assert "Your Accounts account was deleted" in str(service.mails_to(member.email)[-1].message["Subject"])


def test_a_letter_under_way_while_its_account_is_deleted_is_not_tagged(service: Service) -> None:
    service.admin()
    member = service.member_by_mail()
    id = member.get("/api/account").get_json()["id"]
    member.post("/api/account/close")
    carrier = service.state.transport

    class Slow:
        def connect(self) -> AbstractContextManager[Slow]:
            return nullcontext(self)

        def send(self, message: object) -> str:
            helpdesk_accounts.delete_account_as_admin(
                service.uow(), id, DeleteAccountForm.model_validate({"email": member.email})
            )
            return "250 taken"

    service.state.transport = Slow()
    assert service.state.make_worker().deliver_one()
    service.state.transport = carrier
    assert trace(service, member.email).letters[0].purpose == "account-deleted", (
        "that waits still; its row has the address"
    )
    service.deliver()
    assert trace(service, member.email).letters == ()


def test_tags_are_found_under_every_key_of_the_ring_and_go_after_a_while(
    make_service: Callable[..., Service],
) -> None:
    service = make_service()
    email = make_email()
    service.person().post("/api/sign-up", {"email": email})
    service.deliver()
    rotated = make_service(secret_keys=[KEY, OTHER_KEY])
    assert only(rotated, email).state == "sent"
    alone = make_service(secret_keys=[OTHER_KEY])
    assert trace(alone, email).letters == ()
    with time_machine.travel(now() + address_index.INDEX_RETENTION + timedelta(minutes=1)):
        address_index.clear_old_tags(service.site.store.engine)
    assert trace(service, email).letters == ()


def test_a_link_alone_says_whose_mail_it_is(service: Service) -> None:
    member = service.member_by_mail()
    service.person().post("/api/forgot-password", {"email": member.email})
    url = service.link_url(member.email, "reset-password")
    found, explained = mail_trace.trace_mail(service.uow(), TraceMailForm(link=url))
    assert found is not None
    assert explained is not None
    assert (found.email, explained.outcome) == (member.email, "alive")
    assert {letter.purpose for letter in found.letters} == {"activate", "reset-password"}


def test_looking_is_noted_with_who_looked(service: Service) -> None:
    admin, member = service.admin(), service.member_by_mail()
    admin.post("/api/admin/mail", {"email": member.email})
    with service.site.store.engine.connect() as connection:
        row = connection.execute(select(AuditRow.__table__).where(AuditRow.kind == "mail.traced")).one()
    assert row.actor == admin.get("/api/account").get_json()["id"]
    assert row.account == member.get("/api/account").get_json()["id"]


@pytest.mark.parametrize("said", [{}, {"email": ""}, {"email": "", "link": " "}, {"email": "no address"}])
def test_an_address_or_a_link_must_be_given(service: Service, said: dict[str, str]) -> None:
    answer = service.admin().post("/api/admin/mail", said)
    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == "email"


def test_a_unit_of_work_of_the_worker_has_no_network(service: Service) -> None:
    email = make_email()
    service.person().post("/api/sign-up", {"email": email})
    service.deliver()
    assert isinstance(service.uow(), UnitOfWork)
    assert only(service, email).steps[1].network == ""
