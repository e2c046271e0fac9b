"""What a hostile mail domain, or a broken mail server, says does harm to no letter but its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import pytest
from flask_mail import Message
from sqlalchemy import update

from accounts.core import mail_lanes
from accounts.core.mail_lanes import DIRECT, REFUSED_STEP
from accounts.core.models.outbox import MailLane
from accounts.delivery.failures import RefusesUs, TransientFailure
from accounts.delivery.letters import Letters
from accounts.delivery.refusals import MAX_REMEMBERED_DOMAINS, RefusalWatch
from accounts.delivery.samples import sample_letter
from accounts.delivery.transports import Mailbox, Sender
from accounts.flows.helpdesk import mail_lanes as lane_acts
from tests.conftest import on_both_databases
from tests.delivery.conftest import SENDER, make_transport
from tests.people import Service, make_email


@contextmanager
def answering(greeting: bytes, *answers: bytes) -> Iterator[int]:
    """A server that says these things whatever it is told, one connection after the other; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, connection.makefile("rwb", buffering=0) as stream:
                    stream.write(greeting)
                    for answer in answers:
                        if not stream.readline():
                            break
                        stream.write(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("challenge", [b"334 abc\r\n", b"334 !!!abc\r\n"])
def test_a_log_in_that_cannot_be_understood_condemns_no_letter(
    letters: Letters, mechanism: str, challenge: bytes
) -> None:
    message = letters.compose(sample_letter("reset-password", "en"), sender=SENDER, message_id="<row1@example.org>")
    ehlo = f"250-sink\r\n250 AUTH {mechanism}\r\n".encode()
    with answering(b"220 sink\r\n", ehlo, challenge, challenge) as port:
        transport = make_transport(port, mail_username="user", mail_password="a secret")
        with pytest.raises(RefusesUs, match=r"AUTH: SMTPException: the log-in .* cannot be done") as caught:
            transport.send(message)
    assert caught.value.step == "auth"
    assert "a secret" not in str(caught.value)


class HostileDomains:
    """A transport over which three mail domains refuse us, at the recipient."""

    def __init__(self) -> None:
        self.mailbox = Mailbox(show=None)

    def connect(self) -> AbstractContextManager[Sender]:
        return nullcontext(self)

    def send(self, message: Message) -> str:
        (to,) = message.send_to
        if "@hostile" in str(to):
            raise RefusesUs("RCPT: 550 5.7.1 blocked", "rcpt")
        return self.mailbox.send(message)


@on_both_databases
def test_whoever_signs_up_at_three_hostile_domains_stops_nobodys_mail(service: Service) -> None:
    service.state.transport = transport = HostileDomains()
    hostile = [f"p{number}@hostile{number % 3}.example" for number in range(30)]
    for email in (*hostile, friend := make_email()):
        assert service.person().post("/api/sign-up", {"email": email}).status_code == 202
    service.deliver()
    (state,) = mail_lanes.find_lane_states(service.site.store.engine)
    assert (state.lane, state.step) == (DIRECT, REFUSED_STEP)
    with service.uow() as uow:
        uow.session.execute(update(MailLane).values(not_before=MailLane.paused_at))
    service.deliver()
    assert [mail.to for mail in transport.mailbox.messages] == [friend], "no wait for each of those before it"


def test_a_lane_that_an_admin_has_paused_stays_so_whatever_a_letter_under_way_tells(service: Service) -> None:
    lane_acts.pause_mail(service.uow(), DIRECT)
    with service.uow() as uow:
        mail_lanes.return_turn(uow.executor, DIRECT)
    (state,) = mail_lanes.find_lane_states(service.site.store.engine)
    assert state.next_try_at is None


def test_a_refusal_tells_nothing_where_its_domain_has_refused_since_the_last_yes() -> None:
    watch, refusal = RefusalWatch(), RefusesUs("RCPT: 550 5.7.1 no", "rcpt")
    assert not watch.is_known("a.example", refusal)
    watch.note("a.example", refusal)
    assert watch.is_known("sub.a.example", refusal)
    assert not watch.is_known("a.example", RefusesUs("MAIL: 550 5.7.1 no", "mail"))
    assert not watch.is_known("a.example", TransientFailure("RCPT: 451 later", "rcpt"))
    for number in range(MAX_REMEMBERED_DOMAINS):
        watch.note(f"a{number}.example", refusal)
    assert not watch.is_known("a.example", refusal), "only so many are remembered"
    watch.note("b.example", None)
    assert not watch.is_known(f"a{MAX_REMEMBERED_DOMAINS - 1}.example", refusal)
