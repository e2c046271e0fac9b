"""The ways into a service, each as somebody without an account takes it: what becomes of them, under any policy.

A new entrance is a function here and a row in ``test_sign_up_policy.py``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlencode, urlsplit

import pytest
from werkzeug.test import TestResponse

from accounts import Accounts
from accounts.cli import main
from accounts.core.errors import NotFound, Problem
from accounts.core.links.link import Link
from accounts.extension import get_app_state
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.invites import link as invite_link
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.join import JOIN
from accounts.flows.invites.send import InviteForm
from accounts.flows.shared import accounts
from accounts.flows.upstream import identities, joining
from accounts.flows.upstream.provider import UpstreamUser
from tests.apps import register_app
from tests.conftest import KEY
from tests.flows.steps import anonymous_uow
from tests.kit.browser import Browser
from tests.kit.shared_invites import mailed_join_url, make_shared_link
from tests.people import PASSWORD, Person, Service, make_email, token_of_url
from tests.web.hosts import make_host

IN = "has an account"
LANDED = "page of "
WIKI = "wiki.example.org"
HOST_FORM = """<form method="post"><input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<input name="email"><input name="next" type="hidden" value=""></form>"""
STRANGER = UpstreamUser("https://issuer.example", "7", "ana@work.example", "Ana")


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody at an entrance.

    :ivar service: with the policy.
    :ivar before: the same installation before the policy was set: open.
    """

    service: Service
    before: Service
    email: str

    @property
    def has_account(self) -> bool:
        """Whether somebody has the address now."""
        try:
            return bool(accounts.find_account(self.service.uow(), self.email))
        except NotFound:
            return False

    def judge(self, response: TestResponse) -> str:
        """Say what an answer in JSON means."""
        if response.status_code in (200, 201) and self.has_account:
            return IN
        return str(response.get_json().get("code", response.status_code))


def sign_up_by_page(visit: Visit) -> str:
    """Fill in the page, where it has a form."""
    browser = Browser(visit.service.app.test_client())
    page = browser.visit("/sign-up")
    if not any("email" in form.kinds for form in page.forms):
        return "no form"
    browser.submit(email=visit.email)
    return LANDED + browser.url.partition("?")[0] if browser.status == 200 else str(browser.status)


def sign_up_by_forged_form(visit: Visit) -> str:
    """Send the form of the page, whether or not the page has one."""
    browser = Browser(visit.service.app.test_client())
    token = browser.visit("/forgot-password").forms[0].values["csrf_token"]
    browser.open("/sign-up", {"email": visit.email, "csrf_token": token})
    return LANDED + browser.url.partition("?")[0] if browser.status == 200 else str(browser.status)


def sign_up_by_json(visit: Visit) -> str:
    return visit.judge(visit.service.person().post("/api/sign-up", {"email": visit.email}))


def use_earlier_link(visit: Visit) -> str:
    """Use a link that was mailed while sign-up was open."""
    return visit.judge(_activate(visit, _earlier_token(visit)))


def resend_earlier_link(visit: Visit) -> str:
    """Have a fresh link sent in the place of such a one."""
    token = _earlier_token(visit)
    return visit.judge(visit.service.person().post("/api/l/activate/again", {"token": token}))


def read_earlier_letter(visit: Visit) -> str:
    """Ask while sign-up is open; the letter is written afterwards."""
    assert visit.before.person().post("/api/sign-up", {"email": visit.email}).status_code == 202
    return "a letter" if visit.service.mails_to(visit.email) else "no letter"


def accept_invitation(visit: Visit) -> str:
    data = {"token": _invitation_token(visit), "password": PASSWORD}
    return visit.judge(visit.service.person().post("/api/l/invite", data))


def join_by_link_for_several(visit: Visit) -> str:
    """Open a link for several people, and use the one that is mailed then."""
    url = mailed_join_url(visit.service, make_shared_link(visit.service), visit.email)
    data = {"token": token_of_url(url), "password": PASSWORD}
    outcome = visit.judge(visit.service.person().post("/api/l/join-shared", data))
    assert accounts.find_account(visit.service.uow(), visit.email).invited
    return outcome


def become_first_admin(visit: Visit) -> str:
    url = first_admin_url(visit.service.uow())
    assert url is not None
    data = {"token": token_of_url(url), "email": visit.email, "password": PASSWORD}
    return visit.judge(visit.service.person().post("/api/l/invite", data))


def come_from_app(visit: Visit) -> str:
    """Be sent by an app to create an account (``prompt=create``)."""
    registered = register_app(visit.service).app
    query = {
        "client_id": registered.id,
        "redirect_uri": registered.redirect_uris[0],
        "response_type": "code",
        "scope": "openid",
        "prompt": "create",
    }
    browser = Browser(visit.service.app.test_client())
    page = browser.visit(f"/oauth/authorize?{urlencode(query)}")
    assert browser.status == 200
    return ("closed " if "by invitation" in page.text else "") + LANDED + urlsplit(browser.url).path


