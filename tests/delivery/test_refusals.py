"""Whom a mail server refuses: an address, or this service, whose letters must not all die of it."""

from __future__ import annotations

import logging
import socket
import threading

import pytest
from flask_mail import Message
from sqlalchemy import select

from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core import outbox
from accounts.core.models.outbox import OutboxRow
from accounts.delivery.letters import Letters
from accounts.delivery.samples import sample_letter
from accounts.delivery.transports import PermanentFailure, RefusesUs, TransientFailure
from tests.delivery.conftest import SENDER, make_transport
from tests.people import Service, make_email
from tests.servers.smtp import SmtpSink, Verb


@pytest.fixture
def message(letters: Letters) -> Message:
    return letters.compose(sample_letter("reset-password", "en"), sender=SENDER, message_id="<row1@example.org>")


def refuse(message: Message, verb: Verb, reply: str) -> Exception:
    with SmtpSink() as sink:
        sink.misbehave(verb, reply)
        with pytest.raises((PermanentFailure, TransientFailure)) as caught:
            make_transport(sink.port).send(message)
    assert reply in str(caught.value)
    return caught.value


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "BODY"])
@pytest.mark.parametrize(
    "reply",
    [
        "504 5.5.2 <ctr>: Helo command rejected: need fully-qualified hostname",
        "504 need a real name",
        "550 5.7.60 SMTP; Client does not have permissions to send as this sender",
        "550 5.7.1 not over this one",
        "554 5.7.1 Relay access denied",
        "550 5.7.23 SPF validation failed",
        "550 5.7.26 unauthenticated sender",
        "554 5.7.1 Service unavailable; Client host blocked using a list",
        "550 5.1.8 Sender address rejected: Domain not found",
        "553 5.1.7 the sender address is not valid",
        "530 5.7.0 log in first",
        "535 5.7.8 credentials",
        "503 5.5.1 bad sequence",
        "501 5.5.4 invalid argument",
        "500 5.5.2 what",
    ],
)
def test_who_refuses_us_condemns_no_letter(message: Message, verb: Verb, reply: str) -> None:
    assert isinstance(refuse(message, verb, reply), RefusesUs)


@pytest.mark.parametrize("reply", ["550 5.1.0 sender rejected", "553 not your domain", "550 no", "552 5.3.4 too big"])
def test_any_no_to_the_sender_is_about_us(message: Message, reply: str) -> None:
    assert isinstance(refuse(message, "MAIL", reply), RefusesUs)


@pytest.mark.parametrize(
    "reply",
    [
        "550 5.1.1 no such user",
        "550 5.1.10 null MX",
        "551 5.1.6 moved",
        "552 5.2.2 mailbox full",
        "550 5.2.1 disabled",
        "550 5.4.1 access denied",
        "553 5.1.3 not an address",
        "550 no such user; see 5.7.1 of our terms",
        "556 5.1.10 takes no mail",
        "550 5.70.1 of no class that is known",
    ],
)
def test_who_refuses_the_address_condemns_its_letter(message: Message, reply: str) -> None:
    assert isinstance(refuse(message, "RCPT", reply), PermanentFailure)


def test_a_letter_of_ours_that_is_refused_waits_and_the_log_is_loud(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    assert service.person().post("/api/sign-up", {"email": (email := make_email())}).status_code == 202
    service.sink.misbehave("RCPT", "504 5.5.2 <ctr>: Helo command rejected: need fully-qualified hostname")
    with caplog.at_level(logging.WARNING, "accounts.mail"):
        service.deliver()
    service.sink.behave()
    assert outbox.count_items(service.site.store.engine) == (1, 0)
    (loud,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "refuses this service, not the address" in loud.getMessage()
    assert email not in caplog.text
    with service.site.store.engine.connect() as connection:
        read_by_admin = connection.scalar(select(OutboxRow.last_error))
    assert read_by_admin == "RCPT: 504 5.5.2 <ctr>: Helo command rejected: need fully-qualified hostname"


@pytest.mark.parametrize(
    ("origin", "set_to", "told"),
    [
        ("https://accounts.example.org", None, "accounts.example.org"),
        ("https://accounts.example.org:8443", None, "accounts.example.org"),
        ("https://accounts.example.org", "mail.example.net", "mail.example.net"),
        ("http://127.0.0.1:8000", None, "[127.0.0.1]"),
        ("http://[::1]:8000", None, "[IPv6:::1]"),
        ("http://localhost:8000", None, "localhost"),
        ("https://accounts.example.org", "[192.0.2.7]", "[192.0.2.7]"),
        ("https://accounts.example.org", "[IPv6:2001:db8::7]", "[IPv6:2001:db8::7]"),
    ],
)
def test_a_server_is_told_the_name_that_is_set_or_the_public_one(
    message: Message, origin: str, set_to: str | None, told: str
) -> None:
    with SmtpSink() as sink:
        make_transport(sink.port, public_origin=origin, mail_helo=set_to).send(message)
        assert [mail.helo for mail in sink.messages] == [told]


@pytest.mark.parametrize(
    "name",
    ["", " ", "mail example", "mail.example.org.", "-mail.example", "a..b", "x\r\nRCPT", "192.0.2.7", "[::1]",
     "[IPv6:192.0.2.7]", "[IPv6:x]", "[mail.example]", "mäil.example", "a" * 64, "mail_1.example"],
)  # fmt: skip
def test_what_no_server_could_be_told_is_refused_at_the_start(name: str) -> None:
    with pytest.raises(SettingsError, match="ACCOUNTS_MAIL_HELO: must be a domain"):
        Settings.load({"ACCOUNTS_MAIL_HELO": name})


@pytest.mark.parametrize("length", [500, 8180, 8192, 9000, 100_000])
def test_a_yes_with_a_long_line_is_a_yes(message: Message, length: int) -> None:
    with SmtpSink() as sink:
        sink.misbehave("ACCEPTED", f"250 2.0.0 {'x' * length}")
        assert make_transport(sink.port).send(message).startswith("250 2.0.0 ")


def test_a_yes_of_many_lines_is_a_yes(message: Message) -> None:
    with SmtpSink() as sink:
        sink.misbehave("ACCEPTED", "250-2.0.0 more\r\n" * 5000 + "250 2.0.0 kept")
        assert make_transport(sink.port).send(message).startswith("250 ")


@pytest.mark.parametrize("dripped", [b"2", b"220-more\r\n"])
def test_a_server_that_drips_does_not_hold_a_letter_for_ever(message: Message, dripped: bytes) -> None:
    """Each byte comes in time, the answer never does."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not over.wait(0.02):
                    try:
                        connection.sendall(dripped)
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(TransientFailure):
                make_transport(server.getsockname()[1], seconds=0.3).send(message)
        finally:
            over.set()
            thread.join()
