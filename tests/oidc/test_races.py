"""Fifty at once, on both databases: one code, one refresh token, one first start."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import time_machine
from sqlalchemy import select

from accounts.core.clock import LEEWAY, now
from accounts.core.database.store import Store
from accounts.core.models.apps import App, Grant, OidcKey
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import registration, registration_form, tokens
from accounts.flows.oidc.server import ClientRequest, EndpointResponse, OAuthServer
from accounts.flows.oidc.signing_keys import SIGNING_ALGS, SigningKeys
from accounts.flows.shared import grants as shared_grants
from tests.conftest import on_both_databases
from tests.core.sites import make_site
from tests.flows.steps import Member, sign_up_member
from tests.kit.concurrency import run_concurrently
from tests.people import Service

URI = "https://rp.example.org/cb"


def registered(service: Service) -> tuple[App, str]:
    data = {"name": "Wiki", "redirect_uris": [URI], "require_pkce": False, "trusted": True}
    made = registration.register_app(service.uow(), registration_form.RegisterAppForm.model_validate(data))
    assert made.secret is not None
    return made.app, made.secret


def code_for(service: Service, ana: Member, app: App, scope: tuple[str, ...] = ("openid", "offline_access")) -> str:
    session = ana.sign_in()
    return service.site.signer.sign(
        tokens.AUTHORIZATION_CODE,
        tokens.AuthorizationCode(
            account_id=ana.id,
            epoch=session.epoch,
            session_id=session.id,
            session_ends=int(session.expires_at.timestamp()),
            auth_time=session.auth_time,
            amr=session.amr,
            app_id=app.id,
            redirect_uri=URI,
            challenge="",
            nonce="",
            scope=scope,
            claims={},
            acr=False,
        ),
    )


def ask(service: Service, app: App, secret: str, **data: str) -> EndpointResponse:
    from base64 import b64encode

    uow = service.uow()
    try:
        headers = {"Authorization": "Basic " + b64encode(f"{app.id}:{secret}".encode()).decode()}
        return service.site.get(OAuthServer).handle_token_request(ClientRequest(uow, data, headers))
    finally:
        uow.close()


def counted(answers: list[EndpointResponse]) -> Counter[Any]:
    return Counter((each.status, each.body.get("error")) for each in answers)


@on_both_databases
def test_of_fifty_that_redeem_one_code_one_succeeds_and_its_tokens_die(service: Service) -> None:
    app, secret = registered(service)
    ana = sign_up_member(service)
    code = code_for(service, ana, app)
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": URI}
    answers = run_concurrently(50, lambda number: ask(service, app, secret, **data))
    assert counted(answers) == {(200, None): 1, (400, "invalid_grant"): 49}
    (good,) = [each for each in answers if each.status == 200]
    with service.uow() as uow:
        (grant,) = uow.session.scalars(select(Grant))
        assert grant.revoked_at is not None, "the replay revokes what the first one gave"
    refused = ask(service, app, secret, grant_type="refresh_token", refresh_token=good.body["refresh_token"])
    assert (refused.status, refused.body["error"]) == (400, "invalid_grant")


@on_both_databases
def test_fifty_that_refresh_at_once_all_go_on_in_one_family(service: Service) -> None:
    app, secret = registered(service)
    ana = sign_up_member(service)
    code = code_for(service, ana, app)
    first = ask(service, app, secret, grant_type="authorization_code", code=code, redirect_uri=URI)
    data = {"grant_type": "refresh_token", "refresh_token": first.body["refresh_token"]}
    answers = run_concurrently(50, lambda number: ask(service, app, secret, **data))
    assert counted(answers) == {(200, None): 50}
    with service.uow() as uow:
        (grant,) = uow.session.scalars(select(Grant))
        assert (grant.counter, grant.revoked_at) == (1, None), "raised once, whoever came first"
    again = ask(service, app, secret, grant_type="refresh_token", refresh_token=answers[-1].body["refresh_token"])
    assert again.status == 200


@on_both_databases
def test_fifty_first_starts_make_one_set_of_keys(database: str) -> None:
    def start(number: int) -> frozenset[str]:
        site = make_site(database)
        try:
            return frozenset(key["kid"] for key in site.get(SigningKeys).public_jwks())
        finally:
            site.store.close()

    found = set(run_concurrently(8, start))
    assert len(found) == 1
    store = Store(database)
    site = make_site(database)
    with UnitOfWork(site) as uow:
        rows = list(uow.session.scalars(select(OidcKey)))
    assert sorted(row.alg for row in rows) == sorted(SIGNING_ALGS)
    assert all(row.not_before <= now() and row.retired_at is None for row in rows)
    site.store.close()
    store.close()


def test_a_grant_is_kept_for_as_long_as_its_code_could_be_used_again(service: Service) -> None:
    shortest = registration_form.RegisterAppForm.model_validate(
        {"name": "Wiki", "redirect_uris": [URI], "require_pkce": False, "trusted": True, "access_token_seconds": 60}
    )
    made = registration.register_app(service.uow(), shortest)
    signed = code_for(service, sign_up_member(service), made.app, scope=("openid",))
    code = service.site.signer.sign(
        tokens.AUTHORIZATION_CODE,
        replace(service.site.signer.verify(tokens.AUTHORIZATION_CODE, signed), session_ends=0),
    )
    data = {"grant_type": "authorization_code", "code": code, "redirect_uri": URI}
    with time_machine.travel(now(), tick=False) as clock:
        assert ask(service, made.app, str(made.secret), **data).status == 200
        # Whoever signed it may be ahead by the leeway, and so may be whoever sweeps.
        clock.shift(tokens.CODE_TTL + LEEWAY)
        with time_machine.travel(now() + LEEWAY, tick=False):
            shared_grants.delete_expired_grants(service.site.store.engine)
        with service.uow() as uow:
            assert uow.session.scalars(select(Grant)).all()
        clock.shift(LEEWAY)
        with time_machine.travel(now() + LEEWAY, tick=False):
            assert shared_grants.delete_expired_grants(service.site.store.engine) == 1
