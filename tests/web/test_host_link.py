"""A kind of link of the host's own: one declaration and one folder of words, and the house does the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, Field
from sqlalchemy import select

from accounts import Link
from accounts.core.link_kinds.parts import auth_epoch, email
from accounts.core.links.link import ActResult, OpenedLink
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.outbox import Letter, OutboxItem
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.accounts import subject_of
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.people import Person, Service
from tests.web import hosts
from tests.web.endpoints import problem_code

mount = hosts.mount
PURPOSE = "change-name"


class NewName(BaseModel, extra="forbid"):
    name: str = Field(title="New name", max_length=100)


def letter(uow: UnitOfWork, intent: OutboxItem) -> Letter | None:
    account = uow.session.get(Account, intent.subject)
    if account is None:
        return None
    url = uow.site.link_signer.link_url(CHANGE_NAME, uow.site.link_signer.sign(CHANGE_NAME, subject_of(account)))
    return Letter(PURPOSE, account.email, account.locale, {"asked": None, "email": account.email}, link=url)


def act(uow: UnitOfWork, opened: OpenedLink, said: NewName) -> ActResult:
    opened.account.name = said.name
    opened.account.auth_epoch += 1
    uow.record_event("name.changed", account_id=opened.account.id, link_id=opened.link_id)
    return ActResult(opened.account.id)


CHANGE_NAME = Link(
    purpose=PURPOSE,
    lifetime=timedelta(hours=2),
    about="account",
    dies_with=(auth_epoch, email),
    form=NewName,
    letter=letter,
    act=act,
    title="Choose a new name",
    explanation="Everybody will see it.",
    button="Take this name",
    done="That is your name now.",
)
WORDS = {
    "subject": "A new name for {{ email }}",
    "txt": """{% extends "base.txt" %}
{% block lead %}Choose your new name:{% endblock %}
{% block href %}{{ link }}{% endblock %}""",
    "html": """{% extends "base.html" %}
{% block title %}A new name{% endblock %}
{% block label %}Choose a name{% endblock %}
{% block href %}{{ link }}{% endblock %}""",
}


@pytest.fixture
def service(mount: Callable[..., Service], tmp_path: Path) -> Service:
    folder = tmp_path / "words" / PURPOSE
    folder.mkdir(parents=True)
    for ending, text in WORDS.items():
        for language in ("en", "de"):
            (folder / f"{language}.{ending}").write_text(text, "utf-8")
    return mount(links=[CHANGE_NAME], words=[tmp_path / "words"], changes={"lifetime_change_name": "3600"})


def mailed(service: Service) -> tuple[Person, str]:
    """A member who was sent such a link."""
    member = service.member()
    with (uow := service.uow()):
        account = uow.session.scalars(select(Account).where(Account.email == member.email)).one()
        uow.enqueue(PURPOSE, account.id, locale=account.locale)
    return member, service.link_url(member.email, PURPOSE)


@on_both_databases
def test_a_link_of_the_host_works_as_a_page(service: Service) -> None:
    member, url = mailed(service)
    assert service.mails_to(member.email)[-1].message["Subject"] == f"A new name for {member.email}"
    browser = Browser(service.app.test_client())
    page = browser.visit(url)
    assert "Choose a new name" in page.text
    assert "Everybody will see it." in page.text
    browser.submit(name="x" * 101)
    assert browser.status == 422
    browser.submit(name="Hypatia")
    assert browser.url == f"/l/{PURPOSE}/done"
    assert "That is your name now." in browser.page.text
    assert browser.visit(url).forms == []
    assert browser.status == 410
    member.client.delete_cookie("accounts-session")
    member.sign_in()
    assert member.get("/api/account").get_json()["name"] == "Hypatia"


@on_both_databases
def test_a_link_of_the_host_works_as_json(service: Service) -> None:
    _, url = mailed(service)
    token = url.split("/")[-2]
    stranger = service.person()
    shown = stranger.get(f"/api/l/{PURPOSE}?token={token}").get_json()
    assert shown["asks"] == ["name"]
    assert shown["purpose"] == PURPOSE
    wrong = stranger.post(f"/api/l/{PURPOSE}", {"token": token, "nme": "x"})
    assert {error["field"]: error["code"] for error in wrong.get_json()["errors"]} == {
        "name": "missing",
        "nme": "extra_forbidden",
    }
    done = stranger.post(f"/api/l/{PURPOSE}", {"token": token, "name": "Hypatia"})
    assert done.status_code == 200
    assert problem_code(stranger.post(f"/api/l/{PURPOSE}", {"token": token, "name": "Again"})) == "link_used"


def test_its_tokens_are_accepted_at_no_other_endpoint_and_no_other_tokens_at_its_own(service: Service) -> None:
    member, url = mailed(service)
    token = url.split("/")[-2]
    assert problem_code(service.person().get(f"/api/l/reset-password?token={token}")) == "link_invalid"
    service.person().post("/api/forgot-password", {"email": member.email})
    reset = service.link_token(member.email, "reset-password")
    assert problem_code(service.person().get(f"/api/l/{PURPOSE}?token={reset}")) == "link_invalid"


def test_it_dies_like_every_link_with_the_state_that_it_binds(service: Service) -> None:
    member, url = mailed(service)
    member.post("/api/sign-out", {"everywhere": True})
    assert problem_code(service.person().get(f"/api/l/{PURPOSE}?token={url.split('/')[-2]}")) == "link_used"


def test_it_stands_in_the_audit_log_and_in_the_api_description(service: Service) -> None:
    _, url = mailed(service)
    token = url.split("/")[-2]
    shown = service.person()
    assert shown.post(f"/api/l/{PURPOSE}", {"token": token, "name": "Hypatia"}).status_code == 200
    with (uow := service.uow()):
        (event,) = uow.session.scalars(select(AuditRow).where(AuditRow.kind == "name.changed"))
        assert event.link_id
        assert event.link_id not in token
    described = shown.get("/api/openapi.json").get_json()
    assert set(described["paths"][f"/api/l/{PURPOSE}"]) == {"get", "post"}
    assert described["components"]["schemas"]["NewNameByLink"]["required"] == ["token", "name"]


def test_a_link_that_binds_nothing_that_never_returns_is_refused_when_it_is_declared() -> None:
    with pytest.raises(TypeError, match="could come back to life"):
        Link(
            purpose="weak",
            lifetime=timedelta(hours=1),
            about="account",
            dies_with=(email,),
            act=act,
            letter=letter,
            title="",
            explanation="",
            button="",
            done="",
        )


def test_two_links_of_one_purpose_are_refused(mount: Callable[..., Service]) -> None:
    from accounts import SettingsError

    with pytest.raises(SettingsError, match="change-name"):
        mount(links=[CHANGE_NAME, CHANGE_NAME])


@pytest.mark.parametrize("purpose", ["session", "csrf", "device", "oauth-code", "activate", "password-changed"])
def test_a_link_with_a_purpose_of_the_service_is_refused(mount: Callable[..., Service], purpose: str) -> None:
    from accounts import SettingsError

    with pytest.raises(SettingsError, match=purpose):
        mount(links=[replace(CHANGE_NAME, purpose=purpose)])
