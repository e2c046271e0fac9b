"""Requests for accounts, walked up to the point where an admin decides."""

from __future__ import annotations

from typing import Any

from accounts.core.audit.log import RequestInfo
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.account import approval
from accounts.flows.account.approval import REQUEST_PURPOSE
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.shared import accounts
from accounts.flows.shared.mail_request import MailRequestForm
from tests.people import Person, Service, make_email
from tests.servers.received import Received

NAME = "Ida Example"


def ask(service: Service, email: str, next: str = "", network: str = "10.8.8.8", locale: str = "en") -> None:
    """Enter an address where admins decide who gets an account."""
    info = RequestInfo(network=network, agent="Firefox on Linux", locale=locale)
    approval.request_approval(service.uow(info), MailRequestForm.model_validate({"email": email, "next": next}))


def request_url(service: Service, email: str = "", **options: Any) -> str:
    """The link that proves the mailbox of an applicant."""
    email = email or make_email("applicant")
    ask(service, email, **options)
    return service.link_url(email, REQUEST_PURPOSE)


def send_request(service: Service, email: str = "", *, name: str = NAME, message: str = "", **options: Any) -> str:
    """Ask for an account, prove the mailbox, say who one is; the address."""
    email = email or make_email("applicant")
    ask(service, email, **options)
    data = {"token": service.link_token(email, REQUEST_PURPOSE), "name": name, "message": message}
    answer = service.person().post(f"/api/l/{REQUEST_PURPOSE}", data)
    assert answer.status_code == 200, answer.get_json()
    return email


def read_text(mail: Received) -> str:
    """The text of a mail."""
    body = mail.message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def make_admin(service: Service) -> Person:
    """Somebody who administers, whether or not others do; signed in."""
    person = service.member("deciding")
    uow = service.uow()
    accounts.set_groups(uow, accounts.find_account(uow, person.email).id, [ADMIN_GROUP])
    return person


def review_url(service: Service, admin: Person, **options: Any) -> str:
    """The link of an admin to a request for an account that was just sent."""
    send_request(service, **options)
    return service.link_url(admin.email, REVIEW_PURPOSE)
