"""Consent and groups: what is asked of a person, how often, and by which page."""

from __future__ import annotations

from accounts.core.models.apps import Consent
from accounts.flows.shared import accounts
from tests.oidc.kit import BrowserUser, Provider


def test_an_app_for_certain_groups_lets_nobody_else_in(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(allowed_groups=["staff"])
    ana.log_in(provider.register())
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    assert landed.parameters["error"] == "access_denied"
    assert ana.open(rp.authorization_url()) is None
    assert "You don't have access to Wiki" in ana.page.text
    back = ana.decide("no")
    assert back is not None
    assert back.parameters["error"] == "access_denied"
    uow = provider.service.uow()
    accounts.set_groups(uow, accounts.find_account(uow, ana.email).id, ["staff"])
    tokens = rp.tokens(ana.log_in(rp, scope="openid groups"))
    assert rp.userinfo(tokens.access).json()["groups"] == ["staff"]
    accounts.set_groups(provider.service.uow(), tokens.claims["sub"], ["other"])
    assert rp.userinfo(tokens.access).status_code == 401


def test_consent_is_asked_once_for_each_scope(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(trusted=False, name="<b>Shop</b>")
    ana.log_in(provider.register())
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    assert landed.parameters["error"] == "consent_required"
    assert ana.open(rp.authorization_url(scope="openid email")) is None
    assert "<b>Shop" not in ana.response.text
    assert "your email address" in ana.page.text
    assert "your name" not in ana.page.text
    refused = ana.decide("no")
    assert refused is not None
    assert refused.parameters["error"] == "access_denied"
    assert ana.open(rp.authorization_url(scope="openid email")) is None, "no is not remembered"
    assert ana.decide() is not None
    assert ana.open(rp.authorization_url(scope="openid")) is not None, "less than was agreed to"
    assert ana.open(rp.authorization_url(scope="openid profile")) is None, "more"
    assert ana.open(rp.authorization_url(scope="openid", prompt="consent")) is None
    with provider.service.uow() as uow:
        (row,) = uow.session.query(Consent).filter_by(app_id=rp.id)
        assert row.scope == "email openid"


def test_the_consent_form_is_of_this_browser_and_cannot_be_framed(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(trusted=False)
    ana.log_in(provider.register())
    ana.open(rp.authorization_url())
    assert "frame-ancestors 'none'" in ana.response.headers["Content-Security-Policy"]
    assert ana.response.headers["X-Frame-Options"] == "DENY"
    form, bea = ana.form("request"), provider.person("bea")
    bea.log_in(provider.register())
    assert bea.open(form.action, form.values | {"decision": "yes"}) is None
    assert bea.response.status_code == 403
