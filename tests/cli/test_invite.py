"""``accounts invites create``: an operator invites, by mail or with a printed link."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command
from tests.people import PASSWORD, Service, make_email, token_of_url


def test_an_invitation_goes_out_by_mail(accounts: Command, service: Service) -> None:
    email = make_email("invited")
    result = accounts("invites", "create", email, "--group", "editors", "--group", "readers", "--locale", "de")
    assert result.status == 0
    assert result.out.endswith(f" to {email} is due\n")
    [mail] = service.mails_to(email)
    assert "Einladung" in str(mail.message["Subject"]) or "eingeladen" in str(mail.message["Subject"])
    assert service.person().get(f"/api/l/invite?token={service.link_token(email, 'invite')}").get_json()[
        "groups"
    ] == [
        "editors",
        "readers",
    ]


def test_a_printed_link_makes_the_account_and_no_mail(accounts: Command, service: Service) -> None:
    email = make_email("printed")
    result = accounts("invites", "create", email, "--group", "admins", "--print")
    assert result.status == 0
    person = service.person(email=email)
    answer = person.post("/api/l/invite", {"token": token_of_url(result.out.strip()), "password": PASSWORD})
    assert answer.status_code == 201
    assert person.get("/api/account").get_json()["groups"] == ["admins"]
    assert service.mails_to(email) == []


def test_the_days_of_an_invitation_are_the_operators_choice(accounts: Command, service: Service) -> None:
    result = accounts("invites", "create", make_email(), "--print", "--days", "1")
    shown = service.person().get(f"/api/l/invite?token={token_of_url(result.out.strip())}").get_json()
    week = accounts("invites", "create", make_email(), "--print")
    later = service.person().get(f"/api/l/invite?token={token_of_url(week.out.strip())}").get_json()
    assert shown["expires_at"] < later["expires_at"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nobody",), "email: Enter an email address we can send to, such as name@example.org."),
        (("anna@example.org,ben@example.org",), "email: "),
        (("anna@example.org", "--days", "0"), "days: Enter 1 or more."),
        (("anna@example.org", "--days", "91"), "days: Enter 90 or less."),
        (("anna@example.org", "--group", "two words"), "groups: Use only letters"),
        (("anna@example.org", "--locale", "tlh"), "locale: Language not supported."),
    ],
)
def test_what_cannot_be_an_invitation_is_refused_in_one_line(
    accounts: Command, arguments: tuple[str, ...], words: str
) -> None:
    assert words in accounts("invites", "create", *arguments).refused
