"""Providers that give emails an id of their own send ours back, by a header that nobody else sees."""

from __future__ import annotations

import pytest

from accounts.delivery.echo_headers import make_echo_headers

ID = "<A1b2C3d4E5f6G7h8@accounts.example.org>"


@pytest.mark.parametrize(
    ("server", "name"),
    [
        ("smtp.postmarkapp.com", "X-PM-Metadata-message-id"),
        ("in-v3.mailjet.com", "X-MJ-CustomID"),
        ("smtp-relay.brevo.com", "X-Mailin-custom"),
        ("SMTP-relay.sendinblue.com.", "X-Mailin-custom"),
        ("smtp.resend.com", "X-message-id"),
    ],
)
def test_a_provider_gets_its_own_header(server: str, name: str) -> None:
    assert make_echo_headers(server, ID) == {name: "A1b2C3d4E5f6G7h8@accounts.example.org"}


@pytest.mark.parametrize(
    "server", [None, "", "localhost", "smtp.example.org", "notmailjet.com", "mailjet.com.example.org"]
)
def test_no_other_server_gets_one(server: str | None) -> None:
    assert make_echo_headers(server, ID) == {}
