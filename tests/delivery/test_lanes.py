"""Lanes as the threads work them off: nobody who waits stands behind a list, a letter that hangs, or a refusal."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta

import pytest
import time_machine
from flask_mail import Message
from sqlalchemy import insert, select, update

from accounts.core import mail_lanes, outbox
from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.mail_lanes import BULK, DIRECT, SLOW
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import MailLane, OutboxRow
from accounts.delivery.failures import DeliveryError, RefusesUs, TimedOut, TransientFailure
from accounts.delivery.late_mail import LateMailTeller
from accounts.delivery.transports import Mailbox, Sender
from tests.conftest import on_both_databases
from tests.delivery.test_crew import ask, wait_until, working
from tests.people import Service, make_email


class Scripted:
    """A transport that keeps what it gets, but for addresses over which it hangs or fails."""

    def __init__(self) -> None:
        self.mailbox = Mailbox(show=None)
        self.go_on = threading.Event()
        self.hangs: set[str] = set()
        self.hung: list[str] = []
        self.error: DeliveryError | None = None
        self.tried: list[str] = []

    def connect(self) -> AbstractContextManager[Sender]:
        return nullcontext(self)

    def send(self, message: Message) -> str:
        (to,) = message.send_to
        self.tried.append(str(to))
        if to in self.hangs:
            self.hung.append(str(to))
            assert self.go_on.wait(100)
            raise TimedOut("RCPT: no answer in time", "rcpt")
        if self.error is not None:
            raise self.error
        return self.mailbox.send(message)

    @property
    def sent(self) -> list[str]:
        return [mail.to for mail in reversed(self.mailbox.messages)]


@pytest.fixture
def transport(service: Service) -> Scripted:
    service.state.transport = scripted = Scripted()
    return scripted


def queue_invites(service: Service, count: int, batch: str = "list") -> None:
    """Queue invitations of a list, as sending one does; in one go."""
    moment, ids = now(), [new_id() for _ in range(count)]
    invites = [
        {"id": id, "email": f"p{number}@example.net", "email_key": f"p{number}@example.net", "name": "", "search": "",
         "groups": [], "locale": "en", "inviter_id": "", "next": "", "batch_id": batch, "created_at": moment,
         "expires_at": moment + timedelta(days=7)}
        for number, id in enumerate(ids)
    ]  # fmt: skip
    letters = [
        {"id": new_id(), "purpose": "invite", "subject": id, "facts": {"asked": {}}, "locale": "en", "lane": BULK,
         "batch": batch, "not_before": moment + timedelta(microseconds=number)}
        for number, id in enumerate(ids)
    ]  # fmt: skip
    with service.uow() as uow:
        uow.session.execute(insert(SentInvite), invites)
        uow.session.execute(insert(OutboxRow), letters)


def lane_of(service: Service, address: str) -> OutboxRow | None:
    with service.uow() as uow:
        return uow.session.scalars(select(OutboxRow).where(OutboxRow.subject == address)).one_or_none()


def open_lanes(service: Service) -> None:
    """Let the waits of all lanes be over."""
    with service.uow() as uow:
        uow.session.execute(update(MailLane).values(not_before=now() - timedelta(seconds=1)))


@pytest.mark.faults
@on_both_databases
def test_eight_letters_that_hang_hold_up_nobody_and_go_to_a_lane_of_their_own(
    service: Service, transport: Scripted
) -> None:
    hung = ask(service, 8)
    transport.hangs = set(hung)
    with working(service):
        wait_until(lambda: set(transport.hung) == set(hung))
        queue_invites(service, 5)
        others = ask(service, 5)
        wait_until(lambda: set(transport.sent) >= {*others, *(f"p{number}@example.net" for number in range(5))})
        assert all((row := lane_of(service, each)) and row.attempts == 1 for each in hung), "they still hang"
        transport.hangs = set()
        transport.go_on.set()
        wait_until(lambda: all((row := lane_of(service, each)) is None or row.lane == SLOW for each in hung))
        wait_until(lambda: set(transport.sent) >= set(hung))


@pytest.mark.faults
@on_both_databases
def test_resets_sign_ins_and_activations_go_out_while_five_thousand_invitations_wait(service: Service) -> None:
    member = service.member()
    service.sink.clear()
    queue_invites(service, 5000)
    with working(service):
        service.sink.wait_for(count=10, timeout=60)
        # How many go out of themselves between the request and the letter says how busy the machine is; in a queue
        # it would be thousands.
        for path, purpose in (("/api/forgot-password", "reset-password"), ("/api/sign-in/mail", "sign-in")):
            before = len(service.sink.messages)
            assert service.person().post(path, {"email": member.email}).status_code == 202
            service.sink.wait_for(to=member.email, timeout=20)
            assert len(service.sink.messages) - before < 1000, purpose
            service.sink.messages[:] = [mail for mail in service.sink.messages if member.email not in mail.recipients]
        (email,) = ask(service)
        service.sink.wait_for(to=email, timeout=20)
        with service.uow() as uow:
            left = outbox.cancel_batch(uow.executor, "list")
        assert left > 1000
        wait_until(lambda: outbox.count_items(service.site.store.engine) == (0, 0))
    assert len(service.sink.messages) < 5000 - left + 10


@on_both_databases
def test_a_server_that_refuses_us_pauses_the_lane_until_it_takes_a_letter(
    service: Service, transport: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    first, *others = ask(service, 5)
    queue_invites(service, 1)
    transport.error = RefusesUs("AUTH: 535 5.7.8 no", "auth")
    service.deliver()
    assert transport.tried.count(first) == 1
    assert not set(transport.tried) & set(others), "nobody is asked what was answered already"
    states = {state.lane: state for state in mail_lanes.find_lane_states(service.site.store.engine)}
    assert set(states) == {DIRECT, BULK}
    assert "535 5.7.8" in states["direct"].reason
    assert "the lane direct is paused" in caplog.text
    assert service.deliver() == 0
    open_lanes(service)
    service.deliver()
    assert len(transport.tried) == 4, "one of each lane, by itself"
    transport.error = None
    open_lanes(service)
    assert service.deliver() == 6
    assert set(transport.sent) == {first, *others, "p0@example.net"}
    assert not mail_lanes.find_lane_states(service.site.store.engine)
    with service.uow() as uow:
        kinds = uow.session.scalars(select(AuditRow.kind).where(AuditRow.kind.in_(["mail.paused", "mail.resumed"])))
        assert sorted(kinds) == ["mail.paused", "mail.paused", "mail.resumed", "mail.resumed"]


def test_a_server_that_is_away_for_two_days_costs_no_letter_and_goes_on_at_once(
    service: Service, transport: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        addresses = ask(service, 6)
        transport.error = TransientFailure("ConnectionRefusedError", "connect")
        teller, told = LateMailTeller(service.site), 0
        for _ in range(47 * 6):
            service.deliver()
            teller._look_at = 0.0
            teller.tell()
            time.shift(600)
        assert 0 < len(transport.tried) < 47 * 6 + 10, "one letter at a time"
        told = sum("mail is late" in record.getMessage() for record in caplog.records)
        assert told == 1, "and again by the clock of the machine, not at each look"
        transport.error = None
        service.deliver()
        assert set(transport.sent) == set(addresses)
        assert not mail_lanes.find_lane_states(service.site.store.engine)


def test_a_letter_that_the_server_dislikes_does_not_keep_a_lane_paused(service: Service, transport: Scripted) -> None:
    ask(service, 3)
    with service.uow() as uow:
        mail_lanes.pause_lane(uow.executor, DIRECT, "refused")
    open_lanes(service)
    transport.error = TransientFailure("RCPT: 451 4.2.0 greylisted", "rcpt")
    service.deliver()
    assert not mail_lanes.find_lane_states(service.site.store.engine)
    assert len(transport.tried) == 3


@on_both_databases
def test_a_letter_whose_link_would_be_too_old_is_dropped_and_the_trace_says_why(
    service: Service, transport: Scripted
) -> None:
    member, admin, late = service.member(), service.admin(), make_email()
    assert service.person().post("/api/forgot-password", {"email": member.email}).status_code == 202
    assert admin.post("/api/admin/invites", {"email": late, "days": 1}).status_code == 202
    queue_invites(service, 1)
    for minutes, sent in ((31, ["p0@example.net", late]), (60 * 25, ["p0@example.net"])):
        transport.mailbox = Mailbox(show=None)
        with service.uow() as uow:
            uow.session.execute(update(OutboxRow).values(created_at=now() - timedelta(minutes=minutes)))
            ends = now() + timedelta(days=1, minutes=-minutes)
            uow.session.execute(update(SentInvite).where(SentInvite.email == late).values(expires_at=ends))
        service.deliver()
        assert sorted(transport.sent) == sorted(sent)
        assert admin.post("/api/admin/invites", {"email": late, "days": 1}).status_code == 202
        queue_invites(service, 1)
    for address in (member.email, late):
        trace = admin.post("/api/admin/mail", {"email": address}).get_json()["trace"]
        assert "expired-before-sent" in {letter["why"] for letter in trace["letters"]}, address
