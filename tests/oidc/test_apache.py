"""Whoever is signed out here is signed out of Apache: Debian's mod_auth_openidc, which finds sessions by ``sid``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from accounts.delivery.callbacks import HttpCallbackSender
from accounts.flows.oidc import registration
from tests.flows.oidc.ways_out import WAYS, disconnect, not_me
from tests.oidc.kit import BrowserUser, Provider
from tests.people import Person
from tests.servers.apache import Apache, ApacheMissing
from tests.servers.certificates import Authority

pytestmark = pytest.mark.faults


class ApacheVisitor:
    """Somebody at a browser, at the provider and at Apache."""

    def __init__(self, apache: Apache, provider: Provider, member: Person) -> None:
        self.apache, self.member = apache, member
        self.browser = BrowserUser(provider, member.email)
        self.http = provider.http_client()

    def visit(self) -> requests.Response:
        """What the page answers: 200, or 302 to the provider."""
        return self.http.get(f"{self.apache.origin}/", allow_redirects=False, timeout=30)

    def sign_in(self) -> None:
        sent = self.visit()
        assert sent.status_code == 302, sent.text
        callback = self.browser.open(sent.headers["Location"])
        if callback is None:
            callback = self.browser.sign_in()
        if callback is None:
            callback = self.browser.decide()
        assert callback is not None, self.browser.page.text
        self.http.get(callback.url, timeout=30)
        assert self.is_signed_in

    @property
    def is_signed_in(self) -> bool:
        return self.visit().status_code == 200


@pytest.fixture
def apache(provider: Provider, authority: Authority) -> Iterator[Apache]:
    """Apache, as an app of the provider: registered and running."""
    try:
        found = Apache(authority)
    except ApacheMissing as missing:
        pytest.skip(str(missing))
    state = provider.service.state
    state.callback_client = HttpCallbackSender(state.site.settings, cafile=authority.certificate)
    rp = provider.register(
        name="Apache", redirect_uris=[found.redirect_uri], backchannel_logout_uri=found.logout_uri, trusted=False
    )
    with found.running(provider.origin, rp.id, rp.secret or "", "OIDCPKCEMethod S256"):
        yield found


def test_whatever_ends_somebodys_sessions_ends_them_at_apache(provider: Provider, apache: Apache) -> None:
    """All ways in one run of the server: starting it costs more than asking it."""
    service = provider.service
    service.admin()
    bystander = ApacheVisitor(apache, provider, service.member("bystander"))
    bystander.sign_in()
    for way in (*(way for way in WAYS if way is not not_me), disconnect):
        member = service.member()
        visitors = [ApacheVisitor(apache, provider, member) for _ in range(2)]
        for visitor in visitors:
            visitor.sign_in()
        way(service, member)
        service.deliver()
        assert [visitor.is_signed_in for visitor in visitors] == [False, False], way.__name__
        assert bystander.is_signed_in, way.__name__
    one, other = (ApacheVisitor(apache, provider, member) for member in [service.member()] * 2)
    for visitor in (one, other):
        visitor.sign_in()
    one.browser.open(f"{provider.origin}/account")
    one.browser.submit(next(form for form in one.browser.page.forms if form.action == "/sign-out"))
    service.deliver()
    assert (one.is_signed_in, other.is_signed_in) == (False, True), "one session is one session"
    registration.disable_app(service.uow(), registration.list_apps(service.uow())[0].id)
    service.deliver()
    assert not any(visitor.is_signed_in for visitor in (other, bystander)), "the app was switched off"
