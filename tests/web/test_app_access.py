"""Who gets into an app: every combination of rules, at every place that judges, and as it is explained."""

from __future__ import annotations

from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import delete, insert, select, update

from accounts.core.clock import now
from accounts.core.models.account import Account, Membership
from accounts.core.models.apps import App, Grant
from accounts.flows.oidc import grants
from accounts.flows.shared import accounts
from accounts.flows.shared.admission import ADMISSION_RULES
from tests.apps import register_app, sign_in_to_apps
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.people import Person, Service, make_email

WIKI = "https://wiki.example.org"
ASKED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "wiki.example.org", "X-Forwarded-Uri": "/page"}
DOMAINS = (None, "example.org", "example.com")
"""What an app may ask for; the account is of the second."""
COMBINATIONS = [
    (app, account)
    for app in product(([], ["staff"]), DOMAINS, (False, True))
    for account in product(((), ("staff",)), (False, True), (False, True))
]


class Doors:
    """One person and one app; says at each place whether she gets in."""

    def __init__(self, service: Service) -> None:
        self.service, self.admin, self.person = service, service.admin(), service.member()
        self.app = register_app(service, forward_origins=[WIKI], trusted=True).app
        sign_in_to_apps(service, self.person, self.app, scope="openid offline_access")
        with service.uow() as uow:
            self.grant_id = uow.session.scalars(select(Grant.id)).one()
        self.account_id = accounts.find_account(service.uow(), self.person.email).id
        started = self.person.get("/forward-auth/start?to=/page", headers=ASKED)
        passed = self.person.get(str(started.location).removeprefix(service.site.settings.public_origin))
        self.person.get(str(passed.location).removeprefix(WIKI), headers=ASKED)

    def set(self, app: dict[str, Any], account: dict[str, Any], groups: tuple[str, ...] = ()) -> None:
        """Have app and account as they are said to be, whatever they were."""
        with self.service.site.store.engine.begin() as connection:
            connection.execute(update(App).values(app))
            connection.execute(update(Account).where(Account.id == self.account_id).values(account))
            connection.execute(delete(Membership).where(Membership.account_id == self.account_id))
            for group in groups:
                connection.execute(insert(Membership).values(account=self.account_id, group=group))

    def ask_everywhere(self) -> dict[str, bool]:
        """Whether she gets in, by the place that was asked."""
        query = {
            "client_id": self.app.id,
            "redirect_uri": self.app.redirect_uris[0],
            "response_type": "code",
            "scope": "openid",
            "prompt": "none",
        }
        authorized = self.person.get(f"/oauth/authorize?{urlencode(query)}")
        uow = self.service.uow()
        live_grant = grants.find_live_grant(uow, self.grant_id)
        uow.close()
        return {
            "authorize": "code=" in str(authorized.location),
            "tokens": live_grant is not None,
            "forward-auth": self.person.get("/forward-auth", headers=ASKED).status_code == 200,
            "explanation": self.explain()["allowed"],
        }

    def explain(self) -> dict[str, Any]:
        answer = self.admin.post(f"/api/admin/apps/{self.app.id}/access", {"who": self.person.email})
        found: dict[str, Any] = answer.get_json()
        return found


def test_each_place_judges_alike_and_as_it_is_explained(service: Service) -> None:
    doors = Doors(service)
    seen = set()
    for (groups, domain, invited_only), (own_groups, unproven, invited) in COMBINATIONS:
        doors.set(
            {"allowed_groups": groups, "allowed_email_domain": domain, "invited_only": invited_only},
            {"email_unproven": unproven, "invited": invited},
            own_groups,
        )
        expected = (
            set(groups) <= set(own_groups)
            and domain != "example.com"
            and not (domain and unproven)
            and (invited or not invited_only)
        )
        answers = doors.ask_everywhere()
        assert set(answers.values()) == {expected}, (groups, domain, invited_only, own_groups, unproven, invited)
        seen |= {each["rule"] for each in doors.explain()["rules"] if not each["met"]}
    assert seen == {rule.name for rule in ADMISSION_RULES}, "each rule has kept her out"


def test_a_disabled_app_and_a_disabled_account_are_explained_as_they_are_judged(service: Service) -> None:
    doors = Doors(service)
    assert set(doors.ask_everywhere().values()) == {True}
    for app, account, rule in (
        ({"disabled_at": now()}, {}, "app_enabled"),
        ({}, {"status": "disabled"}, "account_enabled"),
    ):
        doors.set({"disabled_at": None} | app, {"status": "active"} | account)
        assert set(doors.ask_everywhere().values()) == {False}
        assert [each["rule"] for each in doors.explain()["rules"] if not each["met"]] == [rule]


