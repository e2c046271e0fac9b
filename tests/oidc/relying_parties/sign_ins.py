"""Libraries of others sign in, as their own documentation configures them, to an app registered by default.

Not collected by itself: `make relying-parties` runs it, as it installs what it needs. What cannot be had is skipped
by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from accounts.core.models.apps import App
from tests.e2e.running import free_port
from tests.oidc.kit import Provider, RelyingParty
from tests.oidc.relying_parties.kit import (
    Library,
    LibraryMissing,
    WebBrowser,
    apache_version,
    on_django,
    on_go,
    on_node,
    running,
)
from tests.servers.apache import Apache, ApacheMissing
from tests.servers.certificates import Authority

pytestmark = pytest.mark.timeout(900)
Note = Callable[[str, str], None]


@dataclass(frozen=True)
class Case:
    """An app on a library.

    :ivar make: how to have the library.
    :ivar callback, begin: where the app is answered, and where a sign-in begins.
    :ivar presses: whether there is a button to press first.
    :ivar registration: what is said when it is registered, beside its name and its redirect address.
    :ivar learns: whether the app learns the address of whoever signs in.
    """

    make: Callable[[], Library]
    callback: str = "/callback"
    begin: str = "/login"
    presses: bool = False
    registration: dict[str, Any] = field(default_factory=dict)
    learns: bool = True


AUTH_JS = ("/auth/callback/accounts", "/auth/signin", True)
ALLAUTH = ("/accounts/oidc/accounts/login/callback/", "/accounts/oidc/accounts/login/", True)
CASES = {
    "x/oauth2": Case(on_go),
    "mozilla-django-oidc": Case(lambda: on_django("mozilla-django-oidc"), "/oidc/callback/", "/oidc/authenticate/"),
    "django-allauth": Case(lambda: on_django("django-allauth"), *ALLAUTH),
    # These two read the ID token only.
    "passport-openidconnect": Case(lambda: on_node("passport.mjs", "passport-openidconnect"), learns=False),
    "passport-openidconnect, claims in the ID token": Case(
        lambda: on_node("passport.mjs", "passport-openidconnect"), registration={"claims_in_id_token": True}
    ),
    "Auth.js": Case(lambda: on_node("authjs.mjs", "@auth/express"), *AUTH_JS, learns=False),
    "Auth.js, claims in the ID token": Case(
        lambda: on_node("authjs.mjs", "@auth/express"), *AUTH_JS, registration={"claims_in_id_token": True}
    ),
}


as_documented_and_safer = pytest.mark.parametrize("safer", [False, True], ids=["as documented", "safer"])


@pytest.fixture
def note(request: pytest.FixtureRequest) -> Note:
    """Notes a fact for the table."""
    return lambda name, value: request.node.user_properties.append((name, value))


def register(provider: Provider, note: Note, redirect_uri: str, **fields: Any) -> RelyingParty:
    note("registered", ", ".join(fields) or "default")
    return provider.register(name="App", redirect_uris=[redirect_uri], trusted=False, **fields)


def configuration(safer: bool) -> str:
    return "and what is worth setting" if safer else "as documented"


def what_was_noted(rp: RelyingParty) -> App:
    with rp.provider.service.uow() as uow:
        app = uow.session.get_one(App, rp.id)
        assert app.observed_at is not None, "it has redeemed its code"
        return app


def what_it_sends(rp: RelyingParty) -> str:
    app = what_was_noted(rp)
    return f"{'PKCE' if app.sends_pkce else 'no PKCE'}, {'a nonce' if app.sends_nonce else 'no nonce'}"


def is_safe(rp: RelyingParty) -> bool:
    app = what_was_noted(rp)
    return bool(app.sends_pkce or app.sends_nonce)


@as_documented_and_safer
@pytest.mark.parametrize("name", CASES)
def test_an_app_on_a_library_signs_somebody_in(
    provider: Provider, tmp_path: Path, note: Note, name: str, safer: bool
) -> None:
    case = CASES[name]
    note("library", name)
    try:
        library = case.make()
    except LibraryMissing as missing:
        pytest.skip(str(missing))
    note("library", library.version)
    port = free_port()
    origin = f"http://localhost:{port}"
    rp = register(provider, note, f"{origin}{case.callback}", **case.registration)
    browser = WebBrowser(provider, provider.service.member("ana").email)
    note("configured", configuration(safer))
    with running(library, rp, port, tmp_path, safer=safer):
        browser.open(f"{origin}{case.begin}")
        if case.presses:
            (button,) = [form for form in browser.page.forms if form.method == "post"]
            browser.submit(button)
        browser.sign_in()
        if case.callback not in browser.url:
            browser.open(origin)
        shown = browser.shown
    assert (shown.get("email") == browser.email) is case.learns, shown
    learned = sorted(name for name, value in shown.items() if value)
    assert learned, "somebody is signed in"
    note("learned", f"{what_it_sends(rp)}; told {', '.join(learned)}")
    assert is_safe(rp) or not safer


@as_documented_and_safer
def test_apache_signs_somebody_in(provider: Provider, authority: Authority, note: Note, safer: bool) -> None:
    note("library", "mod_auth_openidc")
    try:
        apache = Apache(authority)
    except ApacheMissing as missing:
        pytest.skip(f"mod_auth_openidc: {missing}")
    note("library", apache_version())
    rp = register(provider, note, apache.redirect_uri)
    browser = WebBrowser(provider, provider.service.member("ana").email)
    note("configured", configuration(safer))
    directives = 'OIDCScope "openid email"' + ("\nOIDCPKCEMethod S256" if safer else "")
    with apache.running(provider.origin, rp.id, str(rp.secret), directives):
        browser.open(f"{apache.origin}/")
        browser.sign_in()
        assert browser.response.status_code == 200, browser.response.text
        assert browser.response.text == "Welcome\n"
        assert browser.response.headers["X-Remote-Email"] == browser.email
    note("learned", f"{what_it_sends(rp)}; told sub, email")
    assert is_safe(rp)
