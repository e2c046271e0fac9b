"""Other apps of a service under test, and people who have signed in to them."""

from __future__ import annotations

from typing import Any

from accounts.core.models.apps import App, Consent
from accounts.flows.oidc import grants, registration, registration_form, tokens
from accounts.flows.oidc.registration import RegisteredApp
from accounts.flows.sessions import session as sessions
from tests.people import Person, Service


def register_app(service: Service, name: str = "Wiki", **fields: Any) -> RegisteredApp:
    """An app that was registered."""
    data = {"name": name, "redirect_uris": [f"https://{name.lower()}.example.org/cb"]} | fields
    return registration.register_app(service.uow(), registration_form.RegisterAppForm.model_validate(data))


def session_id_of(person: Person) -> str:
    """The id of somebody's session in this browser."""
    listed = person.get("/api/account/sessions").get_json()["sessions"]
    return str(next(each["id"] for each in listed if each["current"]))


def sign_in_to_apps(service: Service, person: Person, *clients: App, scope: str = "openid profile") -> None:
    """Have somebody signed in to apps from the browser that they are signed in with here: codes, redeemed."""
    cookie = person.client.get_cookie("session")
    session = service.site.signer.read(sessions.SESSION, cookie.value) if cookie else None
    account = sessions.find_current_account(service.uow(), session) if session else None
    assert account is not None, "signed in here"
    for app in clients:
        with service.uow() as uow:
            consent = uow.session.get(Consent, (account.id, app.id)) or Consent(
                account_id=account.id, app_id=app.id, scope=""
            )
            consent.scope = " ".join({*consent.scope.split(), *scope.split()})
            uow.session.add(consent)
        code = service.site.signer.sign(
            tokens.AUTHORIZATION_CODE,
            tokens.AuthorizationCode(
                account_id=account.id,
                epoch=account.auth_epoch,
                session_id=account.session.id,
                session_ends=int(account.session.expires_at.timestamp()),
                auth_time=account.session.auth_time,
                amr=account.session.amr,
                app_id=app.id,
                redirect_uri="",
                challenge="",
                nonce="",
                scope=tuple(scope.split()),
                claims={},
                acr=False,
            ),
        )
        parsed_code = service.site.signer.read(tokens.AUTHORIZATION_CODE, code)
        assert parsed_code is not None
        grants.redeem_code(service.uow(), app, parsed_code)