def test_an_admin_reads_what_the_app_wants_and_what_the_account_has(service: Service) -> None:
    admin, member = service.admin(), service.member()
    app = register_app(service, allowed_groups=["staff", "lab"], allowed_email_domain="example.com").app
    account_id = accounts.find_account(service.uow(), member.email).id
    accounts.set_groups(service.uow(), account_id, ["guests"])
    body = admin.post(f"/api/admin/apps/{app.id}/access", {"who": account_id}).get_json()
    assert (body["app"], body["account"]) == (
        {"id": app.id, "name": "Wiki"},
        {"id": account_id, "email": member.email},
    )
    rules = {each["rule"]: each for each in body["rules"]}
    assert (rules["groups"]["wanted"], rules["groups"]["found"]) == (["lab", "staff"], ["guests"])
    assert (rules["email_domain"]["wanted"], rules["email_domain"]["found"]) == (["example.com"], ["example.org"])
    assert rules["invited"]["applies"] is False
    listed = admin.get(f"/api/admin/accounts/{account_id}/access").get_json()
    assert listed == {"apps": [body]}

    page = Browser(admin.client)
    page.visit(f"/admin/apps/{app.id}")
    page.click("/access")
    assert "No access" in page.submit(who=member.email).text
    assert "lab, staff" in page.page.text
    assert member.email not in page.url, "an address in an address would stand in logs"
    page.submit(who="nobody@example.org")
    assert page.status == 422
    assert "No account has this email address or ID." in page.page.text
    page.visit(f"/admin/accounts/{account_id}")
    page.click("/access")
    assert "No access" in page.page.text


def test_an_admin_lets_somebody_in_and_takes_that_back(service: Service) -> None:
    admin, member = service.admin(), service.member()
    account_id = accounts.find_account(service.uow(), member.email).id
    path = f"/admin/accounts/{account_id}"
    assert admin.get(f"/api{path}").get_json()["account"]["invited"] is False
    page = Browser(admin.client)
    page.visit(path)
    page.click("/invited")
    assert f"{member.email} is now marked as invited." in page.submit(page.form("invited")).text
    assert admin.get(f"/api{path}").get_json()["account"]["invited"] is True
    page.click("/invited")
    assert "It loses access to 0 apps" in page.page.text
    assert f"{member.email} is no longer marked as invited." in page.submit(page.form("invited")).text
    assert admin.post(f"/api{path}/invited", {"invited": True}).get_json()["account"]["invited"] is True
    kinds = [each["kind"] for each in admin.get(f"/api{path}").get_json()["history"]]
    assert kinds.count("account.let-in") == 3


def invite(admin: Person, service: Service, email: str) -> str:
    assert admin.post("/api/admin/invites", {"email": email}).status_code == 202
    return service.link_token(email, "invite")


@on_both_databases
def test_who_accepts_an_invitation_counts_as_invited(service: Service) -> None:
    admin, member, email = service.admin(), service.member(), make_email()
    password = {"password": admin.password}
    assert (
        service.person().post("/api/l/invite", {"token": invite(admin, service, email), **password}).status_code
        == 201
    )
    assert member.post("/api/l/invite", {"token": invite(admin, service, member.email)}).status_code == 200
    other = service.member()
    with service.uow() as uow:
        rows = {row.email: row.invited for row in uow.session.scalars(select(Account))}
    assert rows == {admin.email: True, email: True, member.email: True, other.email: False}


HOSTILE = "https://example.org/help?a=<b>&c='d'"


@pytest.mark.parametrize(
    ("contact", "accepted"),
    [
        ("help@example.org", "help@example.org"),
        (" https://example.org/help ", "https://example.org/help"),
        ("", None),
        (None, None),
        ("javascript:alert(1)", ...),
        ("http://example.org/help", ...),
        (HOSTILE, ...),
        ("mailto:help@example.org", ...),
        ("a\nb@example.org", ...),
        ("https://example.org@evil.test/", ...),
        (7, ...),
    ],
)
def test_a_contact_is_an_email_address_or_an_https_address(
    service: Service, contact: object, accepted: object
) -> None:
    admin = service.admin()
    answer = admin.post("/api/admin/apps", {"name": "Wiki", "redirect_uris": [f"{WIKI}/cb"], "contact": contact})
    if accepted is ...:
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["field"] == "contact"
    else:
        assert answer.get_json()["contact"] == accepted
