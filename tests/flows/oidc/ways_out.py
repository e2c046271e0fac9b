"""Every way in which all sessions of an account end, by whoever ends them."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete

from accounts.core import logout_events
from accounts.core.models.logout import AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.flows.helpdesk import accounts as helpdesk_accounts
from accounts.flows.oidc import registration
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from tests.apps import session_id_of, sign_in_to_apps
from tests.people import OTHER_PASSWORD, Person, Service, make_email

Way = Callable[[Service, Person], set[str] | None]
"""Returns the sessions that it ended, where they are others than those that there were before."""


def everywhere(service: Service, person: Person) -> None:
    assert person.post("/api/sign-out", {"everywhere": True}).status_code == 204


def change_password(service: Service, person: Person) -> None:
    data = {"current_password": person.password, "password": OTHER_PASSWORD}
    assert person.post("/api/account/password", data).status_code == 200


def reset_password(service: Service, person: Person) -> None:
    assert person.post("/api/forgot-password", {"email": person.email}).status_code == 202
    data = {"token": service.link_token(person.email, "reset-password"), "password": OTHER_PASSWORD}
    assert service.person().post("/api/l/reset-password", data).status_code == 200


def not_me(service: Service, person: Person) -> set[str]:
    change_password(service, person)
    # That was a way of its own; the sign-ins that this one ends are later ones.
    with service.uow() as uow:
        uow.session.execute(delete(AppLogout))
        uow.session.execute(delete(OutboxRow).where(OutboxRow.purpose == logout_events.LOGOUT_PURPOSE))
    sign_in_to_apps(service, person, *[app for app in registration.list_apps(service.uow()) if app.name != "Shop"])
    sid = session_id_of(person)
    data = {"token": service.link_token(person.email, "not-me")}
    assert service.person().post("/api/l/not-me", data).status_code == 200
    return {sid}


def disable(service: Service, person: Person) -> None:
    accounts.disable_account(service.uow(), accounts.find_account(service.uow(), person.email).id)


def lose_a_group(service: Service, person: Person) -> None:
    account = accounts.find_account(service.uow(), person.email)
    accounts.set_groups(service.uow(), account.id, ["readers"])
    accounts.set_groups(service.uow(), account.id, [])


def close_account(service: Service, person: Person) -> None:
    assert person.post("/api/account/close").status_code == 202
    data = {"token": service.link_token(person.email, "close-account")}
    assert person.post("/api/l/close-account", data).status_code == 200


def ended_on_the_console(service: Service, person: Person) -> None:
    sessions.sign_out_everywhere(service.uow(), accounts.find_account(service.uow(), person.email).id)


def signed_out_by_an_admin(service: Service, person: Person) -> None:
    helpdesk_accounts.end_account_sessions(service.uow(), accounts.find_account(service.uow(), person.email).id)


def deleted_by_an_admin(service: Service, person: Person) -> None:
    account_id = accounts.find_account(service.uow(), person.email).id
    helpdesk_accounts.delete_account_as_admin(
        service.uow(), account_id, helpdesk_accounts.DeleteAccountForm.model_validate({"email": person.email})
    )


def change_address(service: Service, person: Person) -> None:
    moved = make_email()
    assert person.post("/api/account/email", {"email": moved}).status_code == 202
    assert person.post("/api/l/change-email", {"token": service.link_token(moved, "change-email")}).status_code == 200


def disconnect(service: Service, person: Person) -> None:
    for app in person.get("/api/account/apps").get_json()["apps"]:
        assert person.delete(f"/api/account/apps/{app['id']}").status_code == 204


WAYS: list[Way] = [
    signed_out_by_an_admin,
    deleted_by_an_admin,
    change_address,
    everywhere,
    change_password,
    reset_password,
    not_me,
    disable,
    lose_a_group,
    close_account,
    ended_on_the_console,
]
