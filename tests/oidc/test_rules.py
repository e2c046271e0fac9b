"""What RFC 9700, OAuth 2.1 and ASVS demand beyond the plans, each by its name."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
import requests

from accounts.core.models.account import Account
from accounts.core.models.apps import App, Consent, Grant
from accounts.flows.sessions import session as sessions
from accounts.flows.shared import accounts
from tests.oidc.kit import BrowserUser, Provider, RelyingParty, Tokens, code_challenge
from tests.people import make_email

NEAR_MISSES = [
    *("", "/", "cb", "/cb", "//rp.example.org/cb", "https:/rp.example.org/cb", "https:rp.example.org/cb"),
    *(
        "http://rp.example.org/cb",
        "HTTPS://rp.example.org/cb",
        "https://RP.example.org/cb",
        "https://rp.example.org/CB",
    ),
    *(
        "https://rp.example.org/cb/",
        "https://rp.example.org//cb",
        "https://rp.example.org/cb?",
        "https://rp.example.org/cb#",
    ),
    *(
        "https://rp.example.org/cb?x=y",
        "https://rp.example.org/cb#x",
        "https://rp.example.org/cb;x",
        "https://rp.example.org/cb%20",
    ),
    *(
        "https://rp.example.org/%63b",
        "https://rp.example.org/./cb",
        "https://rp.example.org/a/../cb",
        "https://rp.example.org/cb/..",
    ),
    *(
        "https://rp.example.org:443/cb",
        "https://rp.example.org:/cb",
        "https://rp.example.org:8443/cb",
        "https://rp.example.org./cb",
    ),
    *("https://user@rp.example.org/cb", "https://rp.example.org@evil.example/cb", "https://evil.example/cb"),
    *(
        "https://evil.example/https://rp.example.org/cb",
        "https://rp.example.org.evil.example/cb",
        "https://rp.example.orgx/cb",
    ),
    *(
        "https://rp.example.org\\@evil.example/cb",
        "https://rp.example.org%2f@evil.example/cb",
        "https://evil.rp.example.org/cb",
    ),
    *(
        "https://rp.example.org/cb\n",
        " https://rp.example.org/cb",
        "https://rp.example.org/cb ",
        "https://rp.example.org/c",
        "javascript:alert(1)",
    ),
    *(
        "data:text/html,x",
        "https://rp.example.org",
        "https://rp。example.org/cb",
        "https://rp.example.org/cb\x00",
        "https://[::1]/cb",
    ),
]


@pytest.fixture
def rp(provider: Provider) -> RelyingParty:
    return provider.register()


@pytest.fixture
def ana(provider: Provider) -> BrowserUser:
    return provider.person()


def error(answer: requests.Response) -> tuple[int, str]:
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["error"]


def offline(rp: RelyingParty, ana: BrowserUser) -> Tokens:
    return rp.tokens(ana.log_in(rp, scope="openid email offline_access"))


def test_a_near_miss_of_an_address_is_sent_nobody_signed_in_or_not(provider: Provider, rp: RelyingParty) -> None:
    assert len(set(NEAR_MISSES)) >= 40
    ana = provider.person()
    for signed_in in (False, True):
        if signed_in:
            ana.log_in(rp)
        for uri in NEAR_MISSES:
            for response_type in ("code", "token"):
                asked = rp.authorization_url(redirect_uri=uri, response_type=response_type)
                assert ana.open(asked) is None, uri
                assert ana.response.status_code == 400, uri
                assert "Location" not in ana.response.headers
                assert "evil" not in ana.response.text


@pytest.mark.parametrize("client_id", ["", "nobody", "x" * 500, "\x00", "ü", "' OR 1=1 --"])
def test_an_unknown_client_is_sent_nobody(rp: RelyingParty, ana: BrowserUser, client_id: str) -> None:
    for prompt in (None, "none"):
        assert ana.open(rp.authorization_url(client_id=client_id, prompt=prompt)) is None
        assert ana.response.status_code == 400


def test_the_port_is_free_on_the_loopback_of_a_native_app_and_nowhere_else(
    provider: Provider, ana: BrowserUser
) -> None:
    uris = ["http://127.0.0.1/cb", "https://rp.example.org/cb"]
    native = provider.register(redirect_uris=uris, application_type="native", token_endpoint_auth_method="none")
    ana.log_in(native, redirect_uri="https://rp.example.org/cb")
    for port in ("", ":1", ":49152", ":65535"):
        landed = ana.open(native.authorization_url(redirect_uri=f"http://127.0.0.1{port}/cb"))
        assert landed is not None
        assert landed.endpoint == f"http://127.0.0.1{port}/cb"
    for uri in ("http://localhost:1/cb", "http://127.0.0.1:1/cb2", "http://127.0.0.1:x/cb", "http://127.0.0.2:1/cb"):
        assert ana.open(native.authorization_url(redirect_uri=uri)) is None, uri
    for uri in ("http://127.0.0.1:1@evil.example/cb", "https://rp.example.org:1/cb", "http://127.0.0.1:1/cb#x"):
        assert ana.open(native.authorization_url(redirect_uri=uri)) is None, uri


@pytest.mark.parametrize("name", ["scope", "state", "nonce", "prompt", "response_mode", "code_challenge", "anything"])
def test_a_parameter_that_stands_there_twice_is_refused(rp: RelyingParty, ana: BrowserUser, name: str) -> None:
    ana.log_in(rp)
    landed = ana.open(f"{rp.authorization_url(anything='a')}&{name}=b")
    assert landed is not None
    assert landed.parameters["error"] == "invalid_request"


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_an_addressee_that_stands_there_twice_is_nobody(rp: RelyingParty, ana: BrowserUser, name: str) -> None:
    assert ana.open(f"{rp.authorization_url()}&{name}={quote(rp.id, safe='')}") is None
    assert ana.response.status_code == 400


WRONG = {
    "max_age": ("-1", "1.5", "x", "9" * 16, "１"),
    "prompt": ("none login", "other", "NONE", "login other"),
    "scope": ("", "email", "openid\nemail", ' openid"', "OpenID"),
    "response_type": ("token", "id_token", "code token", "none", "Code"),
    "response_mode": ("fragment", "web_message", "form_post.jwt"),
    "code_challenge_method": ("plain", "s256", ""),
    "code_challenge": ("", "x", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + "+"),
    "claims": ("x", "[]", '{"userinfo": []}', "[" * 1500, '{"id_token": 1}'),
    "id_token_hint": ("x", "a.b.c"),
    "nonce": ("n" * 513,),
    "registration": ("{}",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_is_wrong_is_told_to_the_app_that_a_person_is_signed_in_to(
    provider: Provider, wrong: tuple[RelyingParty, BrowserUser], name: str, value: str
) -> None:
    rp, ana = wrong
    landed = ana.open(rp.authorization_url(**{name: value}))
    assert landed is not None
    assert landed.parameters["error"].startswith(("invalid_", "unsupported_", "registration_not"))
    assert landed.parameters["state"] == rp.state
    assert landed.parameters["iss"] == rp.metadata["issuer"]
    assert "code" not in landed.parameters


@pytest.fixture
def wrong(provider: Provider) -> tuple[RelyingParty, BrowserUser]:
    rp, ana = provider.register(), provider.person()
    ana.log_in(rp)
    return rp, ana


def test_nobody_is_bounced_to_an_app_by_an_error_before_signing_in(rp: RelyingParty, ana: BrowserUser) -> None:
    assert ana.open(rp.authorization_url(scope="email")) is None
    assert ana.shows_password_form
    landed = ana.sign_in()
    assert landed is not None
    assert landed.parameters["error"] == "invalid_scope"


def test_a_public_client_needs_a_challenge(provider: Provider, ana: BrowserUser) -> None:
    public = provider.register(token_endpoint_auth_method="none", require_pkce=False)
    landed = ana.log_in(public, code_challenge=None, code_challenge_method=None)
    assert landed.parameters["error"] == "invalid_request"
    tokens = public.tokens(ana.log_in(public))
    assert public.userinfo(tokens.access).status_code == 200
    assert error(public.introspect(tokens.access)) == (401, "invalid_client")


def test_neither_half_of_pkce_can_be_dropped(provider: Provider, ana: BrowserUser) -> None:
    rp, free = provider.register(), provider.register(require_pkce=False)
    landed = ana.log_in(rp)
    assert error(rp.redeem(landed, code_verifier=None)) == (400, "invalid_request")
    for verifier in ("x", "a" * 42, "a" * 129, "a" * 43 + "+", code_challenge(rp.verifier)):
        assert error(rp.redeem(landed, code_verifier=verifier))[0] == 400, verifier
    assert rp.redeem(landed).status_code == 200, "a wrong verifier does not burn the code"
    landed = ana.log_in(free)
    assert error(free.redeem(landed, code_verifier=free.verifier)) == (400, "invalid_request")
    assert free.redeem(landed).status_code == 200


def test_a_code_is_bound_to_its_client_and_its_address(provider: Provider, ana: BrowserUser) -> None:
    uris = ["https://rp.example.org/cb", "https://rp.example.org/two"]
    rp, other = provider.register(redirect_uris=uris), provider.register(redirect_uris=uris)
    landed = ana.log_in(rp)
    other.verifier = rp.verifier
    assert error(other.redeem(landed)) == (400, "invalid_grant")
    assert error(rp.redeem(landed, redirect_uri=uris[1])) == (400, "invalid_grant")
    assert error(rp.redeem(landed, redirect_uri=None)) == (400, "invalid_grant")
    assert error(rp.redeem(landed, code=landed.parameters["code"].swapcase())) == (400, "invalid_grant")
    assert error(rp.redeem(landed, code=None)) == (400, "invalid_request")
    tokens = rp.tokens(landed)
    assert error(rp.redeem(landed, code=tokens.access)) == (400, "invalid_grant")
    assert error(rp.redeem(landed, grant_type="password")) == (400, "unsupported_grant_type")
    assert rp.userinfo(tokens.access).status_code == 200, "none of this was a second use"


def test_a_refresh_token_used_again_ends_its_family_and_no_other(provider: Provider, rp: RelyingParty) -> None:
    ana, bea = provider.person(), provider.person("bea")
    first, other_device, hers = offline(rp, ana), offline(rp, ana), offline(rp, bea)
    second = Tokens(rp.refresh(first.refresh).json(), rp)
    with provider.service.uow() as uow:
        grant = uow.session.get_one(Grant, _grant_of(provider, first))
        assert grant.rotated_at is not None
        grant.rotated_at = grant.rotated_at.replace(year=2020)
    assert error(rp.refresh(first.refresh)) == (400, "invalid_grant")
    assert error(rp.refresh(second.refresh)) == (400, "invalid_grant"), "the whole family"
    assert rp.userinfo(second.access).status_code == 401
    for others in (other_device, hers):
        assert rp.refresh(others.refresh).status_code == 200


def _grant_of(provider: Provider, tokens: Tokens) -> str:
    from accounts.flows.oidc.tokens import verify_access_token

    found = verify_access_token(provider.service.site, tokens.access)
    assert found is not None
    return found.grant_id


def test_the_refresh_token_before_is_good_for_a_moment(rp: RelyingParty, ana: BrowserUser) -> None:
    first = offline(rp, ana)
    second, again = (Tokens(rp.refresh(first.refresh).json(), rp) for _ in range(2))
    for tokens in (second, again):
        assert rp.userinfo(tokens.access).status_code == 200
    assert rp.refresh(again.refresh).status_code == 200


def test_scope_may_shrink_and_never_grow(rp: RelyingParty, ana: BrowserUser) -> None:
    first = offline(rp, ana)
    assert error(rp.refresh(first.refresh, scope="openid profile")) == (400, "invalid_scope")
    less = Tokens(rp.refresh(first.refresh, scope="openid").json(), rp)
    assert less.response["scope"] == "openid"
    assert set(rp.userinfo(less.access).json()) == {"sub"}
    whole = Tokens(rp.refresh(less.refresh).json(), rp)
    assert "email" in rp.userinfo(whole.access).json()


def test_an_app_gets_no_more_than_its_registration_allows(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(scopes=["email"], claims=["email", "name"])
    asked = {"scope": "openid profile email groups offline_access", "claims": '{"userinfo": {"name": null}}'}
    tokens = rp.tokens(ana.log_in(rp, **asked))
    assert tokens.response["scope"] == "openid email"
    assert "refresh_token" not in tokens.response
    assert set(rp.userinfo(tokens.access).json()) == {"sub", "email", "email_verified"}
    assert tokens.claims["email"] == ana.email, "its registration wants it in the ID token"
    assert "name" not in tokens.claims


def disable(provider: Provider, account_id: str) -> None:
    accounts.disable_account(provider.service.uow(), account_id)


def everywhere(provider: Provider, account_id: str) -> None:
    sessions.sign_out_everywhere(provider.service.uow(), account_id)


def delete(provider: Provider, account_id: str) -> None:
    with provider.service.uow() as uow:
        uow.session.delete(uow.session.get_one(Account, account_id))


def disable_app(provider: Provider, account_id: str) -> None:
    from accounts.core.clock import now

    with provider.service.uow() as uow:
        for grant in uow.session.query(Grant).filter_by(account_id=account_id):
            uow.session.get_one(App, grant.app_id).disabled_at = now()


def disconnect(provider: Provider, account_id: str) -> None:
    from accounts.flows.shared import grants

    with provider.service.uow() as uow:
        for grant in uow.session.query(Grant).filter_by(account_id=account_id):
            grants.revoke_consent_and_grants(uow, account_id, grant.app_id)


@pytest.mark.parametrize("end", [disable, everywhere, delete, disable_app, disconnect])
def test_everything_is_dead_at_once(provider: Provider, end: Callable[[Provider, str], None]) -> None:
    rp, ana = provider.register(trusted=end is not disconnect), provider.person()
    tokens, landed = offline(rp, ana), ana.log_in(rp, scope="openid")
    account_id = tokens.claims["sub"]
    end(provider, account_id)
    assert rp.userinfo(tokens.access).status_code == 401
    assert rp.refresh(tokens.refresh).status_code in (400, 401)
    said = rp.introspect(tokens.access)
    assert said.status_code == 401 or said.json() == {"active": False}
    if end is not disconnect:
        assert rp.redeem(landed).status_code in (400, 401), "a code under way, too"
    after = ana.open(rp.authorization_url(prompt="none"))
    assert after is None or after.parameters["error"] in ("login_required", "consent_required")


def test_signing_out_here_ends_what_was_not_meant_to_outlive_it(provider: Provider, rp: RelyingParty) -> None:
    ana = provider.person()
    kept, plain, landed = offline(rp, ana), rp.tokens(ana.log_in(rp)), ana.log_in(rp)
    ana.open("/sign-out", {"csrf_token": csrf(ana)})
    assert rp.userinfo(plain.access).status_code == 401
    assert error(rp.redeem(landed)) == (400, "invalid_grant")
    assert rp.refresh(kept.refresh).status_code == 200, "it was asked for the time when nobody is there"


def csrf(somebody: BrowserUser) -> str:
    answer = somebody.http.get(f"{somebody.provider.origin}/api/csrf", timeout=10)
    return str(answer.json()["csrf_token"])


def test_revoking_one_token_ends_what_came_with_it(provider: Provider, rp: RelyingParty) -> None:
    ana, other = provider.person(), provider.register()
    tokens = offline(rp, ana)
    assert error(other.revoke(tokens.access)) == (400, "invalid_grant")
    assert rp.introspect(tokens.access).json()["active"] is True
    assert other.introspect(tokens.access).json() == {"active": False}
    assert rp.revoke("junk").status_code == 200
    assert rp.post("revocation_endpoint", {"token": tokens.refresh, "token_type_hint": "odd"}).status_code == 200
    assert rp.introspect(tokens.access).json() == {"active": False}
    assert rp.userinfo(tokens.access).status_code == 401
    assert error(rp.refresh(tokens.refresh)) == (400, "invalid_grant")


def test_a_client_must_show_itself_as_it_is_registered(
    provider: Provider, rp: RelyingParty, ana: BrowserUser
) -> None:
    landed, said = ana.log_in(rp), {"grant_type": "authorization_code", "redirect_uri": rp.redirect_uri}
    said |= {"code": landed.parameters["code"], "code_verifier": rp.verifier}

    def ask(pair: str | None, **more: str) -> requests.Response:
        headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()} if pair is not None else {}
        return rp.http.post(rp.metadata["token_endpoint"], data=said | more, headers=headers, timeout=10)

    refused = ask(f"{rp.id}:wrong")
    assert error(refused) == (401, "invalid_client")
    assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    for pair in (rp.id, ":", "", "ü:ü", f"{rp.id}:%ff", f"nobody:{rp.secret}"):
        assert error(ask(pair)) == (401, "invalid_client"), pair
    assert error(ask(None, client_id=rp.id, client_secret=rp.secret or "")) == (401, "invalid_client")
    assert error(ask(None, client_id=rp.id)) == (401, "invalid_client")
    assert error(ask(f"{rp.id}:{rp.secret}", client_secret=rp.secret or "")) == (400, "invalid_request")
    assert error(ask(f"{rp.id}:{rp.secret}", client_id="other")) == (401, "invalid_client")
    encoded = "".join(f"%{ord(letter):02x}" for letter in rp.secret or "")
    assert ask(f"{rp.id}:{encoded}").status_code == 200, "form-encoded, as RFC 6749 2.3.1 has it"


def test_the_token_endpoint_takes_forms_and_each_parameter_once(rp: RelyingParty, ana: BrowserUser) -> None:
    url = rp.metadata["token_endpoint"]
    for how in ({"json": {"grant_type": "refresh_token"}}, {"files": {"grant_type": (None, "refresh_token")}}):
        assert error(rp.http.post(url, timeout=10, **how)) == (400, "invalid_request")
    twice = [("grant_type", "refresh_token"), ("grant_type", "authorization_code")]
    assert error(rp.http.post(url, data=twice, timeout=10)) == (400, "invalid_request")
    assert rp.http.get(url, timeout=10).status_code == 405
    assert error(rp.http.post(f"{url}?grant_type=refresh_token", timeout=10, data={"a": "b"}))[0] == 400


def test_userinfo_wants_one_token_in_one_place(rp: RelyingParty, ana: BrowserUser) -> None:
    tokens, url = offline(rp, ana), rp.metadata["userinfo_endpoint"]
    bare = rp.http.get(url, timeout=10)
    assert (bare.status_code, bare.headers["WWW-Authenticate"]) == (401, 'Bearer realm="accounts"')
    assert rp.http.get(f"{url}?access_token={tokens.access}", timeout=10).status_code == 401
    both = rp.http.post(
        url, data={"access_token": tokens.access}, headers={"Authorization": f"Bearer {tokens.access}"}, timeout=10
    )
    assert both.status_code == 400
    for token in (tokens.refresh, tokens.id_token, "x", tokens.access[:-1] + "_"):
        refused = rp.userinfo(token)
        assert refused.status_code == 401
        assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]


def test_only_pages_of_registered_public_apps_may_ask_from_a_browser(provider: Provider) -> None:
    mine = "https://rp.example.org"
    rp = provider.register(token_endpoint_auth_method="none")
    provider.register(redirect_uris=["https://with-a-secret.example/cb"])
    foreign = [
        "https://evil.example",
        "https://with-a-secret.example",
        "null",
        "https://rp.example.org.evil.example",
        "http://rp.example.org",
        "https://RP.example.org",
    ]
    foreign += [
        "https://rp.example.org:444",
        "https://rp.example.org/",
        "https://xrp.example.org",
        "*",
        "https://rp.example.org ",
    ]
    for path in ("/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/oauth/introspect"):
        for origin in (mine, *foreign):
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            before = rp.http.options(provider.origin + path, headers=headers, timeout=10)
            answer = rp.http.post(provider.origin + path, headers={"Origin": origin}, timeout=10)
            for each in (before, answer):
                assert each.headers.get("Access-Control-Allow-Origin") == (mine if origin == mine else None), origin
                assert "Access-Control-Allow-Credentials" not in each.headers
    for path in ("/oauth/authorize", "/oauth/logout", "/oauth/consent"):
        for ask in (rp.http.get, rp.http.options):
            told = ask(provider.origin + path, headers={"Origin": mine}, timeout=10).headers
            assert not [name for name in told if name.startswith("Access-Control")]


def test_sub_is_no_address_and_goes_to_nobody_else(provider: Provider, rp: RelyingParty) -> None:
    ana = provider.person()
    first = offline(rp, ana)
    assert "@" not in first.claims["sub"]
    delete(provider, first.claims["sub"])
    again = provider.service.person(email=ana.email)
    again.post("/api/sign-up", {"email": ana.email})
    said = {"token": provider.service.link_token(ana.email, "activate"), "password": ana.password, "name": "Ana"}
    assert again.post("/api/l/activate", said).status_code == 201
    new = offline(rp, BrowserUser(provider, ana.email))
    assert new.claims["sub"] != first.claims["sub"]
    assert rp.userinfo(first.access).status_code == 401


def test_userinfo_tells_what_holds_now(provider: Provider, rp: RelyingParty, ana: BrowserUser) -> None:
    tokens = offline(rp, ana)
    moved = make_email()
    with provider.service.uow() as uow:
        account = uow.session.get_one(Account, tokens.claims["sub"])
        account.email = account.email_key = moved
    assert rp.userinfo(tokens.access).json()["email"] == moved


def test_an_app_for_certain_groups_lets_nobody_else_in(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(allowed_groups=["staff"])
    ana.log_in(provider.register())
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    assert landed.parameters["error"] == "access_denied"
    assert ana.open(rp.authorization_url()) is None
    assert "You cannot use Wiki" in ana.page.text
    back = ana.decide("no")
    assert back is not None
    assert back.parameters["error"] == "access_denied"
    uow = provider.service.uow()
    accounts.set_groups(uow, accounts.find_account(uow, ana.email).id, ["staff"])
    tokens = rp.tokens(ana.log_in(rp, scope="openid groups"))
    assert rp.userinfo(tokens.access).json()["groups"] == ["staff"]
    accounts.set_groups(provider.service.uow(), tokens.claims["sub"], ["other"])
    assert rp.userinfo(tokens.access).status_code == 401


def test_consent_is_asked_once_for_each_thing_and_never_of_the_house(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register(trusted=False, name="<b>Shop</b>")
    ana.log_in(provider.register())
    landed = ana.open(rp.authorization_url(prompt="none"))
    assert landed is not None
    assert landed.parameters["error"] == "consent_required"
    assert ana.open(rp.authorization_url(scope="openid email")) is None
    assert "<b>Shop" not in ana.response.text
    assert "your mail address" in ana.page.text
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


def test_another_account_may_be_chosen(provider: Provider, ana: BrowserUser) -> None:
    rp = provider.register()
    first = rp.tokens(ana.log_in(rp))
    assert ana.open(rp.authorization_url(prompt="select_account")) is None
    assert ana.email in ana.page.text
    landed = ana.decide()
    assert landed is not None
    assert rp.tokens(landed).claims["sub"] == first.claims["sub"]
    bea = provider.person("bea")
    ana.open(rp.authorization_url(prompt="select_account"))
    ana.submit(ana.form("next"))
    assert ana.shows_password_form
    landed = ana.submit(ana.form("email"), email=bea.email, password=bea.password)
    assert landed is not None, "chosen, and not asked again"
    assert rp.tokens(landed).claims["sub"] != first.claims["sub"]


def test_an_app_that_expects_somebody_is_not_given_whoever_is_there(provider: Provider, rp: RelyingParty) -> None:
    ana, bea = provider.person(), provider.person("bea")
    hers = rp.tokens(bea.log_in(rp))
    ana.log_in(rp)
    landed = ana.open(rp.authorization_url(prompt="none", id_token_hint=hers.id_token))
    assert landed is not None
    assert landed.parameters["error"] == "login_required"
    sub = f'{{"id_token": {{"sub": {{"value": "{hers.claims["sub"]}"}}}}}}'
    landed = ana.open(rp.authorization_url(prompt="none", claims=sub))
    assert landed is not None
    assert landed.parameters["error"] == "login_required"


def test_a_proof_counts_for_the_request_that_asked_for_it_only(provider: Provider, rp: RelyingParty) -> None:
    ana = provider.person()
    ana.log_in(rp)
    url = rp.authorization_url(prompt="login")
    ana.open(url)
    came_back = ana.sign_in()
    assert came_back is not None
    assert ana.open(url) is None, "the same request again asks again"
    for note in ("x", "x.y.z"):
        assert ana.open(f"{url}&asked={note}") is None
    assert ana.open(rp.authorization_url(max_age="0")) is None


def test_only_a_sign_in_leaves_a_row(provider: Provider, ana: BrowserUser) -> None:
    from tests.kit.tables import dump_tables

    rp = provider.register()
    # The very first sign-in anywhere makes the keys, too.
    rp.tokens(provider.person().log_in(rp))
    ana.open("/sign-in")
    ana.sign_in()
    before = dump_tables(provider.service)
    landed = ana.open(rp.authorization_url(scope="openid email"))
    assert landed is not None
    assert dump_tables(provider.service) == before, "the request and its code are nowhere but in the browser"
    with provider.service.record_statements() as statements:
        tokens = rp.tokens(landed)
    changed = [each for each in statements if each.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert len(changed) == 3, "spent, grant, audit"
    assert len([each for each in statements if each.startswith("SELECT")]) <= 3
    with provider.service.record_statements() as statements:
        assert rp.userinfo(tokens.access).status_code == 200
    assert len(statements) == 1
    assert tokens.access not in str(dump_tables(provider.service))
    assert landed.parameters["code"] not in str(dump_tables(provider.service))
