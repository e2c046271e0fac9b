"""``accounts mail bounces``: reports by pipe and file; ``bounced`` and ``reachable``: what became of the address."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from accounts.flows.mail_bounces.reports import MAX_REPORT_BYTES
from tests.cli.conftest import Command
from tests.flows.mail_bounces import samples
from tests.people import Service, make_email


def message_id(accounts: Command, service: Service, email: str) -> str:
    accounts("invites", "create", email)
    return str(service.mails_to(email)[-1].message["Message-ID"]).strip("<>")


def test_a_report_by_pipe_marks_the_address_until_it_is_lifted(
    accounts: Command, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    email = make_email()
    raw = samples.dsn(message_id(accounts, service, email))
    for told in ("1 recorded, 0 known before", "0 recorded, 1 known before"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw)))
        assert accounts("mail", "bounces", "-").out == f"{told}, 0 about no letter of this service\n"
    (row,) = accounts("mail", "bounced").table
    assert (row["address"], row["of"], row["status"]) == (email, "invitation", "5.1.1")
    assert accounts("mail", "bounced", "--json").json[0]["purpose"] == "invite"
    (invite,) = accounts("invites", "list", "--json").json
    assert invite["unreachable_since"]
    assert "bounced" in accounts("mail", "trace", email).out
    assert accounts("mail", "reachable", email).out == f"{email} counts as reachable again\n"
    assert accounts("mail", "bounced", "--json").json == []
    assert accounts("mail", "reachable", email).out == f"{email} counted as reachable already\n"


def test_a_report_from_a_file_may_be_json_of_a_provider(accounts: Command, service: Service, tmp_path: Path) -> None:
    path = tmp_path / "event.json"
    path.write_text(
        json.dumps([samples.sendgrid(message_id(accounts, service, make_email())), samples.sendgrid("x@y")])
    )
    taken = {"recorded": 1, "known": 0, "foreign": 1}
    assert accounts("mail", "bounces", str(path), "--json").json == [taken]


def test_other_mail_does_nothing_and_what_cannot_be_read_is_told(accounts: Command, tmp_path: Path) -> None:
    path = tmp_path / "mail"
    path.write_bytes(b"From: jane@example.com\r\nSubject: Out of office\r\n\r\nBack soon.\r\n")
    assert accounts("mail", "bounces", str(path)).out.startswith("0 recorded")
    path.write_bytes(b'{"a": 1}')
    assert accounts("mail", "bounces", str(path)).refused == "an event of no known provider"
    path.write_bytes(b" " * (MAX_REPORT_BYTES + 1))
    assert accounts("mail", "bounces", str(path)).refused == "the report is larger than 1048576 bytes"
