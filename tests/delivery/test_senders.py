"""The sender of a letter: one mailbox with a name, whatever is in it, for whoever reads it."""

from __future__ import annotations

import html
import json
import re
import shutil
import socket
import subprocess
import sys
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.headerregistry import AddressHeader
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path

import pytest

from accounts.config_sender import format_sender, parse_sender
from accounts.core.outbox import Letter
from accounts.delivery import headers
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_EMAIL, SAMPLE_ORIGIN, sample_letter
from tests.delivery.conftest import make_transport
from tests.delivery.sample_letters import composed, received
from tests.servers.smtp import SmtpSink

ADDRESS = "no-reply@accounts.example.org"
NAMES = [
    "Accounts",
    "Kürzel, Söhne & Co. KG",
    "Last, First",
    'The "Hall"',
    'Kürzel "und" Söhne',
    "Smith (UK) [x]; y: z.",
    "a@b.example",
    "Anna <anna@evil.example>",
    "back\\slash",
    "=?utf-8?q?forged?=",
    "x" * 60,
    "ü" * 60,
    "日本語" * 20,
    "👨‍👩‍👧‍👦" * 8,
    "🎉 party, " * 9,
    'A long name, with a comma and "quotes" and far more than sixty letters, and more than a line of them',
]
every_name = pytest.mark.parametrize("name", NAMES)


def read_by_each_parser(raw: bytes) -> list[list[tuple[str, str]]]:
    """Return the mailboxes in From as the modern and the old parser of Python see them."""
    modern = message_from_bytes(raw, policy=policy.default)["From"]
    assert isinstance(modern, AddressHeader)
    old = getaddresses([re.sub(r"\r\n(?=\s)", "", message_from_bytes(raw)["From"])])
    return [
        [(address.display_name, address.addr_spec) for address in modern.addresses],
        [(str(make_header(decode_header(name))), address) for name, address in old],
    ]


@every_name
def test_a_sender_with_a_name_stays_one_mailbox(letters: Letters, name: str) -> None:
    raw = composed(letters, sample_letter("activate"), format_sender(name, ADDRESS)).as_bytes()
    head = raw.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert all(line.isascii() and len(line) <= 78 for line in head), "RFC 5322 2.1.1, RFC 2047 2"
    # The modern parser puts a blank between two encoded words, which RFC 2047 6.2 forbids.
    for (shown, address), *more in read_by_each_parser(raw):
        assert (shown.replace(" ", ""), address, more) == (name.replace(" ", ""), ADDRESS, [])


@every_name
def test_the_service_is_the_name_of_a_sender_without_one(name: str) -> None:
    letters = Letters([emails_folder()], name[:60], SAMPLE_ORIGIN)
    raw = composed(letters, sample_letter("activate"), ADDRESS).as_bytes()
    for ((shown, address),) in read_by_each_parser(raw):
        assert (shown.replace(" ", ""), address) == (name[:60].replace(" ", ""), ADDRESS)


def test_a_server_is_told_the_bare_address(letters: Letters) -> None:
    with SmtpSink() as sink:
        make_transport(sink.port).send(composed(letters, sample_letter("activate"), f"Söhne, Co <{ADDRESS}>"))
        assert [mail.sender for mail in sink.messages] == [ADDRESS]


_ON_ANOTHER_PYTHON = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("headers", sys.argv[1])
headers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(headers)
names, address = json.loads(sys.stdin.read())
print(json.dumps([headers.format_mailbox("From", name, address) for name in names]))
"""


def list_pythons() -> list[str]:
    """Return every Python that this machine has and the service supports, as far as it can be started."""
    found = {sys.executable} | {path for minor in range(11, 15) if (path := shutil.which(f"python3.{minor}"))}
    # A name of pyenv's may lead to none.
    tries = {path: subprocess.run([path, "-c", ""], capture_output=True, check=False) for path in found}
    return sorted(path for path, done in tries.items() if done.returncode == 0)


def test_a_sender_is_written_alike_by_every_python() -> None:
    here = [headers.format_mailbox("From", name, ADDRESS) for name in NAMES]
    for python in list_pythons():
        done = subprocess.run(
            [python, "-c", _ON_ANOTHER_PYTHON, str(Path(headers.__file__))],
            input=json.dumps([NAMES, ADDRESS]), capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(done.stdout) == here, python


@pytest.mark.parametrize(
    ("typed", "name", "address"),
    [
        ("a@example.org", "", "a@example.org"),
        ("<a@example.org>", "", "a@example.org"),
        ("Accounts <a@example.org>", "Accounts", "a@example.org"),
        ("Müller, Söhne & Co <a@example.org>", "Müller, Söhne & Co", "a@example.org"),
        ('"Müller, \\"Söhne\\"" <a@example.org>', 'Müller, "Söhne"', "a@example.org"),
        ("  Accounts  < a@example.org > ", "Accounts", "a@example.org"),
        ('"A <b@c.d>" <a@example.org>', "A <b@c.d>", "a@example.org"),
        ('The "Hall" <a@example.org>', 'The "Hall"', "a@example.org"),
    ],
)
def test_a_sender_is_read_as_it_is_meant(typed: str, name: str, address: str) -> None:
    assert parse_sender(typed) == (name, address)


@pytest.mark.parametrize(
    "typed",
    ["", "accounts", "a@", "@b", "a@b@c", "a@b.c, d@e.f", "A <a@b.c>, D <d@e.f>", "a@b.c\nBcc: d@e.f", "A <a@b.c",
     "A <>", "a b@c.d", "A <a@b.c> B", "A <b <a@b.c>", "a@b.c\x00"],
)  # fmt: skip
def test_what_is_not_one_sender_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="must be an address"):
        parse_sender(typed)


def test_a_letter_asks_no_name_server(letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*asked: object) -> str:
        raise AssertionError(f"a name server is asked for {asked}")

    monkeypatch.setattr(socket, "getfqdn", look_up)
    monkeypatch.setattr(socket, "gethostbyaddr", look_up)
    assert composed(letters, sample_letter("activate")).as_bytes()


@pytest.mark.parametrize("typed", ["ü" * 500, "日" * 500, "x" * 1200])
def test_no_line_of_a_letter_is_longer_than_a_line_may_be(tmp_path: Path, typed: str) -> None:
    (tmp_path / "note").mkdir()
    for part, text in (("subject", "Note"), ("txt", "{{ said }}\n{{ link }}"), ("html", "<p>{{ said }}</p>")):
        (tmp_path / "note" / f"en.{part}").write_text(text + "\n")
    letters = Letters([tmp_path, emails_folder()], "Accounts", SAMPLE_ORIGIN)
    message = composed(letters, Letter("note", SAMPLE_EMAIL, "en", {"said": typed}, f"{SAMPLE_ORIGIN}/l/x"))
    assert max(map(len, message.as_bytes().split(b"\r\n"))) <= 998
    for subtype in ("plain", "html"):
        body = received(message).get_body((subtype,))
        assert isinstance(body, EmailMessage)
        assert typed in html.unescape(body.get_content())
