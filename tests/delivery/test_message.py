"""An email as bytes: what the standard library would write."""

from __future__ import annotations

from email import policy
from email.message import EmailMessage

import pytest

from accounts.delivery.message import LetterMessage

SENDER = "Accounts <no-reply@example.org>"


@pytest.mark.parametrize(
    "to",
    [
        "anna@example.org",
        "anna.maria+list_1@mail-1.example.org",
        f"{'a' * 60}@example.org",
        f"{'a' * 62}@{'b' * 60}.{'c' * 60}.example.org",
        "o'hara@example.org",
        "jürgen@example.org",
    ],
)
@pytest.mark.parametrize("subject", ["Choose a new password", "Wählen Sie ein neues Passwort", "word " * 40])
def test_headers_are_written_as_the_standard_library_writes_them(to: str, subject: str) -> None:
    letter = LetterMessage(
        subject=subject.strip(), recipients=[to], body="text\n", html="<p>html", sender=SENDER, date=1_700_000_000
    )
    letter.msgId = f"<{to.rpartition('@')[0].encode('ascii', 'replace').decode().replace('?', 'x')}@example.org>"
    standard = EmailMessage(policy=policy.SMTP)
    for name, value in {
        "Subject": subject.strip(),
        "From": SENDER,
        "To": to,
        "Date": "Tue, 14 Nov 2023 22:13:20 +0000",
        "Message-ID": letter.msgId,
    }.items():
        standard[name] = value
    headers = standard.as_bytes().removesuffix(b"\r\n")
    assert letter.as_bytes().startswith(headers + b"MIME-Version: 1.0\r\n")


@pytest.mark.parametrize("text", ["Hello\n", "Schöne Grüße\n", "a\r\nb\n\n.\nFrom me\n"])
@pytest.mark.parametrize("eight_bit", [True, False])
def test_parts_are_written_as_the_standard_library_writes_them(text: str, eight_bit: bool) -> None:
    html = f"<p>ü {'long ' * 300}</p>\n"
    letter = LetterMessage(subject="Note", recipients=["anna@example.org"], body=text, html=html, sender=SENDER)
    letter.msgId, letter.eight_bit = "<row1@example.org>", eight_bit
    encoding = "7bit" if text.isascii() else "8bit" if eight_bit else "quoted-printable"
    standard = EmailMessage(policy=policy.SMTP)
    standard.set_content(text, cte=encoding)
    standard.add_alternative(html.replace("ü", "&#252;"), subtype="html", cte="7bit")
    _, found, rest = letter.as_bytes().partition(b'boundary="')
    boundary = rest.partition(b'"')[0].decode()
    standard.set_boundary(boundary)
    assert found
    assert rest.partition(b"\r\n\r\n")[2] == standard.as_bytes().partition(b"\r\n\r\n")[2]
