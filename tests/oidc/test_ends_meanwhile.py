"""A code is redeemed at the very moment at which somebody signs out or takes their consent back.

Whichever comes first, the other knows: either there are no tokens, or the app is told that they are dead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from authlib.oauth2.rfc6749 import InvalidGrantError
from sqlalchemy import select

from accounts.core.models.apps import App, Consent, Grant
from accounts.core.models.logout import AppLogout
from accounts.flows.oidc import connected_apps, grants, registration, registration_form, tokens
from accounts.flows.oidc.tokens import AuthorizationCode
from accounts.flows.sessions import session as sessions
from accounts.flows.sessions import session_list
from accounts.flows.sessions.session import Session
from tests.conftest import on_both_databases
from tests.flows.steps import Member, sign_up_member
from tests.people import Service

Way = Callable[[Service, Member, Session, App], None]


def everywhere(service: Service, ana: Member, session: Session, app: App) -> None:
    sessions.sign_out_everywhere(service.uow(), ana.id)


def here(service: Service, ana: Member, session: Session, app: App) -> None:
    sessions.sign_out(service.uow(), session)


def from_the_list(service: Service, ana: Member, session: Session, app: App) -> None:
    session_list.end_session(service.uow(), ana.id, session.id)


def disconnected(service: Service, ana: Member, session: Session, app: App) -> None:
    connected_apps.disconnect_app(service.uow(), ana.id, app.id)


def switched_off(service: Service, ana: Member, session: Session, app: App) -> None:
    registration.disable_app(service.uow(), app.id)


def removed(service: Service, ana: Member, session: Session, app: App) -> None:
    registration.remove_app(service.uow(), app.id)


WAYS: list[Way] = [everywhere, here, from_the_list, disconnected, switched_off, removed]


def a_code(service: Service, ana: Member, session: Session, app: App) -> AuthorizationCode:
    with service.uow() as uow:
        uow.session.add(Consent(account_id=ana.id, app_id=app.id, scope="openid"))
    sealed = service.site.signer.sign(
        tokens.AUTHORIZATION_CODE,
        tokens.AuthorizationCode(
            account_id=ana.id,
            epoch=session.epoch,
            session_id=session.id,
            session_ends=int(session.expires_at.timestamp()),
            auth_time=session.auth_time,
            amr=session.amr,
            app_id=app.id,
            redirect_uri="",
            challenge="",
            nonce="",
            scope=("openid",),
            claims={},
            acr=False,
        ),
    )
    code = service.site.signer.read(tokens.AUTHORIZATION_CODE, sealed)
    assert code is not None
    return code


@on_both_databases
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_what_ends_while_a_code_is_redeemed_ends_its_grant_and_tells_the_app(service: Service, way: Way) -> None:
    data = {"name": "Wiki", "redirect_uris": ["https://rp.example.org/cb"]}
    app = registration.register_app(service.uow(), registration_form.RegisterAppForm.model_validate(data)).app
    ana = sign_up_member(service)
    session = ana.sign_in()
    code = a_code(service, ana, session, app)
    ending = threading.Thread(target=way, args=(service, ana, session, app))
    uow = service.uow()
    with uow:
        assert grants._redeem_once(uow, app, code) is not None
        uow.session.flush()
        ending.start()
        # Long enough to do it all, where it does not wait.
        ending.join(1)
    ending.join(20)
    assert not ending.is_alive()
    uow = service.uow()
    assert grants.find_live_grant(uow, code.id) is None
    assert [row.app_name for row in uow.session.scalars(select(AppLogout))] == ["Wiki"]
    if way is switched_off:
        registration.enable_app(service.uow(), app.id)
        (grant,) = service.uow().session.scalars(select(Grant))
        assert grant.revoked_at is not None, "dead for good"


@on_both_databases
def test_a_code_that_is_redeemed_while_its_session_ends_is_refused(service: Service) -> None:
    data = {"name": "Wiki", "redirect_uris": ["https://rp.example.org/cb"]}
    app = registration.register_app(service.uow(), registration_form.RegisterAppForm.model_validate(data)).app
    ana = sign_up_member(service)
    session = ana.sign_in()
    code = a_code(service, ana, session, app)
    caught: list[Exception] = []

    def redeem() -> None:
        try:
            grants.redeem_code(service.uow(), app, code)
        except InvalidGrantError as error:
            caught.append(error)

    redeeming = threading.Thread(target=redeem)
    ending = service.uow()
    with ending:
        sessions.close_session(ending, ana.id, session.id, session.expires_at)
        redeeming.start()
        # Long enough to look at the session, where it does not wait.
        redeeming.join(1)
    redeeming.join(20)
    assert caught
    assert list(service.uow().session.scalars(select(Grant))) == []
