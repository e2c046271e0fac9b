"""Requests for accounts on the console: the link out of an admin's mail is all there is to go by."""

from __future__ import annotations

import re

from accounts.flows.account.approval_request import REVIEW_PURPOSE
from tests.approvals import NAME, read_text, send_request
from tests.cli.conftest import Command
from tests.people import Service


def test_a_request_is_shown_approved_and_then_over(service: Service, accounts: Command) -> None:
    admin = service.admin()
    email = send_request(service, message="I teach.")
    url = service.link_url(admin.email, REVIEW_PURPOSE)
    shown = accounts("approvals", "show", url).out
    assert all(each in shown for each in (email, NAME, "I teach."))
    done = accounts("approvals", "approve", url, "--group", "editors")
    assert done.out == f"the request of {email} is approved; the invitation is due\n"
    assert service.link_url(email, "invite")
    again = accounts("approvals", "decline", url)
    assert again.status == 1
    assert re.fullmatch(
        r"accounts: The request was approved on the console on \d{4}-\d\d-\d\dT[\d:]+Z\.\n", again.err
    )
    explained = accounts("links", "explain", url).out
    assert "This request has already been decided. By: console." in explained


def test_a_request_is_declined_by_a_piece_of_the_mail(service: Service, accounts: Command) -> None:
    admin = service.admin()
    email = send_request(service)
    service.deliver()
    mail = read_text(service.mails_to(admin.email)[-1])
    done = accounts("approvals", "decline", mail, "--reason", "Not now.", "--json")
    assert done.json == [{"email": email, "approved": False}]
    assert "Not now." in read_text(service.mails_to(email)[-1])


def test_nobody_becomes_an_admin_without_the_option_for_it(service: Service, accounts: Command) -> None:
    admin = service.admin()
    send_request(service)
    url = service.link_url(admin.email, REVIEW_PURPOSE)
    refused = accounts("approvals", "approve", url, "--group", "admins")
    assert refused.status == 1
    assert refused.err.startswith("accounts: admin: ")
    assert accounts("approvals", "approve", url, "--admin").status == 0


def test_a_text_without_a_link_is_refused(service: Service, accounts: Command) -> None:
    refused = accounts("approvals", "show", "nothing to see")
    assert (refused.status, refused.err) == (1, "accounts: link: This text contains no link.\n")
