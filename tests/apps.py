"""Other apps of a service under test, and people who have signed in to them."""

from __future__ import annotations

from typing import Any

from accounts.core.models.apps import App, Consent
from accounts.flows.oidc import grants, registration, registration_form, tokens
from accounts.flows.oidc.registration import RegisteredApp
from accounts.flows.sessions import session as sessions
from tests.people import Person, Service


def new_app(service: Service, name: str = "Wiki", **said: Any) -> RegisteredApp:
    """An app that was registered."""
    given = {"name": name, "redirect_uris": [f"https://{name.lower()}.example.org/cb"]} | said
    return registration.register_app(service.uow(), registration_form.RegisterAppForm.model_validate(given))


def session_of(person: Person) -> str:
    """The id of somebody's session in this browser."""
    listed = person.get("/api/account/sessions").get_json()["sessions"]
    return str(next(each["id"] for each in listed if each["current"]))


def signed_in_to(service: Service, person: Person, *to: App, scope: str = "openid profile") -> None:
    """Have somebody signed in to apps from the browser that they are signed in with here: codes, redeemed."""
    cookie = person.client.get_cookie("session")
    stated = sessions.read(service.house, cookie.value) if cookie else None
    who = sessions.current(service.uow(), stated) if stated else None
    assert who is not None, "signed in here"
    for app in to:
        with service.uow() as uow:
            agreed = uow.session.get(Consent, (who.id, app.id)) or Consent(account_id=who.id, app_id=app.id, scope="")
            agreed.scope = " ".join({*agreed.scope.split(), *scope.split()})
            uow.session.add(agreed)
        code = tokens.sign_code(
            service.house,
            account_id=who.id,
            epoch=who.auth_epoch,
            session_id=who.session.id,
            session_ends=int(who.session.ends_at.timestamp()),
            auth_time=who.session.auth_time,
            amr=who.session.amr,
            app_id=app.id,
            redirect_uri="",
            challenge="",
            nonce="",
            scope=tuple(scope.split()),
            claims={},
            acr=False,
        )
        read = tokens.verify_code(service.house, code)
        assert read is not None
        grants.redeem_code(service.uow(), app, read)
