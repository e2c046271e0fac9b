"""What a host can do wrong, and the one clear error for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from accounts import Accounts, Form, SettingsError, binds, current_account
from accounts.core.site import Site
from accounts.testing import sign_in
from tests.people import Service
from tests.web import hosts

HOUR = timedelta(hours=1)
Mount = Callable[..., Service]
auth, mount = hosts.auth, hosts.mount_links


def declare(auth: Accounts, purpose: str = "join", **changes: Any) -> Any:
    options: dict[str, Any] = {"lifetime": HOUR, "dies_with": [binds.auth_epoch]} | changes

    @auth.link(purpose, **options)
    def join(work: Any, account: Any, form: Any) -> None: ...

    return join


class TokenForm(Form):
    token: str


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"about": "somebody"}, "about is 'somebody', but must be 'account' or 'address'"),
        ({"about": "address"}, "a link about an address binds groups and values only"),
        ({"form": TokenForm}, "a form cannot have a field 'token'"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused_at_once(auth: Accounts, changes: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        declare(auth, **changes)


@pytest.mark.parametrize("purpose", ["", "Two-Words", "two words", "2fa", "x" * 41, "../x"])
def test_a_purpose_that_cannot_stand_in_an_address_is_refused_at_once(auth: Accounts, purpose: str) -> None:
    with pytest.raises(TypeError, match="is no purpose of a link"):
        declare(auth, purpose)


@pytest.mark.parametrize("purpose", ["session", "csrf", "device", "reset-password", "invite"])
def test_a_purpose_of_ours_stops_the_start(auth: Accounts, mount: Mount, purpose: str) -> None:
    declare(auth, purpose)
    with pytest.raises(SettingsError, match=purpose):
        mount()


@pytest.mark.parametrize("name", ["", "two words", "x" * 65])
def test_no_group_can_have_such_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a group"):
        binds.group(name)


def test_a_link_after_init_app_is_refused(auth: Accounts, mount: Mount) -> None:
    mount()
    with pytest.raises(RuntimeError, match="'late' comes after init_app"):
        declare(auth, "late")


def test_two_links_of_one_purpose_are_refused(auth: Accounts, mount: Mount) -> None:
    declare(auth)
    declare(auth)
    with pytest.raises(SettingsError, match="join"):
        mount()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (["en.subject", "en.txt"], "join/en.html is missing"),
        (["en.subject", "en.txt", "en.html", "de.txt"], "join/de.subject is missing"),
        (["de.subject", "de.txt", "de.html"], "join/en.subject is missing"),
    ],
)
def test_words_that_are_not_whole_stop_the_start(
    auth: Accounts, mount: Mount, tmp_path: Path, files: list[str], words: str
) -> None:
    declare(auth)
    folder = tmp_path / "host" / "templates" / "emails" / "join"
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).touch()
    with pytest.raises(SettingsError, match=words):
        mount()


def test_a_folder_of_words_that_is_not_there_stops_the_start(settings: Any, tmp_path: Path) -> None:
    auth = Accounts(settings=settings(), words=[tmp_path / "wrods"])
    with pytest.raises(SettingsError, match=r"there is no folder .*wrods"):
        auth.init_app(Flask("host"))


def test_a_prefix_without_a_slash_is_refused(settings: Any) -> None:
    with pytest.raises(SettingsError, match="url_prefix is 'auth', but must begin with a slash"):
        Accounts(settings=settings(), url_prefix="auth")


def test_two_extensions_on_one_app_are_refused(settings: Any, mount: Mount) -> None:
    service = mount()
    with pytest.raises(RuntimeError, match="this app has accounts already"):
        Accounts(service.app, settings=settings())


def test_init_app_forgotten_is_said_at_first_use(auth: Accounts) -> None:
    join = declare(auth)
    with Flask("bare").test_request_context():
        with pytest.raises(LookupError, match="Did you forget to call 'init_app'"):
            bool(current_account)
        with pytest.raises(LookupError, match="Did you forget to call 'init_app'"):
            auth.send(join, to="ada@example.org")
    with pytest.raises(LookupError, match="Did you forget to call 'init_app'"):
        auth.upgrade(Flask("bare"))


def test_what_cannot_be_sent_is_said(auth: Accounts, mount: Mount) -> None:
    join = declare(auth)
    service = mount()
    ada = sign_in(service.app.test_client())
    with service.app.test_request_context():
        with pytest.raises(LookupError, match="decorate it with"):
            auth.send(mount, to=ada)
        with pytest.raises(LookupError, match="this app has no link 'unknown'"):
            auth.send("unknown", to=ada)
        with pytest.raises(ValueError, match="nobody is signed in"):
            auth.send(join, to=current_account)
        with pytest.raises(ValueError, match="not an address"):
            auth.send(join, to="a@b@c")
        with pytest.raises(TypeError, match="facts must be JSON"):
            auth.send(join, to=ada, when=HOUR)
        with pytest.raises(ValueError, match="at most 1000 characters"):
            auth.send(join, to=ada, essay="x" * 1000)
        with auth.work() as work, pytest.raises(ValueError, match="event of your own"):
            work.record_event("sign-in", ada)


def test_an_id_of_the_host_never_meets_one_of_ours(auth: Accounts, mount: Mount) -> None:
    service = mount()
    client = service.app.test_client()
    ada = sign_in(client)
    site: Site = service.site
    until = ada.created_at + timedelta(days=1)
    with service.app.app_context(), auth.work() as work:
        assert work.spend(f"session:{ada.session.id}", until)
        assert not work.spend(f"session:{ada.session.id}", until)
    assert site.links.keys() >= {"reset-password"}
    assert client.get("/auth/api/account").status_code == 200, "the session lives"
