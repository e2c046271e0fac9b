from __future__ import annotations

import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask_mail import Message, email_dispatched

from accounts.config import Settings
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.message import LetterMessage
from accounts.delivery.samples import SAMPLE_EMAIL, SAMPLE_ORIGIN, SAMPLES, sample_letter
from accounts.delivery.transports import MAX_MESSAGES, Mailbox, PermanentFailure, SmtpTransport, TransientFailure
from tests.delivery.conftest import SENDER, Tls, make_transport
from tests.servers.certificates import Authority
from tests.servers.smtp import DISCONNECT, HANG, SmtpSink, Verb

LINK = str(SAMPLES["reset-password"]["link"])
SECONDS_ON_A_LOADED_MACHINE = 20


def message(locale: str = "en") -> Message:
    letters = Letters([emails_folder()], "Accounts", SAMPLE_ORIGIN)
    return letters.compose(sample_letter("reset-password", locale), sender=SENDER, message_id="<row1@example.org>")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


# A server that takes mail


def test_a_letter_is_carried_as_it_was_written_without_an_application() -> None:
    with SmtpSink() as sink:
        answer = make_transport(sink.port).send(message())
        (mail,) = sink.messages
    assert answer == "250 2.0.0 kept"
    assert (mail.sender, mail.recipients) == ("no-reply@example.org", (SAMPLE_EMAIL,))
    assert b"\r\n" + LINK.encode() + b"\r\n" in mail.raw
    assert mail.message["Message-ID"] == "<row1@example.org>"


def test_links_stay_whole_beside_umlauts() -> None:
    with SmtpSink() as sink:
        make_transport(sink.port).send(message("de"))
        (mail,) = sink.messages
    assert "zurückzusetzen".encode() in mail.raw
    assert b"\r\n" + LINK.encode() + b"\r\n" in mail.raw


def test_a_server_of_seven_bits_gets_seven_bits() -> None:
    with SmtpSink() as sink:
        sink.misbehave("EHLO", "502 5.5.1 only HELO here")
        make_transport(sink.port).send(message("de"))
        (mail,) = sink.messages
    assert mail.raw.isascii()
    text = mail.message.get_body(("plain",))
    assert text is not None
    assert "zurückzusetzen" in text.get_content()


def test_no_receiver_of_signals_gets_a_usable_link() -> None:
    results: list[object] = []

    def listen(sender: object, **facts: object) -> None:
        results.append(facts)

    with SmtpSink() as sink, email_dispatched.connected_to(listen):
        make_transport(sink.port).send(message())
    assert results == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_goes_encrypted_to_a_server_whose_certificate_is_trusted(authority: Authority, tls: Tls) -> None:
    with SmtpSink(tls=tls, context=authority.server_context()) as sink:
        make_transport(sink.port, tls, authority.certificate).send(message())
        (mail,) = sink.messages
    assert mail.encrypted


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_no_mail_goes_to_a_server_whose_certificate_nobody_vouches_for(authority: Authority, tls: Tls) -> None:
    with SmtpSink(tls=tls, context=authority.server_context()) as sink:
        with pytest.raises(TransientFailure, match="CERTIFICATE_VERIFY_FAILED"):
            make_transport(sink.port, tls).send(message())
        assert sink.messages == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize(
    ("names", "days", "reason"),
    [(("mail.example.org",), 1, "mismatch"), (("localhost",), -1, "expired")],
)
def test_no_mail_goes_to_a_server_with_a_wrong_certificate(
    authority: Authority, tls: Tls, names: tuple[str, ...], days: int, reason: str
) -> None:
    context = authority.server_context(*names, expires_in=timedelta(days=days))
    with SmtpSink(tls=tls, context=context) as sink:
        with pytest.raises(TransientFailure, match=reason):
            make_transport(sink.port, tls, authority.certificate).send(message())
        assert sink.messages == []


@pytest.mark.parametrize("tls", ["starttls", "tls"])
@pytest.mark.parametrize("password", ["right", "wrong"])
def test_a_wrong_password_of_ours_does_not_condemn_the_mail(authority: Authority, tls: Tls, password: str) -> None:
    context = authority.server_context()
    with SmtpSink(tls=tls, context=context, login=("robot", "right")) as sink:
        post = make_transport(sink.port, tls, authority.certificate, mail_username="robot", mail_password=password)
        if password == "right":
            post.send(message())
            assert [mail.user for mail in sink.messages] == ["robot"]
        else:
            with pytest.raises(TransientFailure, match="535"):
                post.send(message())


def test_a_password_that_smtp_cannot_say_does_not_condemn_the_mail(authority: Authority) -> None:
    with SmtpSink(tls="tls", context=authority.server_context(), login=("robot", "right")) as sink:
        post = make_transport(sink.port, "tls", authority.certificate, mail_username="robot", mail_password="Käse")
        with pytest.raises(TransientFailure, match="UnicodeEncodeError") as caught:
            post.send(message())
    assert "\\xe4" not in str(caught.value)


