"""What ends codes and tokens: revocation, signing out, and whatever ends an account, an app or a consent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from accounts.core.clock import now
from accounts.core.models.account import Account
from accounts.core.models.apps import App, Grant
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts, grants
from tests.oidc.checks import oauth_error, offline_tokens
from tests.oidc.kit import BrowserUser, Provider, RelyingParty


def disable(provider: Provider, account_id: str) -> None:
    accounts.disable_account(provider.service.uow(), account_id)


def everywhere(provider: Provider, account_id: str) -> None:
    sessions.sign_out_everywhere(provider.service.uow(), account_id)


def delete(provider: Provider, account_id: str) -> None:
    with provider.service.uow() as uow:
        uow.session.delete(uow.session.get_one(Account, account_id))


def disable_app(provider: Provider, account_id: str) -> None:
    with provider.service.uow() as uow:
        for grant in uow.session.query(Grant).filter_by(account_id=account_id):
            uow.session.get_one(App, grant.app_id).disabled_at = now()


def disconnect(provider: Provider, account_id: str) -> None:
    with provider.service.uow() as uow:
        for grant in uow.session.query(Grant).filter_by(account_id=account_id):
            grants.revoke_consent_and_grants(uow, account_id, grant.app_id)


@pytest.mark.parametrize("end", [disable, everywhere, delete, disable_app, disconnect])
def test_everything_is_dead_at_once(provider: Provider, end: Callable[[Provider, str], None]) -> None:
    rp, ana = provider.register(trusted=end is not disconnect), provider.person()
    tokens, landed = offline_tokens(rp, ana), ana.log_in(rp, scope="openid")
    account_id = tokens.claims["sub"]
    end(provider, account_id)
    assert rp.userinfo(tokens.access).status_code == 401
    assert rp.refresh(tokens.refresh).status_code in (400, 401)
    response = rp.introspect(tokens.access)
    assert response.status_code == 401 or response.json() == {"active": False}
    if end is not disconnect:
        assert rp.redeem(landed).status_code in (400, 401), "a code under way, too"
    after = ana.open(rp.authorization_url(prompt="none"))
    assert after is None or after.parameters["error"] in ("login_required", "consent_required")


def test_signing_out_here_ends_what_was_not_meant_to_outlive_it(provider: Provider, rp: RelyingParty) -> None:
    ana = provider.person()
    kept, plain, landed = offline_tokens(rp, ana), rp.tokens(ana.log_in(rp)), ana.log_in(rp)
    ana.open("/sign-out", {"csrf_token": csrf(ana)})
    assert rp.userinfo(plain.access).status_code == 401
    assert oauth_error(rp.redeem(landed)) == (400, "invalid_grant")
    assert rp.refresh(kept.refresh).status_code == 200, "it was asked for the time when nobody is there"


def csrf(somebody: BrowserUser) -> str:
    answer = somebody.http.get(f"{somebody.provider.origin}/api/csrf", timeout=30)
    return str(answer.json()["csrf_token"])


def test_revoking_one_token_ends_what_came_with_it(provider: Provider, rp: RelyingParty) -> None:
    ana, other = provider.person(), provider.register()
    tokens = offline_tokens(rp, ana)
    assert oauth_error(other.revoke(tokens.access)) == (400, "invalid_grant")
    assert rp.introspect(tokens.access).json()["active"] is True
    assert other.introspect(tokens.access).json() == {"active": False}
    assert rp.revoke("junk").status_code == 200
    assert rp.post("revocation_endpoint", {"token": tokens.refresh, "token_type_hint": "odd"}).status_code == 200
    assert rp.introspect(tokens.access).json() == {"active": False}
    assert rp.userinfo(tokens.access).status_code == 401
    assert oauth_error(rp.refresh(tokens.refresh)) == (400, "invalid_grant")


def test_sub_is_no_address_and_goes_to_nobody_else(provider: Provider, rp: RelyingParty) -> None:
    ana = provider.person()
    first = offline_tokens(rp, ana)
    assert "@" not in first.claims["sub"]
    delete(provider, first.claims["sub"])
    again = provider.service.person(email=ana.email)
    again.post("/api/sign-up", {"email": ana.email})
    data = {"token": provider.service.link_token(ana.email, "activate"), "password": ana.password, "name": "Ana"}
    assert again.post("/api/l/activate", data).status_code == 201
    new = offline_tokens(rp, BrowserUser(provider, ana.email))
    assert new.claims["sub"] != first.claims["sub"]
    assert rp.userinfo(first.access).status_code == 401
