"""A link of each kind that waits for its click, made without the web."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from accounts.core.clock import now
from accounts.core.models.account import ADMIN_GROUP
from accounts.flows.account import change_email, close_account, not_me, reset_password, sign_up
from accounts.flows.account.approval_request import REVIEW_PURPOSE
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import send as send_invites
from accounts.flows.shared import accounts
from accounts.flows.sign_in import magic_link, unlock
from tests import approvals
from tests.flows.letters import make_owner, write_letter
from tests.flows.steps import Member, create_first_admin, use_link
from tests.kit.shared_invites import mailed_join_url, make_shared_link
from tests.kit.signed_links import sign_link
from tests.people import OTHER_PASSWORD, PASSWORD, Service, make_email, token_of_url


@dataclass
class LiveLink:
    """A link that waits for its click.

    :ivar data: the answers to its form.
    :ivar account_id: the account it is about; "" where its act makes one.
    :ivar by: the account that is signed in.
    """

    token: str
    account_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    by: str | None = None


def activation(service: Service) -> LiveLink:
    letter = write_letter(service, sign_up.letter, make_email("New.One"), {"next": ""})
    assert letter is not None
    assert letter.link is not None
    return LiveLink(token_of_url(letter.link), data={"password": PASSWORD, "name": "Ann"})


def invitation(service: Service, email: str = "") -> LiveLink:
    form = send_invites.InviteForm.model_validate({"email": email or make_email(), "groups": ["a", "b"], "days": 3})
    row = send_invites.send_invite(service.uow(), form, send_letter=False)
    with service.uow() as uow:
        token = token_of_url(invite_link.make_invite_url(uow, row))
    return LiveLink(token, data={} if email else {"password": PASSWORD, "name": "Ann"})


def invitation_of_a_member(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(invitation(service, owner.email).token, owner.id, by=owner.id)


def joining(service: Service, email: str = "") -> LiveLink:
    url = mailed_join_url(service, make_shared_link(service, groups=["a", "b"]), email)
    return LiveLink(token_of_url(url), data={} if email else {"password": PASSWORD, "name": "Ann"})


def joining_of_a_member(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(joining(service, owner.email).token, owner.id, by=owner.id)


def account_request(service: Service) -> LiveLink:
    create_first_admin(service)
    url = approvals.request_url(service)
    return LiveLink(token_of_url(url), data={"name": approvals.NAME})


def approved_request(service: Service) -> LiveLink:
    return review(service, {"decision": "approve", "groups": ["a", "b"]})


def declined_request(service: Service) -> LiveLink:
    return review(service, {"decision": "decline", "reason": "Not now."})


def review(service: Service, data: dict[str, Any]) -> LiveLink:
    admin = create_first_admin(service)
    accounts.set_groups(service.uow(), make_owner(service).id, [ADMIN_GROUP])
    approvals.send_request(service)
    return LiveLink(service.link_token(admin.email, REVIEW_PURPOSE), data=data, by=admin.id)


def first_admin(service: Service) -> LiveLink:
    url = first_admin_url(service.uow())
    assert url is not None
    return LiveLink(token_of_url(url), data={"email": make_email("Boss"), "password": PASSWORD, "name": "Boss"})


def reset(service: Service) -> LiveLink:
    owner = make_owner(service, locked_at=now(), failures=3)
    return LiveLink(sign_link(owner, reset_password.RESET), owner.id, {"password": OTHER_PASSWORD})


def sign_in_by_mail(service: Service) -> LiveLink:
    owner = make_owner(service, sign_in_serial=3)
    return LiveLink(sign_link(owner, magic_link.SIGN_IN), owner.id)


def unlocking(service: Service) -> LiveLink:
    owner = make_owner(service, locked_at=now(), failures=7, lock_serial=4)
    return LiveLink(sign_link(owner, unlock.UNLOCK), owner.id)


def not_me_link(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(sign_link(owner, not_me.NOT_ME), owner.id)


def closing(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(sign_link(owner, close_account.CLOSE), owner.id)


def change_of_address(service: Service) -> LiveLink:
    owner = make_owner(service)
    return LiveLink(sign_link(owner, change_email.CHANGE, email=make_email("New.One")), owner.id, by=owner.id)


def second_change_of_address(service: Service) -> LiveLink:
    owner = moved_owner(service)
    return LiveLink(sign_link(owner, change_email.CHANGE, email=make_email("c")), owner.id, by=owner.id)


def undoing(service: Service) -> LiveLink:
    owner = moved_owner(service)
    return LiveLink(sign_link(owner, change_email.UNDO), owner.id)


def moved_owner(service: Service) -> Member:
    owner = make_owner(service)
    token = sign_link(owner, change_email.CHANGE, email=make_email("b"))
    use_link(service, change_email.CHANGE, token, {}, account_id=owner.id)
    return owner