# A server that misbehaves


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "BODY"])
@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("421 going down", TransientFailure),
        ("451 4.7.1 greylisted", TransientFailure),
        ("550 5.1.1 no such user", PermanentFailure),
        ("552 5.2.2 mailbox full", PermanentFailure),
        ("999 what", TransientFailure),
        ("garbage", TransientFailure),
    ],
)
def test_5xx_to_the_recipient_is_for_good_and_all_else_is_for_now(
    verb: Verb, reply: str, kind: type[Exception]
) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, reply)
        with pytest.raises((PermanentFailure, TransientFailure)) as caught:
            make_transport(sink.port).send(message())
    assert caught.type is kind
    if reply != "garbage":
        assert reply in str(caught.value)


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "STARTTLS"])
@pytest.mark.parametrize("reply", ["421 busy", "454 not now", "554 we do not talk to you", DISCONNECT])
def test_a_no_before_the_mail_was_named_is_for_now(authority: Authority, verb: Verb, reply: str) -> None:
    with SmtpSink(tls="starttls", context=authority.server_context()) as sink:
        sink.misbehave(verb, reply)
        with pytest.raises(TransientFailure):
            make_transport(sink.port, "starttls", authority.certificate).send(message())
        assert sink.messages == []


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "BODY", "ACCEPTED"])
def test_a_server_that_hangs_up_is_tried_again(verb: Verb) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, DISCONNECT)
        with pytest.raises(TransientFailure):
            make_transport(sink.port).send(message())


@pytest.mark.parametrize("verb", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_a_server_that_says_nothing_is_given_up(verb: Verb) -> None:
    with SmtpSink() as sink:
        sink.misbehave(verb, HANG)
        started = time.monotonic()
        with pytest.raises(TransientFailure):
            make_transport(sink.port, seconds=0.3).send(message())
        assert time.monotonic() - started < SECONDS_ON_A_LOADED_MACHINE


def test_a_server_without_starttls_gets_no_mail_in_plain_text() -> None:
    with SmtpSink() as sink:
        with pytest.raises(TransientFailure, match="STARTTLS"):
            make_transport(sink.port, "starttls").send(message())
        assert sink.messages == []


def test_nobody_at_the_port_is_for_now() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(TransientFailure, match="ConnectionRefusedError"):
        make_transport(port).send(message())


@pytest.mark.parametrize("farewell", [DISCONNECT, "554 what", "garbage"])
def test_mail_that_was_taken_stays_taken_when_the_farewell_fails(farewell: str) -> None:
    with SmtpSink() as sink:
        sink.misbehave("QUIT", farewell)
        assert make_transport(sink.port).send(message()) == "250 2.0.0 kept"


def test_any_2yz_is_a_yes() -> None:
    with SmtpSink() as sink:
        sink.misbehave("ACCEPTED", "251 taken somewhere")
        assert make_transport(sink.port).send(message()) == "251 taken somewhere"


def test_an_error_that_is_kept_holds_no_link() -> None:
    with SmtpSink() as sink:
        sink.misbehave("BODY", f"554 5.6.0 blocked {LINK} because of {LINK[-120:]}\x07")
        with pytest.raises(TransientFailure) as caught:
            make_transport(sink.port).send(message())
    assert str(caught.value) == "DATA: 554 5.6.0 blocked [...] because of [...]"
    assert caught.value.__cause__ is None


# What is no mail to anybody


def edited(change: Callable[[Message], None]) -> Message:
    one = message()
    change(one)
    return one


def addressed(*recipients: str) -> Message:
    return edited(lambda one: setattr(one, "recipients", list(recipients)))


@pytest.mark.parametrize(
    "wrong",
    [
        addressed("anna@example.org,evil@example.net"),
        addressed("anna@example.org", "evil@example.net"),
        addressed("Anna <anna@example.org>"),
        addressed("anna@example.org\r\nRCPT TO:<evil@example.net>"),
        addressed("anna"),
        addressed(),
        edited(lambda one: setattr(one, "bcc", ["evil@example.net"])),
        edited(lambda one: setattr(one, "sender", "nobody")),
        edited(lambda one: setattr(one, "subject", "Hello\r\nBcc: evil@example.net")),
    ],
)
def test_a_message_that_is_not_for_exactly_one_address_is_refused(wrong: Message) -> None:
    mailbox = Mailbox(show=None)
    with SmtpSink() as sink:
        for one in (make_transport(sink.port), mailbox):
            with pytest.raises(PermanentFailure):
                one.send(wrong)
        assert sink.messages == []
    assert mailbox.messages == []


def test_a_carrier_without_a_server_is_not_made() -> None:
    settings = Settings(
        env="development",
        public_origin="http://127.0.0.1:8000",
        database_url="sqlite://",
        mail_sender=SENDER,
        mail_tls="none",
    )
    with pytest.raises(ValueError, match="mail server"):
        SmtpTransport(settings)


# The mailbox of development


def test_the_mailbox_shows_each_message_and_keeps_the_last_ones() -> None:
    shown: list[str] = []
    mailbox = Mailbox(show=shown.append)
    answers = [mailbox.send(message()) for _ in range(MAX_MESSAGES + 5)]
    assert answers[0] == "250 kept as 1"
    assert len(mailbox.messages) == MAX_MESSAGES
    newest = mailbox.messages[0]
    assert (newest.id, newest.to) == (str(MAX_MESSAGES + 5), SAMPLE_EMAIL)
    assert newest.subject == "Reset your Accounts password"
    assert LINK in newest.text
    assert LINK in newest.html
    assert datetime.now(UTC) - newest.at < timedelta(minutes=1)
    assert LINK not in repr(newest)
    assert shown[0].split("\n")[1:3] == [f"  mail to {SAMPLE_EMAIL}: Reset your Accounts password", f"  {LINK}"]


def test_the_mailbox_prints_to_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Mailbox().send(LetterMessage(subject="Note", recipients=[SAMPLE_EMAIL], body="no link", sender=SENDER))
    assert f"mail to {SAMPLE_EMAIL}: Note" in capsys.readouterr().err
