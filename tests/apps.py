"""Other apps of a service under test, and people who have signed in to them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.core.clock import now
from accounts.core.ids import new_id
from accounts.core.models import Account
from accounts.core.models_apps import App, Grant
from accounts.flows import apps
from accounts.flows.apps import Registered
from tests.people import Person, Service


def new_app(service: Service, name: str = "Wiki", **said: Any) -> Registered:
    """An app that was registered."""
    given = {"name": name, "redirect_uris": [f"https://{name.lower()}.example.org/cb"]} | said
    return apps.register(service.uow(), apps.AppInput.model_validate(given))


def session_of(person: Person) -> str:
    """The id of somebody's session in this browser."""
    listed = person.get("/api/account/sessions").get_json()["sessions"]
    return str(next(each["id"] for each in listed if each["current"]))


def signed_in_to(service: Service, person: Person, *to: App, scope: str = "openid profile") -> None:
    """Have somebody signed in to apps from the browser that they are signed in with here."""
    account_id, session_id = person.get("/api/account").get_json()["id"], session_of(person)
    uow = service.uow()
    epoch = uow.session.get_one(Account, account_id).auth_epoch
    uow.close()
    with uow:
        for app in to:
            uow.session.add(
                Grant(
                    id=new_id(),
                    account_id=account_id,
                    app_id=app.id,
                    session_id=session_id,
                    sid=session_id,
                    scope=scope,
                    auth_epoch=epoch,
                    auth_time=now(),
                    amr=["pwd"],
                    expires_at=now() + timedelta(hours=8),
                )
            )