def sign_in_by_unknown_identity(visit: Visit) -> str:
    """Come from another sign-in service for the first time."""
    return _outcome(lambda: identities.sign_in_by_identity(anonymous_uow(visit.service), STRANGER))


def accept_invitation_by_identity(visit: Visit) -> str:
    """Accept an invitation with a sign-in of another service, and sign in with it again."""
    token = _invitation_token(visit)
    return _join_by_identity(visit, invite_link.INVITE, token)


def join_by_link_for_several_by_identity(visit: Visit) -> str:
    """Ask by a link for several people as another service knows one, and use the one that is mailed then."""
    link = make_shared_link(visit.service)
    vouched = replace(STRANGER, email=visit.email)
    joining.request_join(anonymous_uow(visit.service), link.token, link.id, vouched)
    assert not visit.has_account, "the mailbox is not proven yet"
    return _join_by_identity(visit, JOIN, visit.service.link_token(visit.email, JOIN.purpose))


def accept_invitation_of_console(visit: Visit) -> str:
    """Use the link that ``accounts invites create`` prints, on a console with the same settings."""
    printed = run_console(visit.service, "invites", "create", visit.email, "--print")
    data = {"token": token_of_url(printed.strip()), "password": PASSWORD}
    return visit.judge(visit.service.person().post("/api/l/invite", data))


def come_from_forward_auth(visit: Visit) -> str:
    """Be led from a page behind forward-auth to signing in, and from there to where accounts are made."""
    register_app(visit.service, forward_origins=[f"https://{WIKI}"])
    asked = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": WIKI, "X-Forwarded-Uri": "/page"}
    started = visit.service.person().get("/forward-auth/start?to=/page", headers=asked)
    browser = Browser(visit.service.app.test_client())
    browser.visit(str(started.location))
    assert urlsplit(browser.url).path == "/sign-in"
    page = browser.click("/sign-up")
    assert "trip=" in unquote(browser.url), "whoever has an account comes back to the page"
    return LANDED + urlsplit(browser.url).path if page.forms else "no form"


def sign_up_by_form_of_host(visit: Visit) -> str:
    """Send the form of a host app that shows a page of its own in the place of ours, whatever the policy."""
    with TemporaryDirectory() as folder:
        app = make_host(Path(folder), {"accounts/sign_up.html": HOST_FORM})
        Accounts(app, settings=visit.service.site.settings, url_prefix="/auth")
        browser = Browser(app.test_client())
        browser.visit("/auth/sign-up")
        browser.submit(email=visit.email)
        get_app_state(app).site.store.close()
    return LANDED + browser.url.partition("?")[0] if browser.status == 200 else str(browser.status)


def _join_by_identity(visit: Visit, link: Link, token: str) -> str:
    link_id = visit.service.site.link_signer.verify(link, token).link_id
    joining.join_by_identity(anonymous_uow(visit.service), link, token, link_id, STRANGER, None)
    return _outcome(lambda: identities.sign_in_by_identity(anonymous_uow(visit.service), STRANGER))


def run_console(service: Service, *arguments: str) -> str:
    """Return what a command prints on the console of a service, that is with all of its settings."""
    settings = service.site.settings
    domains = ",".join(settings.sign_up_domains)
    names = {"env": "development", "instance": settings.instance, "database_url": settings.database_url}
    names |= {"secret_keys": KEY, "sign_up": settings.sign_up, "sign_up_domains": domains}
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as environment, redirect_stdout(printed):
        for name in [name for name in os.environ if name.startswith("ACCOUNTS_")]:
            environment.delenv(name)
        for name, value in names.items():
            if value:
                environment.setenv(f"ACCOUNTS_{name.upper()}", str(value))
        with pytest.raises(SystemExit) as end:
            main(arguments)
    assert not end.value.code, printed.getvalue()
    return printed.getvalue()


def sign_in_with_account_from_before(visit: Visit) -> str:
    """Sign in to an account that was made while sign-up was open."""
    assert _activate(visit, _earlier_token(visit), service=visit.before).status_code == 201
    return visit.judge(Person(visit.service.app.test_client(), visit.email).sign_in())


def _outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except Problem as problem:
        return problem.code
    return IN


def _earlier_token(visit: Visit) -> str:
    assert visit.before.person().post("/api/sign-up", {"email": visit.email}).status_code == 202
    return visit.before.link_token(visit.email, "activate")


def _activate(visit: Visit, token: str, service: Service | None = None) -> TestResponse:
    return (service or visit.service).person().post("/api/l/activate", {"token": token, "password": PASSWORD})


def _invitation_token(visit: Visit) -> str:
    form = InviteForm.model_validate({"email": visit.email})
    row = send_invites.send_invite(visit.service.uow(), form, send_letter=False)
    with visit.service.uow() as uow:
        return token_of_url(invite_link.make_invite_url(uow, row))


def new_visit(service: Service, before: Service) -> Visit:
    """Somebody new, whose address is of ``example.org``."""
    return Visit(service, before, make_email("newcomer"))
