"""``accounts mail count`` and ``accounts letters``: what waits, what was given up, what letters look like."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.people import Service, make_email


def test_letters_that_were_given_up_are_counted_and_tried_again(accounts: Command, service: Service) -> None:
    email = make_email()
    accounts("invites", "create", email)
    assert accounts("mail", "count").out == "1 waiting, 0 given up\n"
    service.sink.misbehave("RCPT", "550 5.1.1 nobody here", times=1)
    service.deliver()
    assert accounts("mail", "count").out == "0 waiting, 1 given up\n"
    assert accounts("mail", "retry").out == "1 will be tried again\n"
    assert accounts("mail", "count").out == "1 waiting, 0 given up\n"
    assert len(service.mails_to(email)) == 1
    assert accounts("mail", "count").out == "0 waiting, 0 given up\n"
    assert accounts("mail", "retry").out == "0 will be tried again\n"


def test_lanes_and_batches_answer_in_json_as_the_api_does(accounts: Command, service: Service) -> None:
    admin, member = service.admin(), service.member()
    accounts("users", "bulk", "start", "send-reset", member.email, "--yes")
    paused = json.loads(accounts("mail", "pause", "bulk", "--json").out)
    assert paused == admin.get("/api/admin/mail").get_json()["mail"]
    (batch,) = paused["batches"]
    assert (batch["name"], batch["act"], batch["waiting"]) == ("", "send-reset", 1)
    assert f"batch {batch['batch']} send-reset: 1 waiting" in accounts("mail", "lanes").out
    page = admin.client.get("/admin/mail").text
    assert f'href="/admin/accounts/bulk/{batch["batch"]}">Password reset links</a>' in page
    resumed = json.loads(accounts("mail", "resume", "bulk", "--json").out)
    assert [lane["paused"] for lane in resumed["lanes"]] == [None, None, None]
    assert json.loads(accounts("mail", "cancel", batch["batch"], "--json").out) == {"letters": 1}


def test_an_address_that_was_never_marked_is_told_to_be_reachable_already(accounts: Command) -> None:
    email = make_email()
    assert accounts("mail", "reachable", email).out == f"{email} counted as reachable already\n"


def test_every_letter_is_written_out_in_every_language(bare: Command, tmp_path: Path) -> None:
    folder = tmp_path / "some" / "where"
    result = bare("mail", "preview", str(folder), service_name="Our House")
    names = sorted(file.name for file in folder.iterdir())
    assert result.out == f"{len(names)} files in {folder}\n"
    assert {"activate.de.html", "activate.en.txt", "invite.de.txt", "reset-password.en.html"} <= set(names)
    assert all("Our House" in (folder / name).read_text(encoding="utf-8") for name in names)
    words = {path.name for path in (Path(__file__).parents[2] / "emails").iterdir() if (path / "en.txt").is_file()}
    assert {name.split(".")[0] for name in names} == words - {"common"}


def test_a_folder_that_cannot_be_written_is_named(bare: Command, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    folder = tmp_path / "file" / "letters"
    assert bare("mail", "preview", str(folder)).refused == f"{folder}: Not a directory"
