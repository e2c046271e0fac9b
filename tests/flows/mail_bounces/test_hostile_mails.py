"""Anybody may write to the mailbox whose mail is taken in: nothing in a mail breaks that, or takes it long."""

from __future__ import annotations

import pytest

from accounts.flows.mail_bounces.dsn import MAX_NESTED_PARTS, MAX_PARSED_PARTS, parse_mail
from accounts.flows.mail_bounces.reports import MAX_REPORT_BYTES
from tests.flows.mail_bounces import samples

ID = "A1b2C3d4E5f6G7h8@accounts.example.org"
REPORT = samples.dsn(ID)
CHARSETS = ["=undefined", "=idna", "=punycode", "=utf\0x", "*=a'b'c", "=hex", "*=undefined''%ff", f"={'x' * 3000}"]


def nest(depth: int, innermost: bytes) -> bytes:
    """A mail in a mail, so many times."""
    for number in range(depth):
        head = f"Content-Type: multipart/mixed; boundary=b{number}\n\n--b{number}\n".encode()
        innermost = head + innermost + f"\n--b{number}--\n".encode()
    return innermost


@pytest.mark.parametrize("charset", CHARSETS)
@pytest.mark.parametrize("kind", ["text/rfc822-headers", "text/plain", "message/delivery-status"])
def test_a_character_set_that_is_none_breaks_nothing(charset: str, kind: str) -> None:
    typed = f"Content-Type: {kind}; charset{charset}\n".encode()
    body = b"\nMessage-ID: <" + ID.encode() + b">\nSubject: \xff\n\n  \xff 550 no\n"
    report = REPORT.partition(b"--4C1A52")[0] + b"--4C1A52.1/mail.example.net\n" + typed + body
    for raw in (report, b"X-Failed-Recipients: a@b.c\n" + typed + body, typed + body):
        assert {each.message_ids for each in parse_mail(raw)} <= {(), (ID,)}


@pytest.mark.parametrize(
    "raw",
    [
        nest(MAX_NESTED_PARTS - 3, REPORT),
        nest(MAX_NESTED_PARTS + 1, REPORT),
        nest(5000, b"x"),
        b"Content-Type: message/rfc822\n\n" * 30_000,
        b"Content-type:\n multipart/mixed;\n boundary=b\n\n" * 10_000,
        b"Content-Type: multipart/mixed; boundary*=idna''%ff\n\nx",
        b"Content-Type: multipart/mixed; boundary*" + b"9" * 3900 + b"*=a''x\n\nx",
        b'Content-Type: multipart/mixed; x="' + b";" * 900_000 + b"\n\nx",
        b'Content-Type: multipart/mixed; x="' + b";\n " * 300_000 + b"\n\nx",
        b"Content-Type: multipart/report; boundary=b\n\n" + b"--b\n\n" * 200_000,
        b"Content-Type: message/delivery-status\n\n" + b"a:\n\n" * 200_000 + b"Action: failed\n\n",
        b"Content-Type: message/delivery-status\n\n" + b"a:\n\n" * (MAX_PARSED_PARTS + 1) + b"Action: failed\n\n",
    ],
    ids=range(12),
)
def test_a_mail_of_too_many_parts_is_no_report(raw: bytes) -> None:
    assert len(raw) <= MAX_REPORT_BYTES
    assert len(parse_mail(raw)) == (1 if raw == nest(MAX_NESTED_PARTS - 3, REPORT) else 0)


@pytest.mark.parametrize("line", [b" " * 64_000, b"  " + b"4 " * 32_000, b" " * 30_000 + b"450" * 10_000])
def test_a_long_line_in_the_words_of_exim_is_read_once(line: bytes) -> None:
    # Of every blank at its beginning the rest was looked through anew, which took minutes.
    raw = b"X-Failed-Recipients: a@b.c\nReferences: <" + ID.encode() + b">\n\n" + line + b"\n"
    (report,) = parse_mail(raw)
    assert (report.kind, report.message_ids) == ("permanent", (ID,))
