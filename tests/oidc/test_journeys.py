"""The request survives whatever a person has to do first, on whatever device, and nothing is stored for it."""

from __future__ import annotations

import time
from urllib.parse import urljoin

import pytest
import time_machine

from accounts.core.models.apps import Grant
from accounts.flows.invites import send as send_invites
from tests.oidc.kit import STATE_128, BrowserUser, CallbackRequest, Provider, RelyingParty
from tests.people import OTHER_PASSWORD, PASSWORD, make_email


def arrived(rp: RelyingParty, landed: CallbackRequest | None, email: str) -> None:
    assert landed is not None
    assert landed.parameters["state"] == STATE_128
    tokens = rp.tokens(landed)
    assert tokens.claims["nonce"] == rp.nonce
    assert rp.userinfo(tokens.access).json()["email"] == email


def asked(rp: RelyingParty, **more: str) -> str:
    return rp.authorization_url(scope="openid email", state=STATE_128, nonce="n" * 64, **more)


def new_device(provider: Provider, email: str) -> BrowserUser:
    return BrowserUser(provider, email)


def test_through_signing_up_and_activating_on_another_device(provider: Provider) -> None:
    rp = provider.register()
    ana = new_device(provider, make_email())
    ana.open(asked(rp))
    (up,) = [link for link in ana.page.links if link.startswith("/sign-up?")]
    ana.open(up)
    ana.submit(ana.form("email"), email=ana.email)
    phone = new_device(provider, ana.email)
    phone.open(provider.service.link_url(ana.email, "activate"))
    arrived(rp, phone.submit(phone.form("password"), password=PASSWORD), ana.email)


def test_prompt_create_leads_to_signing_up_and_counts_as_signing_in(provider: Provider) -> None:
    rp = provider.register()
    ana = new_device(provider, make_email())
    assert ana.open(asked(rp, prompt="create", login_hint=ana.email)) is None
    assert "/sign-up" in ana.url
    ana.submit(ana.form("email"))
    ana.open(provider.service.link_url(ana.email, "activate"))
    arrived(rp, ana.submit(ana.form("password"), password=PASSWORD), ana.email)


def test_through_a_forgotten_password_on_another_device(provider: Provider) -> None:
    rp, ana = provider.register(), provider.person()
    ana.open(asked(rp, prompt="login"))
    (forgot,) = [link for link in ana.page.links if link.startswith("/forgot-password?")]
    ana.open(forgot)
    ana.submit(ana.form("email"), email=ana.email)
    phone = new_device(provider, ana.email)
    phone.open(provider.service.link_url(ana.email, "reset-password"))
    phone.submit(phone.form("password"), password=OTHER_PASSWORD)
    phone.password = OTHER_PASSWORD
    if not phone.shows_password_form:
        (onward,) = [link for link in phone.page.links if link.startswith("/sign-in?")]
        phone.open(onward)
    arrived(rp, phone.sign_in(), ana.email)


def test_through_signing_in_by_mail(provider: Provider) -> None:
    rp, ana = provider.register(), provider.person()
    ana.open(asked(rp))
    (mail,) = [link for link in ana.page.links if link.startswith("/sign-in/mail?")]
    ana.open(mail)
    ana.submit(ana.form("email"), email=ana.email)
    ana.open(provider.service.link_url(ana.email, "sign-in"))
    arrived(rp, ana.submit(ana.form("link_id")), ana.email)


def test_through_an_invitation(provider: Provider) -> None:
    rp = provider.register()
    target = asked(rp).removeprefix(provider.origin)
    email = make_email()
    data = {"email": email, "next": target}
    send_invites.send_invite(provider.service.uow(), send_invites.InviteForm.model_validate(data))
    ana = new_device(provider, email)
    ana.open(provider.service.link_url(email, "invite"))
    arrived(rp, ana.submit(ana.form("password"), password=PASSWORD), email)


