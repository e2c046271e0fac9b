"""Reports that mail servers send by mail are read, however they are written; other mail is none."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.flows.mail_bounces.dsn import parse_mail
from accounts.flows.mail_bounces.reports import BounceReport
from tests.flows.mail_bounces import samples
from tests.kit.properties import examples

ID = "A1b2C3d4E5f6G7h8@accounts.example.org"
POSTFIX = samples.dsn(ID)


def only(raw: bytes) -> BounceReport:
    (report,) = parse_mail(raw)
    assert report.message_ids[0] == ID
    return report


@pytest.mark.parametrize("returned", ["message/rfc822", "text/rfc822-headers"])
def test_postfix_returns_the_email_or_its_header(returned: str) -> None:
    report = only(samples.dsn(ID, returned=returned))
    assert (report.kind, report.status) == ("permanent", "5.1.1")
    assert report.said == "550 5.1.1 <[...]>: Recipient address rejected: User unknown"


@pytest.mark.parametrize(
    ("action", "status", "kind"),
    [
        ("failed", "5.2.1", "permanent"),
        ("Failed", "5.1.1 (bad destination mailbox address)", "permanent"),
        ("failed", "4.4.7", "transient"),
        ("delayed", "4.4.1", "transient"),
        ("delayed", "5.1.1", "transient"),
        ("failed", "", "permanent"),
    ],
)
def test_what_is_for_good_is_said_by_action_and_status(action: str, status: str, kind: str) -> None:
    assert only(samples.dsn(ID, action=action, status=status, code="")).kind == kind


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded", "", "x"])
def test_a_success_is_no_report(action: str) -> None:
    assert parse_mail(samples.dsn(ID, action=action)) == []


def test_of_several_recipients_the_one_that_failed_counts() -> None:
    fields = (
        "Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; a@b.c\r\nAction: delayed\r\nStatus: 4.0.0\r\n\r\n" * 2
    )
    fields += "Final-Recipient: rfc822; d@b.c\r\nAction: failed\r\nStatus: 5.2.2\r\n"
    assert only(samples.dsn(ID, status_body=fields)).status == "5.2.2"
    many = "Reporting-MTA: dns; x\r\n\r\n" + "Action: failed\r\nStatus: 5.2.2\r\n\r\n" * 5000
    assert only(samples.dsn(ID, status_body=many)).status == "5.2.2"


def test_a_status_that_is_encoded_against_the_rules_is_read() -> None:
    fields = "Reporting-MTA: dns; x\r\n\r\nAction: failed\r\nStatus: 5.1.10\r\nDiagnostic-Code: smtp;550 gone\r\n"
    encoded = base64.encodebytes(fields.encode()).decode().replace("\n", "\r\n")
    assert only(samples.dsn(ID, status_body=encoded, status_encoding="base64")).status == "5.1.10"


def test_exchange_and_gmail_nest_and_refer() -> None:
    exchange = (
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n'
        "From: postmaster@contoso.com\r\nSubject: Undeliverable: Your link\r\nX-MS-Exchange-Message-Is-Ndr:\r\n\r\n"
        '--b\r\nContent-Type: multipart/alternative; differences=Content-Type; boundary="c"\r\n\r\n'
        "--c\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nNot delivered.\r\n--c--\r\n\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns;DB9.contoso.com\r\n\r\n"
        "Final-Recipient: rfc822;jane@contoso.com\r\nAction: failed\r\nStatus: 5.1.10\r\n"
        "Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found by SMTP address lookup\r\n\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\nReceived: from x\r\nMessage-ID:\r\n <{ID}>\r\n\r\nx\r\n--b--\r\n"
    )
    report = only(exchange.encode())
    assert (report.kind, report.status, report.said.startswith("550 5.1.10 RESOLVER")) == (
        "permanent",
        "5.1.10",
        True,
    )
    gmail = (
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; boundary="g"; report-type=delivery-status\r\n'
        f"From: Mail Delivery Subsystem <m@googlemail.com>\r\nReferences: <{ID}>\r\nIn-Reply-To: <{ID}>\r\n"
        "X-Failed-Recipients: jane@example.com\r\nSubject: Delivery Status Notification (Failure)\r\n\r\n"
        '--g\r\nContent-Type: multipart/related; boundary="h"\r\n\r\n--h\r\nContent-Type: text/html\r\n'
        "\r\n<p>Address not found</p>\r\n--h--\r\n"
        "--g\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; googlemail.com\r\n\r\n"
        "Final-Recipient: rfc822; jane@example.com\r\nAction: failed\r\nStatus: 5.1.1\r\n"
        "Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.\r\n--g--\r\n"
    )
    assert only(gmail.encode()).status == "5.1.1"


EXIM = (
    "X-Failed-Recipients: jane@example.com\r\nAuto-Submitted: auto-replied\r\n"
    "From: Mail Delivery System <Mailer-Daemon@mx.example.net>\r\nTo: accounts@example.org\r\n"
    "Subject: Mail delivery failed: returning message to sender\r\n\r\n"
    "This message was created automatically by mail delivery software.\r\n\r\n  jane@example.com\r\n"
    "    SMTP error from remote mail server after RCPT TO:<jane@example.com>:\r\n"
    "    host mx.example.com [192.0.2.1]: 550 5.1.1 unknown user\r\n\r\n"
    "------ This is a copy of your message, including all the headers. ------\r\n\r\n"
    f"Return-path: <accounts@example.org>\r\nMessage-Id: <{ID}>\r\nSubject: Your link\r\n\r\nHello\r\n"
)


def test_exim_without_a_status_part_is_read_by_its_text() -> None:
    report = only(EXIM.encode())
    assert (report.kind, report.status) == ("permanent", "5.1.1")
    assert report.said == "host mx.example.com [192.0.2.1]: 550 5.1.1 unknown user"
    warning = EXIM.replace("failed: returning message to sender", "delayed: warning").replace(
        "550 5.1.1", "451 4.2.0"
    )
    assert only(warning.encode()).kind == "transient"


def test_a_feedback_report_is_a_complaint() -> None:
    raw = (
        'MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; boundary="f"\r\n\r\n'
        "--f\r\nContent-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n"
        "--f\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\n\r\n"
        f"--f\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{ID}>\r\n\r\nx\r\n--f--\r\n"
    )
    assert only(raw.encode()).kind == "complaint"


def test_an_answer_of_a_person_or_of_an_absent_one_is_no_report() -> None:
    answer = f"From: jane@example.com\r\nIn-Reply-To: <{ID}>\r\nSubject: Out of office\r\n\r\nBack soon\r\n"
    assert parse_mail(answer.encode()) == []
    quoted = f"From: jane@example.com\r\nContent-Type: text/plain\r\n\r\n> Message-ID: <{ID}>\r\n> Action: failed\r\n"
    assert parse_mail(quoted.encode()) == []


def test_what_stands_in_the_returned_email_is_not_taken_for_the_report() -> None:
    inner = samples.dsn("B1b2C3d4E5f6G7h8@accounts.example.org").decode().replace("4C1A52.1", "other")
    outer = POSTFIX.decode().replace("The words of the email.", "x")
    nested = outer.replace(f"Message-ID: <{ID}>\r\n\r\nx", f"Message-ID: <{ID}>\r\n{inner}")
    assert only(nested.encode()).message_ids == (ID,)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 1000,
        b"\xff" * 5000,
        b"Content-Type: multipart/report; boundary=" + b"b" * 5000,
        b"Content-Type: message/delivery-status; charset=nonsense\r\n\r\n\xff\xff\r\n\r\nAction: failed\r\n",
        b"Content-Type: text/plain; charset=unicode_escape\r\nX-Failed-Recipients: a\r\n\r\n\\ud800 550",
        b"".join(b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(300)),
        b"Content-Type: message/rfc822\r\n\r\n" * 900,
        POSTFIX.replace(b"\r\n", b"\n"),
        POSTFIX.replace(b"\r\n", b"\r"),
        POSTFIX[: len(POSTFIX) // 2],
        POSTFIX.replace(b"Status: 5.1.1", b"Status: " + b"5." * 9000),
        POSTFIX.replace(b"550 5.1.1", "\u202e\N{PILE OF POO}".encode()),
    ],
    ids=range(13),
)
def test_mail_that_is_none_or_hostile_is_read_to_its_end(raw: bytes) -> None:
    for report in parse_mail(raw):
        assert len(report.said) <= 200
        assert len(report.status) <= 12


@given(st.data())
@examples(200)
def test_no_mail_whatever_raises_anything(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from([POSTFIX, EXIM.encode()]))
    place = data.draw(st.integers(0, len(sample)))
    cut = data.draw(st.integers(0, 40))
    parse_mail(sample[:place] + data.draw(st.binary(max_size=40)) + sample[place + cut :])
