"""Requests in somebody else's name, at every endpoint that changes something, with everything else right."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from sqlalchemy import select

from accounts.core.models.outbox import OutboxRow
from accounts.flows import LINKS
from tests.apps import register_app, sign_in_to_apps
from tests.kit.images import png
from tests.kit.shared_invites import make_shared_link
from tests.kit.tables import dump_tables
from tests.people import OTHER_PASSWORD, PASSWORD, Person, Service, make_email, token_of_url
from tests.web.endpoints import Endpoint, csrf_token, list_endpoints, request_endpoint
from tests.web.live_links import FORM_DATA, make_link_url


class Scene:
    """An admin with an invitation that is out, a list, and a second session, and a live link of each kind."""

    def __init__(self, service: Service) -> None:
        self.admin = service.admin()
        self.tokens = {link.purpose: token_of_url(make_link_url(service, link.purpose, self.admin)) for link in LINKS}
        self.invite_id = self.admin.get("/api/admin/invites").get_json()["invites"][0]["id"]
        batch = self.admin.post("/api/admin/invites/batches", {"name": "Spring", "people": make_email()})
        self.batch_id = batch.get_json()["id"]
        self.shared_id = make_shared_link(service, self.admin).id
        self.shared_token = make_shared_link(service, self.admin).token
        app = register_app(service).app
        self.app_id = app.id
        sign_in_to_apps(service, self.admin, app)
        self.other = service.member()
        self.account_id = self.other.get("/api/account").get_json()["id"]
        act = self.admin.post("/api/admin/accounts/bulk", {"act": "send-reset", "who": [self.account_id]})
        self.act_id = act.get_json()["id"]
        self.mail_id = dead_letter(service)
        other = service.person(email=self.admin.email)
        other.sign_in()
        listed = self.admin.get("/api/account/sessions").get_json()["sessions"]
        self.session_id = next(each["id"] for each in listed if not each["current"])
        self.said: dict[str, dict[str, Any]] = {
            "sign_up": {"email": make_email()},
            "forgot_password": {"email": self.admin.email},
            "sign_in": {"email": self.admin.email, "password": PASSWORD},
            "sign_in_mail": {"email": self.admin.email},
            "confirm": {"password": PASSWORD},
            "sign_out": {},
            "change_account": {"name": "Changed", "locale": "de"},
            "change_password": {"current_password": PASSWORD, "password": OTHER_PASSWORD},
            "change_email": {"email": make_email()},
            "close_account": {},
            "end_session": {},
            "name_session": {"name": "Kitchen"},
            "end_other_sessions": {},
            "sign_in_with": {},
            "connect_with": {},
            "join_with": {},
            "accept_terms": {"terms": "2026"},
            "disconnect_identity": {},
            "disconnect_account_identity": {},
            "disconnect_app": {},
            "clear_mailbox": {},
            "add_app": {"name": "Wiki", "redirect_uris": ["https://wiki.example.org/cb"]},
            "change_app": {"name": "Changed"},
            "set_app_logo": {"image": b64encode(png()).decode()},
            **{name: {} for name in ("renew_app_secret", "end_old_app_secret", "disable_app", "enable_app")},
            **{name: {} for name in ("remove_app_logo", "remove_app", "try_app")},
            "send_invite": {"email": make_email(), "groups": "editors"},
            "resend_invite": {},
            "revoke_invite": {},
            "extend_invite": {"days": 30},
            "preview_invite": {"email": make_email()},
            "choose_invites": {"ids": [self.invite_id], "act": "revoke"},
            "change_some_invites": {"ids": [self.invite_id], "act": "revoke"},
            "check_email": {},
            "join": {"email": make_email(), "token": self.shared_token},
            "make_shared_invite": {"places": 30, "title": "Class 7b", "groups": "pupils"},
            "show_shared_invite_link": {},
            "extend_shared_invite": {"days": 30},
            "revoke_shared_invite": {},
            "make_batch": {"name": "Another", "people": make_email()},
            "send_batch": {},
            "discard_batch": {},
            "resend_batch": {},
            "extend_batch": {"days": 30},
            "revoke_batch": {},
            "export_links": {},
            "print_letters": {},
            "explain_link": {"link": self.tokens["activate"]},
            "decide": {"request": "", "decision": "no"},
            "confirm_logout": {"request": ""},
            "disable_account": {},
            "enable_account": {},
            "change_groups": {"groups": "editors"},
            "change_invited": {"invited": True},
            "explain_access": {"who": self.other.email},
            "send_reset": {},
            "unlock_account": {},
            "sign_out_account": {},
            "end_account_session": {},
            "delete_account": {"email": self.other.email},
            "make_bulk_act": {"act": "send-reset", "who": [self.account_id]},
            "run_bulk_act": {},
            "discard_bulk_act": {},
            "trace_mail": {"email": self.other.email},
            "send_mail_again": {},
            "pause_mail": {},
            "resume_mail": {},
            "cancel_mail": {},
            "count_as_reachable": {"email": self.other.email},
            "export_audit": {"format": "csv"},
            "see_limits": {"email": self.other.email},
            "lift_limits": {"email": self.other.email},
        }

    def body(self, endpoint: Endpoint) -> dict[str, Any]:
        assert endpoint.route is not None
        if endpoint.route.name == "act":
            return {
                **FORM_DATA[endpoint.purpose],
                **({"token": self.tokens[endpoint.purpose]} if endpoint.format == "json" else {}),
            }
        if endpoint.route.name == "again":
            return {"token": self.tokens[endpoint.purpose]} if endpoint.format == "json" else {}
        return self.said[endpoint.route.name]

    def request(self, endpoint: Endpoint, person: Person, **how: Any) -> int:
        return request_endpoint(endpoint, person, self.body(endpoint), values=self.values, **how).status_code

    @property
    def values(self) -> dict[str, str]:
        names = ("invite_id", "shared_id", "session_id", "batch_id", "app_id", "account_id", "act_id", "mail_id")
        return {name: getattr(self, name) for name in names}


def dead_letter(service: Service) -> str:
    """The name of a letter that the mail server refused."""
    service.deliver()
    service.sink.misbehave("RCPT", "550 no such user", times=1)
    try:
        service.person().post("/api/sign-up", {"email": make_email()})
        service.deliver()
    finally:
        service.sink.behave()
    with service.site.store.engine.connect() as connection:
        return str(connection.execute(select(OutboxRow.id).where(OutboxRow.dead_at.is_not(None))).scalar_one())


@pytest.fixture
def scene(service: Service) -> Scene:
    return Scene(service)


def changing(service: Service) -> list[Endpoint]:
    """What can be done here in somebody's name."""
    return [
        endpoint
        for endpoint in list_endpoints(service)
        if endpoint.is_unsafe and not (endpoint.route and endpoint.route.csrf is False)
    ]


