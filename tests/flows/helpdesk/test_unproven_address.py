"""The address of the first admin is typed by whoever reads the console: nobody has proven it yet."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.flows.moving import export
from tests.conftest import on_both_databases
from tests.flows.steps import anonymous_uow
from tests.people import OTHER_PASSWORD, Person, Service
from tests.web.endpoints import csrf_token


def is_verified(person: Person) -> bool:
    found = person.get("/api/account").get_json()["email_verified"]
    assert isinstance(found, bool)
    return found


def by_sign_in_link(service: Service, admin: Person) -> None:
    admin.post("/api/sign-in/mail", {"email": admin.email})
    assert admin.post("/api/l/sign-in", {"token": service.link_token(admin.email, "sign-in")}).status_code == 200


def by_reset(service: Service, admin: Person) -> None:
    admin.post("/api/forgot-password", {"email": admin.email})
    data = {"token": service.link_token(admin.email, "reset-password"), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", data).status_code == 200
    admin.password = OTHER_PASSWORD
    assert admin.sign_in().status_code == 200


def by_change_of_address(service: Service, admin: Person) -> None:
    new = f"new.{admin.email}"
    assert admin.post("/api/account/email", {"email": new}).status_code == 202
    token = service.link_token(new, "change-email")
    assert admin.post("/api/l/change-email", {"token": token}).status_code == 200


def by_the_button(service: Service, admin: Person) -> None:
    page = admin.client.get("/account").get_data(as_text=True)
    assert "Send confirmation link" in page
    data = {"email": admin.email, "next": "/account", "csrf_token": csrf_token(admin)}
    assert admin.client.post("/sign-in/mail", data=data).status_code == 303
    assert admin.post("/api/l/sign-in", {"token": service.link_token(admin.email, "sign-in")}).status_code == 200
    assert "Send confirmation link" not in admin.client.get("/account").get_data(as_text=True)


@pytest.mark.parametrize("prove", [by_sign_in_link, by_reset, by_change_of_address, by_the_button])
@on_both_databases
def test_a_link_from_the_mailbox_proves_it(service: Service, prove: Callable[[Service, Person], None]) -> None:
    admin = service.admin()
    assert not is_verified(admin)
    assert admin.sign_in().get_json()["email_verified"] is False
    prove(service, admin)
    assert is_verified(admin)


def test_nothing_else_proves_it(service: Service) -> None:
    admin = service.admin()
    assert admin.post("/api/confirm", {"password": admin.password}).status_code == 200
    admin.patch("/api/account", {"name": "Boss"})
    admin.post("/api/sign-in/mail", {"email": admin.email})
    assert (
        service.person().get(f"/api/l/sign-in?token={service.link_token(admin.email, 'sign-in')}").status_code == 200
    )
    assert not is_verified(admin), "to look at a link is not to use it: scanners do, too"


def test_whoever_came_in_by_mail_has_proven_it(service: Service) -> None:
    admin, member = service.admin(), service.member_by_mail()
    assert is_verified(member)
    guest = service.person()
    admin.post("/api/admin/invites", {"email": guest.email, "groups": ["editors"]})
    data = {"token": service.link_token(guest.email, "invite"), "password": guest.password, "name": ""}
    assert guest.post("/api/l/invite", data).status_code == 201
    assert is_verified(guest)


def test_apps_admins_and_exports_are_told(service: Service) -> None:
    admin, member = service.admin(), service.member()
    id = admin.get("/api/account").get_json()["id"]
    for person, verified in ((admin, False), (member, True)):
        account = person.get("/api/account").get_json()
        assert person.get("/api/account/export").get_json()["account"]["email_verified"] is verified
        details = admin.get(f"/api/admin/accounts/{account['id']}").get_json()
        assert details["account"]["email_verified"] is verified
    page = admin.client.get(f"/admin/accounts/{id}").get_data(as_text=True)
    assert "Not confirmed" in page
    exported = {row["email"]: row["confirmed"] for row in export.export_accounts(anonymous_uow(service))}
    assert exported == {admin.email: False, member.email: True}
