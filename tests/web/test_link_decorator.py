"""Links of a host that are a decorated function: each works once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field
from sqlalchemy import select

from accounts import Accounts, Form, Problem, binds
from accounts.core.models.audit import AuditRow
from accounts.flask_commands import accounts
from accounts.testing import CapturedMail, sign_in
from tests.conftest import on_both_databases
from tests.kit.browser import Browser
from tests.people import Service, token_of_url
from tests.web import hosts
from tests.web.endpoints import problem_code

HOUR = timedelta(hours=1)
Mount = Callable[..., Service]
auth, mount = hosts.auth, hosts.mount_links


class NickName(Form):
    nickname: str = Field(title="Nickname", max_length=20)


def send(service: Service, auth: Accounts, link: Any, to: Any, **facts: Any) -> str:
    """Mail a link; answers it, as it came."""
    mail = CapturedMail(service.app)
    with service.app.app_context():
        auth.send(link, to=to, **facts)
    return mail.link(link if isinstance(link, str) else link.__name__.replace("_", "-"))


def use(service: Service, url: str, **data: Any) -> Any:
    purpose, token = url.split("/")[-3], token_of_url(url)
    return service.person().post(f"/auth/api/l/{purpose}", {"token": token, **data})


@pytest.fixture(autouse=True)
def _csrf_below_the_mount(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.people.Person.csrf_token", lambda self: "")


@on_both_databases
def test_a_link_works_once_and_dies_of_what_it_binds(auth: Accounts, mount: Mount) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.group("readers"), binds.auth_epoch])
    def join(work: Any, account: Any, form: Any) -> None:
        assert work.add_to_group(account, "readers")
        work.record_event("readers.joined", account, through="mail")

    service = mount()
    ada = sign_in(service.app.test_client(), email="ada@example.org")
    first, second = send(service, auth, join, ada), send(service, auth, join, ada.id)
    assert use(service, first).get_json() == {"purpose": "join", "account": ada.id}
    assert problem_code(use(service, first)) == "link_used"
    assert problem_code(use(service, second)) == "link_used", "its sibling has died of the first use"
    with (uow := service.uow()):
        (event,) = uow.session.scalars(select(AuditRow).where(AuditRow.kind == "readers.joined"))
        assert (event.account_id, event.facts) == (ada.id, {"through": "mail"})
        assert event.link_id


@on_both_databases
def test_a_link_that_changes_nothing_is_used_up_too(auth: Accounts, mount: Mount) -> None:
    pressed = []

    @auth.link("hello", lifetime=HOUR, dies_with=[binds.auth_epoch])
    def hello(work: Any, account: Any, form: Any) -> None:
        pressed.append(account.email)

    service = mount()
    url = send(service, auth, hello, sign_in(service.app.test_client(), email="ada@example.org"))
    assert use(service, url).status_code == 200
    assert problem_code(use(service, url)) == "link_used"
    assert pressed == ["ada@example.org"]


def test_what_fails_is_rolled_back_whole_and_the_link_lives(auth: Accounts, mount: Mount) -> None:
    class Full(Problem):
        code, status, message = "full", 409, "The list is full."

    full = [True]

    @auth.link("join", lifetime=HOUR, dies_with=[binds.group("readers")])
    def join(work: Any, account: Any, form: Any) -> None:
        work.add_to_group(account, "readers")
        if full:
            raise Full

    service = mount()
    client = service.app.test_client()
    url = send(service, auth, join, sign_in(client))
    assert problem_code(use(service, url)) == "full"
    assert sign_in(client).groups == ()
    full.clear()
    assert use(service, url).status_code == 200
    assert sign_in(client).groups == ("readers",)


def test_losing_a_group_kills_links_and_sessions_and_joining_again_revives_none(auth: Accounts, mount: Mount) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.group("readers"), binds.auth_epoch])
    def join(work: Any, account: Any, form: Any) -> None:
        work.add_to_group(account, "readers")

    service = mount()
    ada = sign_in(service.app.test_client())
    old = send(service, auth, join, ada)
    with service.app.app_context():
        with auth.work() as work:
            assert work.add_to_group(ada, "readers")
        with auth.work() as work:
            assert work.remove_from_group(ada, "readers", "others")
            assert not work.remove_from_group(ada, "others")
    assert problem_code(use(service, old)) == "link_used", "the same groups as then, but not the same epoch"


def test_its_page_asks_for_the_fields_of_its_form(auth: Accounts, mount: Mount) -> None:
    @auth.link("rename", lifetime=HOUR, dies_with=[binds.auth_epoch], form=NickName, title="Choose a nickname")
    def rename(work: Any, account: Any, form: NickName) -> None:
        account.name = f"{form.nickname} {work.facts['number']}"

    service = mount()
    client = service.app.test_client()
    browser = Browser(service.app.test_client())
    page = browser.visit(send(service, auth, rename, sign_in(client), number=7))
    assert "Choose a nickname" in page.text
    assert "Nothing happens until you press the button." in page.text
    browser.submit(nickname="x" * 21)
    assert browser.status == 422
    browser.submit(nickname="Ada")
    assert browser.url == "/auth/l/rename/done"
    assert "Done. Thank you." in browser.page.text
    assert sign_in(client).name == "Ada 7"


def test_a_letter_has_defaults_in_the_readers_language(auth: Accounts, mount: Mount) -> None:
    @auth.link("join-club", lifetime=HOUR, dies_with=[binds.auth_epoch])
    def join_club(work: Any, account: Any, form: Any) -> None: ...

    service = mount()
    ada = sign_in(service.app.test_client())
    send(service, auth, join_club, ada)
    with service.app.app_context(), auth.work() as work:
        work.get_account(ada).locale = "de"
    mail = CapturedMail(service.app)
    with service.app.app_context():
        auth.send(join_club, to=ada)
    (german,) = mail.messages
    assert german.subject == "Join club"
    assert "Link öffnen" in german.html
    assert "Dieser Link funktioniert einmal" in german.text


def test_words_of_the_host_win_and_know_the_facts(auth: Accounts, mount: Mount, tmp_path: Path) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.auth_epoch])
    def join(work: Any, account: Any, form: Any) -> None: ...

    words = tmp_path / "host" / "templates" / "emails" / "join"
    words.mkdir(parents=True)
    for part in ("subject", "txt", "html"):
        (words / f"en.{part}").write_text("{{ club }} waits" + ("" if part == "subject" else "\n{{ link }}\n"))
    service = mount()
    mail = CapturedMail(service.app)
    ada = sign_in(service.app.test_client())
    with service.app.app_context():
        auth.send(join, to=ada, club="Chess")
    assert [message.subject for message in mail.messages] == ["Chess waits"]


def test_an_address_without_an_account_can_be_sent_a_link(auth: Accounts, mount: Mount) -> None:
    seen = []

    @auth.link("subscribe", about="address", lifetime=HOUR, dies_with=[])
    def subscribe(work: Any, account: Any, form: Any) -> None:
        seen.append((work.email, account))

    service = mount()
    url = send(service, auth, subscribe, "new@example.org")
    assert use(service, url).status_code == 200
    assert problem_code(use(service, url)) == "link_used"
    assert seen == [("new@example.org", None)]


def test_too_many_to_one_recipient_are_refused_and_leave_a_trace(auth: Accounts, mount: Mount) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.auth_epoch])
    def join(work: Any, account: Any, form: Any) -> None: ...

    service = mount()
    ada = sign_in(service.app.test_client())
    with service.app.app_context():
        for _ in range(10):
            auth.send(join, to=ada)
        with pytest.raises(Problem) as refused:
            auth.send(join, to=ada)
    assert refused.value.status == 429


def test_sending_within_a_transaction_is_part_of_it(auth: Accounts, mount: Mount) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.auth_epoch])
    def join(work: Any, account: Any, form: Any) -> None: ...

    service = mount()
    mail = CapturedMail(service.app)
    ada = sign_in(service.app.test_client())
    with service.app.app_context():
        with contextlib.suppress(ZeroDivisionError), auth.work():
            auth.send(join, to=ada)
            raise ZeroDivisionError
        assert mail.messages == []
        with auth.work() as work:
            auth.send(join, to=ada)
            work.end_sessions(ada)
    assert len(mail.messages) == 1


def test_a_transaction_within_the_act_ends_with_the_act(auth: Accounts, mount: Mount) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.auth_epoch])
    def join(work: Any, account: Any, form: Any) -> None:
        with auth.work() as inner:
            inner.add_to_group(account, "readers")
        raise ZeroDivisionError

    service = mount()
    client = service.app.test_client()
    url = send(service, auth, join, sign_in(client))
    with pytest.raises(ZeroDivisionError):
        use(service, url)
    assert sign_in(client).groups == ()


def test_the_console_explains_what_has_become_of_a_link(auth: Accounts, mount: Mount) -> None:
    @auth.link("join", lifetime=HOUR, dies_with=[binds.group("readers"), binds.value("shoe", lambda account: 42)])
    def join(work: Any, account: Any, form: Any) -> None:
        work.add_to_group(account, "readers")

    service = mount()
    url = send(service, auth, join, sign_in(service.app.test_client()))

    def explain() -> str:
        return service.app.test_cli_runner().invoke(accounts, ["links", "explain", url]).output

    assert "group:readers" in explain()
    assert "value:shoe" in explain()
    use(service, url)
    assert "used" in explain()
