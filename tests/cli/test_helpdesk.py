"""What a helpdesk asks on the console: finding people, their sessions, their mail, their limits."""

from __future__ import annotations

from tests.cli.conftest import Command
from tests.people import Service, make_email


def test_accounts_are_found_by_a_piece_of_address_or_name(accounts: Command, service: Service) -> None:
    admin, member = service.admin(), service.member("finder")
    assert member.email in accounts("users", "list", member.email[:7].upper()).out
    assert [row["address"] for row in accounts("users", "list", "--group", "admins").table] == [admin.email]
    assert accounts("users", "list", "%").table == []
    assert "state: Choose one of the options" in accounts("users", "list", "--state", "odd").refused


def test_one_session_is_ended_and_the_history_says_so(accounts: Command, service: Service) -> None:
    member = service.member()
    (row,) = accounts("users", "list-sessions", member.email).table
    session = row["id"]
    assert accounts("users", "end-session", member.email, session).status == 0
    assert not member.signed_in
    assert "no such session" in accounts("users", "end-session", member.email, session).refused
    assert "Device signed out" in accounts("users", "show-history", member.email).out


def test_a_reset_link_is_mailed_and_its_way_is_traced(accounts: Command, service: Service) -> None:
    member = service.member()
    assert accounts("users", "send-reset", member.email).out == f"a letter to {member.email} is due\n"
    assert "reset-password  waits" in accounts("mail", "trace", member.email).out
    assert service.link_token(member.email, "reset-password")
    traced = accounts("mail", "trace", member.email).out
    assert "reset-password  sent" in traced
    assert "Accepted by the mail server" in traced
    assert "no account" in accounts("mail", "trace", "nobody@example.org").out
    assert "email: Enter an email address" in accounts("mail", "trace", "nobody").refused


def test_a_dead_letter_is_sent_again_by_its_name(accounts: Command, service: Service) -> None:
    email = make_email()
    service.sink.misbehave("RCPT", "550 no", times=1)
    try:
        service.person().post("/api/sign-up", {"email": email})
        service.deliver()
    finally:
        service.sink.behave()
    traced = accounts("mail", "trace", email).out
    name = next(line for line in traced.splitlines() if "activate  dead" in line).split()[-1]
    (listed,) = accounts("mail", "list").table
    assert (listed["name"], listed["letter"], listed["to"]) == (name, "activate", email)
    assert "550" in listed["error"]
    assert [each["mail"] for each in accounts("mail", "list", "--json").json] == [name]
    assert "no letter of this name" in accounts("mail", "retry", "nobody").refused
    assert accounts("mail", "retry", name).out == "1 will be tried again\n"
    assert service.link_token(email, "activate")


def test_limits_are_shown_and_lifted(accounts: Command, service: Service) -> None:
    member, person = service.member(), service.person()
    for _ in range(4):
        person.post("/api/forgot-password", {"email": member.email})
    shown = accounts("limits", "show", member.email).table
    (row,) = (row for row in shown if row["limit"] == "mail" and row["tries"] == "3")
    assert (row["of"], row["allowed"], row["state"]) == (f"reset-password, {person.network}", "3", "full")
    assert "mail-network" in [row["limit"] for row in accounts("limits", "show", "--network", person.network).table]
    assert "lifted: mail" in accounts("limits", "lift", member.email).out
    assert accounts("limits", "show", member.email).table == []
    assert person.post("/api/forgot-password", {"email": member.email}).status_code == 202
    assert accounts("limits", "show").refused.startswith("email: Enter an")
    assert "network: Enter a valid IP address." in accounts("limits", "show", "--network", "example.org").refused


def test_deleting_asks_first_and_keeps_the_last_admin(accounts: Command, service: Service) -> None:
    admin, member = service.admin(), service.member()
    assert accounts("users", "delete", admin.email, "--yes").refused == "the last active admin"
    assert accounts("users", "delete", member.email, "--yes").out == f"{member.email} is deleted\n"
    assert accounts("users", "show", member.email).refused == f"no account {member.email}"


def test_a_lock_is_lifted(accounts: Command, service: Service) -> None:
    member = service.member()
    assert accounts("users", "unlock", member.email).out == f"{member.email} can try passwords again\n"