@pytest.mark.parametrize(("typed", "name"), [({}, "Ana Lima"), ({"name": "Ana"}, "Ana"), ({"name": ""}, None)])
def test_through_an_invitation_into_an_app_which_gets_the_name(
    provider: Provider, typed: dict[str, str], name: str | None
) -> None:
    rp = provider.register(initiate_login_uri="https://rp.example.org/begin?here=1", claims=["name"])
    email = make_email()
    data = {"email": email, "name": "Ana Lima", "app": "wiki", "message": "See you on Friday.", "locale": "de"}
    send_invites.send_invite(provider.service.uow(), send_invites.InviteForm.model_validate(data))
    ana = new_device(provider, email)
    ana.open(provider.service.link_url(email, "invite"))
    assert ana.form("password").values["name"] == "Ana Lima"
    assert "Sie wurden eingeladen, Wiki zu nutzen." in ana.page.text
    assert "See you on Friday." in ana.page.text
    landed = ana.submit(ana.form("password"), password=PASSWORD, **typed)
    assert landed is not None
    assert landed.endpoint == "https://rp.example.org/begin"
    assert landed.parameters == {"here": "1", "iss": provider.origin}
    tokens = rp.tokens(ana.log_in(rp, scope="openid profile email"))
    assert tokens.claims.get("name") == name
    said = rp.userinfo(tokens.access).json()
    assert (said.get("name"), said["locale"]) == (name, "de")


def test_through_an_app_that_is_not_trusted(provider: Provider) -> None:
    rp, ana = provider.register(trusted=False), provider.person()
    assert ana.open(asked(rp, prompt="login consent", max_age="60")) is None
    assert ana.sign_in() is None
    arrived(rp, ana.decide(), ana.email)


def test_addresses_that_apps_know_have_no_language_prefix(provider: Provider) -> None:
    for rule in provider.service.app.url_map.iter_rules():
        if "/oauth/" in rule.rule or "/.well-known/" in rule.rule:
            assert rule.rule.startswith(("/oauth/", "/.well-known/")), rule.rule
    bea, rp = provider.person("bea"), provider.register(trusted=False)
    assert bea.http.get(f"{provider.origin}/de/oauth/authorize", timeout=20).status_code == 404
    bea.open(rp.authorization_url(ui_locales="it-CH de-CH en"))
    assert bea.url.startswith(f"{provider.origin}/de/sign-in?")
    assert "Anmelden" in bea.page.text, "the app has asked for it, and nobody else has"
    assert bea.sign_in() is None
    assert "Bei Wiki anmelden" in bea.page.text, "the walk ends in the language in which it began"
    assert bea.decide() is not None
    bea.http.cookies.clear()
    bea.open(f"{rp.metadata['end_session_endpoint']}?ui_locales=de")
    assert "abgemeldet" in bea.page.text


def test_fifty_tabs_fit_into_one_jar_of_cookies(provider: Provider) -> None:
    rp, ana = provider.register(), provider.person()
    for _ in range(50):
        assert ana.open(asked(rp)) is None
    assert len(ana.http.cookies) <= 3
    assert all(len(f"{each.name}={each.value}") <= 4096 for each in ana.http.cookies)
    arrived(rp, ana.sign_in(), ana.email)


def test_a_request_begun_in_one_browser_says_nothing_about_the_person_in_another(provider: Provider) -> None:
    rp, ana, bea = provider.register(), provider.person(), provider.person("bea")
    with time_machine.travel(time.time() - 5):
        bea.log_in(provider.register())
    ana.open(asked(rp, prompt="login"))
    landed = bea.open(urljoin(provider.origin, ana.form("next").values["next"]))
    assert landed is None, "she is asked for her own proof"
    assert bea.shows_password_form


def test_a_request_too_long_to_be_carried_is_told_to_the_app(provider: Provider) -> None:
    rp, ana = provider.register(), provider.person()
    landed = ana.open(rp.authorization_url(state="s" * 1500))
    assert landed is not None
    assert landed.parameters["error"] == "invalid_request"
    assert landed.parameters["state"] == "s" * 1500
    ana.log_in(rp)
    landed = ana.open(rp.authorization_url(state="s" * 1500))
    assert landed is not None
    assert "code" in landed.parameters, "whoever is signed in needs no carrying"


def test_a_grant_follows_the_session_when_its_id_changes(provider: Provider) -> None:
    rp, ana = provider.register(), provider.person()
    tokens = rp.tokens(ana.log_in(rp))
    ana.open(rp.authorization_url(prompt="login"))
    landed = ana.sign_in()
    assert landed is not None
    assert rp.userinfo(tokens.access).status_code == 200
    with provider.service.uow() as uow:
        (grant,) = uow.session.query(Grant).filter_by(app_id=rp.id)
        assert grant.sid == tokens.claims["sid"]
        assert grant.session_id != grant.sid
