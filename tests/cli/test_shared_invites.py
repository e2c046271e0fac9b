"""``accounts invites *-shared``: links for several people on the console."""

from __future__ import annotations

import json

import pytest

from accounts.flows.invites.shared_terms import read_shared_link
from tests.cli.conftest import Command
from tests.kit.shared_invites import SharedLink, ask_to_join, join, shared_token
from tests.people import Service


def test_the_limits_of_a_link_are_shown_and_lifted(accounts: Command, service: Service) -> None:
    link = made(accounts)
    assert ask_to_join(service.person(), link).status_code == 202
    assert {row["limit"] for row in accounts("limits", "show", "--link", link.id).table} == {"join", "join-invite"}
    assert accounts("limits", "lift", "--link", link.id).out == "lifted: join, join-invite\n"
    assert accounts("limits", "show", "--link", link.id).table == []
    assert "no invitation of this id" in accounts("limits", "show", "--link", "nothing").refused


def made(accounts: Command, *options: str) -> SharedLink:
    answer = json.loads(accounts("invites", "create-shared", "2", *options, "--json").out)
    return SharedLink(answer["id"], answer["url"])


def test_a_link_is_printed_listed_shown_and_taken_back(accounts: Command, service: Service) -> None:
    result = accounts("invites", "create-shared", "2", "--title", "Class 7b", "--group", "pupils", "--days", "3")
    assert result.status == 0
    terms = read_shared_link(service.uow(), shared_token(result.out.strip()))
    assert (terms.places, terms.groups, terms.inviter) == (2, ["pupils"], "")
    link, pupil = SharedLink(terms.id, result.out.strip()), service.person()
    assert join(service, link, pupil).status_code == 201
    listed = accounts("invites", "list-shared").out
    assert [each in listed for each in (link.id, "open", "Class 7b", "pupils")] == [True] * 4
    shown = accounts("invites", "show-shared", link.id).out
    assert pupil.email in shown
    answer = json.loads(accounts("invites", "show-shared", link.id, "--json").out)
    assert (answer["uses"], [each["email"] for each in answer["joined"]]) == (1, [pupil.email])
    assert accounts("invites", "extend-shared", link.id, "--days", "20").status == 0
    again = accounts("invites", "print-shared", link.id).out.strip()
    assert read_shared_link(service.uow(), shared_token(again)).ends > terms.ends
    poster = accounts("invites", "print-shared", link.id, "--poster").out
    assert "<svg" in poster
    assert "<style>" in poster
    assert "Class 7b" in poster
    assert "<a " not in poster
    assert accounts("invites", "revoke-shared", link.id).out == f"{link.id} is revoked; 1 have joined\n"
    assert ask_to_join(service.person(), link).get_json()["code"] == "link_revoked"


def test_a_poster_is_in_the_language_of_those_who_are_invited(accounts: Command, service: Service) -> None:
    link = made(accounts, "--locale", "de", "--domain", ".example.org")
    poster = accounts("invites", "print-shared", link.id, "--poster").out
    assert '<html lang="de">' in poster
    assert "Für E-Mail-Adressen von example.org, *.example.org." in poster


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("0",), "places: Enter 1 or more."),
        (("1001",), "places: Enter 1000 or less."),
        (("3", "--group", "admins"), "groups: Shared links can't make anyone an admin."),
        (("3", "--days", "91"), "days: Enter 90 or less."),
        (("3", "--until", "2020-01-01"), "until: Choose an end within the next 90 days."),
        (("3", "--domain", "x y"), "domain: Enter an email domain such as example.org."),
    ],
)
def test_what_cannot_be_made_is_refused_in_one_line(accounts: Command, options: tuple[str, ...], words: str) -> None:
    assert words in accounts("invites", "create-shared", *options).refused