def test_what_other_sites_may_send_is_this_and_no_more(service: Service) -> None:
    """Programs show a secret or a token of their own; the two for browsers only go round by GET."""
    foreign = {
        endpoint.name
        for endpoint in list_endpoints(service)
        if endpoint.route and endpoint.route.csrf is False and endpoint.is_unsafe
    }
    assert foreign == {
        "POST /mail/bounces",
        "POST /oauth/token",
        "POST /oauth/revoke",
        "POST /oauth/introspect",
        "POST /oauth/userinfo",
        "POST /oauth/authorize",
        "POST /oauth/logout",
    }


def needing_a_token(service: Service) -> list[Endpoint]:
    """Every form, and all JSON that acts by the authority of the session."""
    return [endpoint for endpoint in changing(service) if endpoint.format == "html" or endpoint.csrf_required]


def test_there_are_endpoints_with_and_without_a_csrf_check(service: Service) -> None:
    assert len(needing_a_token(service)) > 40
    assert {
        endpoint.route.name
        for endpoint in changing(service)
        if endpoint not in needing_a_token(service) and endpoint.route
    } == {
        "clear_mailbox",
        "join",
        "sign_up",
        "sign_in",
        "sign_in_mail",
        "sign_in_with",
        "forgot_password",
    }, "JSON without a token: nothing there is done by the authority of a session"


def test_a_missing_or_foreign_token_is_refused_everywhere_and_changes_nothing(service: Service, scene: Scene) -> None:
    visitor, other = service.person(), service.member()
    second = service.person(email=scene.admin.email)
    assert second.sign_in().status_code == 200
    tokens = {
        "missing": "",
        "junk": "x.y.z",
        "of a visitor": csrf_token(visitor),
        "of another person": csrf_token(other),
        "of another session of the same person": csrf_token(second),
    }
    before = dump_tables(service)
    for endpoint in needing_a_token(service):
        for which, token in tokens.items():
            # Whoever is signed in already is led on from an old sign-in form of ours: test_second_tab.py.
            is_sign_in = endpoint.format == "html" and endpoint.route is not None and endpoint.route.name == "sign_in"
            is_old_form = is_sign_in and which.startswith("of ")
            expected = 303 if is_old_form else 403
            assert scene.request(endpoint, scene.admin, token=token) == expected, f"{endpoint.name}: {which}"
    assert dump_tables(service) == before
    assert scene.admin.signed_in


FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "Same-Origin"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://127.0.0.1:8000"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:8000.evil.example"},
    {"Origin": "http://127.0.0.1:8001"},
    {"Origin": "https://127.0.0.1:8000"},
    {"Origin": ""},
]


def test_what_another_site_sends_is_refused_everywhere_and_changes_nothing(service: Service, scene: Scene) -> None:
    token = csrf_token(scene.admin)
    before = dump_tables(service)
    for endpoint in changing(service):
        for headers in FOREIGN:
            assert scene.request(endpoint, scene.admin, token=token, headers=headers) == 403, (
                f"{endpoint.name}: {headers}"
            )
    assert dump_tables(service) == before
    assert scene.admin.signed_in


def test_a_form_without_any_cookie_is_refused_even_with_a_token(service: Service, scene: Scene) -> None:
    token, before = csrf_token(scene.admin), dump_tables(service)
    for endpoint in changing(service):
        if endpoint.format == "html":
            assert scene.request(endpoint, service.person(), token=token) in (401, 403), endpoint.name
    assert dump_tables(service) == before


OWN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://127.0.0.1:8000"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://127.0.0.1:8000"},
    {"Origin": "http://localhost"},
    {"Origin": "null"},
]


def test_what_the_own_pages_send_is_taken(service: Service) -> None:
    member = service.member()
    for headers in OWN:
        data = {"name": "Other", "locale": "en", "csrf_token": csrf_token(member)}
        assert member.client.post("/account", data=data, headers=headers).status_code == 303, headers


def test_a_picture_cannot_sign_anybody_out(service: Service) -> None:
    member = service.member()
    assert member.get("/sign-out").status_code == 405
    assert member.get("/api/sign-out").status_code == 405
    assert member.signed_in
