"""``accounts invites create --csv`` and ``accounts invites``: inviting by lists, on the console."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

from accounts.flows.invites.link import INVITE
from tests.cli.conftest import Command
from tests.flows.steps import link_state
from tests.people import Service, make_email, token_of_url
from tests.web.admin.printed_letters import parse_letters


def test_a_list_is_looked_at_sent_looked_after_and_exported(
    accounts: Command, service: Service, tmp_path: Path
) -> None:
    one, two = make_email("one"), make_email("two")
    people = tmp_path / "people.csv"
    people.write_text(f"E-Mail;Name;Schuhe\n{one};=Ann;44\n{two};Bob;45\nnobody;;\n{one};;\n", encoding="utf-16")
    dry = accounts("invites", "create", "--csv", str(people), "--batch", "Spring", "--group", "editors", "--dry-run")
    summary = dry.out.splitlines()[0]
    assert (dry.status, summary.partition("Spring: ")[2]) == (0, "new 2, duplicate 1, malformed 1")
    assert "line 4: nobody: Enter an email address we can send to, such as name@example.org." in dry.out
    assert "columns that are not used: Schuhe" in dry.out
    assert accounts("invites", "list").table == []
    rows = accounts("invites", "show-batch", "Spring").table
    assert [row["verdict"] for row in rows] == ["new", "new", "malformed", "duplicate"]
    assert (rows[0]["reason"], rows[2]["reason"]) == (
        "-",
        "Enter an email address we can send to, such as name@example.org.",
    )
    sent = accounts("invites", "send-batch", "Spring")
    assert sent.out == "2 of Spring are invited; letters are due\n"
    assert link_state(service, INVITE, service.link_token(one, "invite")) == "alive"
    assert accounts("invites", "send-batch", "Spring").out.endswith("2 of Spring are invited; letters are due\n")
    (listed,) = accounts("invites", "list", "=ANN", "--batch", "Spring", "--state", "pending").table
    assert (listed["state"], listed["address"], listed["groups"]) == ("pending", one, "editors")
    heading, first, *_ = csv.reader(io.StringIO(accounts("invites", "export-batch", "Spring").out.lstrip("\ufeff")))
    assert heading[0] == "email"
    assert first[1] in ("'=Ann", "Bob")
    links = [json.loads(line) for line in accounts("invites", "export-batch", "Spring", "--json").out.splitlines()]
    assert {link_state(service, INVITE, token_of_url(each["url"])) for each in links} == {"alive"}
    assert accounts("invites", "extend", listed["id"], "--days", "30").out == "extend: 1\n"
    assert accounts("invites", "resend", "--batch", "Spring").out == "resend: 2\n"
    assert accounts("invites", "revoke", "--batch", "Spring").out == "revoke: 2\n"
    assert {link_state(service, INVITE, token_of_url(each["url"])) for each in links} == {"link_revoked"}
    (batch,) = accounts("invites", "list-batches").table
    assert (batch["left"], batch["pending"], batch["revoked"], batch["name"]) == ("0", "0", "2", "Spring")
    assert accounts("invites", "discard-batch", "Spring").out == "4 rows of Spring are gone\n"


def test_a_file_names_the_batch_and_is_sent_at_once(accounts: Command, service: Service, tmp_path: Path) -> None:
    email, people = make_email(), tmp_path / "autumn.csv"
    people.write_text(email, encoding="utf-8")
    result = accounts("invites", "create", "--csv", str(people))
    assert (result.status, result.out.endswith("1 of autumn are invited; letters are due\n")) == (0, True)
    assert service.link_url(email, "invite")
    assert (
        accounts("invites", "create", "--csv", str(people)).refused
        == "name: An invitation list with this name already exists. Choose another name."
    )


def test_what_cannot_be_done_is_explained(accounts: Command, tmp_path: Path) -> None:
    assert accounts("invites", "create").status == 2
    assert accounts("invites", "create", "a@example.org", "--csv", __file__).status == 2
    assert accounts("invites", "revoke").status == 2
    assert accounts("invites", "revoke", "some-id", "--batch", "x").status == 2
    assert accounts("invites", "send-batch", "nothing").refused == "no such batch"
    empty = tmp_path / "empty.csv"
    empty.write_text("\n", encoding="utf-8")
    assert accounts("invites", "create", "--csv", str(empty)).refused == "people: This list has no entries."


def test_letters_are_a_page_that_needs_no_server_with_codes_that_say_the_links(
    accounts: Command, service: Service, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(f"email,language\n{'a' * 60}@example.org,de\n{make_email()},en", encoding="utf-8")
    accounts("invites", "create", "--csv", str(file), "--batch", "Spring", "--group", "g" * 60)
    page = accounts("invites", "print-letters", "Spring").out
    assert page.startswith("<!doctype html>")
    assert re.findall(r"""(?:src|href)=["'][^"']+""", page) == [], "nothing of it is elsewhere"
    assert "@page" in page
    letters = parse_letters(page)
    assert len({letter.scanned for letter in letters}) == 2
    for letter in letters:
        assert letter.scanned == letter.printed
        assert link_state(service, INVITE, token_of_url(letter.scanned)) == "alive"
    assert accounts("invites", "print-letters", "Autumn").refused == "no such batch"
