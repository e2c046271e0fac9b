"""What an invitation says of whom it invites, why and where to: in the letter, on the page and in the account."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest

from accounts.core.errors import InvalidInput, NotFound
from accounts.core.link_kinds.parts import Subject
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.outbox import OutboxRow
from accounts.flows.invites import manage as manage_invites
from accounts.flows.invites import send as send_invites
from accounts.flows.invites.link import INVITE, InvitePayload
from accounts.flows.invites.send import InviteForm
from accounts.flows.oidc import registration
from accounts.flows.oidc.registration_form import RegisterAppForm
from accounts.flows.shared import app_targets
from accounts.flows.shared.accounts import NoPassword
from accounts.flows.shared.validation import validate
from tests.conftest import on_both_databases
from tests.flows.invites.batch_file import batch_of, ledger, sent, verdicts
from tests.flows.steps import create_first_admin, open_token, use_link
from tests.people import PASSWORD, Service, make_email, token_of_url


def add_app(service: Service, name: str = "Wiki", *, starts: bool = True) -> str:
    uri = f"https://{name.lower()}.example.org/"
    data = {"name": name, "redirect_uris": [f"{uri}cb"], "initiate_login_uri": f"{uri}begin" if starts else None}
    with service.uow() as uow:
        return registration.register_app(uow, RegisterAppForm.model_validate(data)).app.id


def invite(service: Service, **data: Any) -> SentInvite:
    return send_invites.send_invite(service.uow(), validate(InviteForm, {"email": make_email(), **data}))


def account_name(service: Service, account_id: str) -> str:
    return service.uow().session.get_one(Account, account_id).name


def body(service: Service, email: str, kind: str = "plain") -> str:
    part = service.mails_to(email)[-1].message.get_body((kind,))
    assert part is not None
    return unescape(str(part.get_content())).replace("\r\n", "\n")


@on_both_databases
@pytest.mark.parametrize(
    ("typed", "name"),
    [({}, "Ann Oz"), ({"name": "Ann Oz"}, "Ann Oz"), ({"name": "Annie"}, "Annie"), ({"name": ""}, "")],
)
def test_the_account_is_called_as_the_invitation_says_unless_the_person_says_otherwise(
    service: Service, typed: dict[str, str], name: str
) -> None:
    row = invite(service, name="Ann Oz")
    done = use_link(service, INVITE, service.link_token(row.email, "invite"), {"password": PASSWORD, **typed})
    assert account_name(service, done.account_id) == name


def test_a_link_does_not_carry_the_name_that_the_ledger_knows(service: Service) -> None:
    row = invite(service, name="Ann Oz")
    opened = open_token(service, INVITE, service.link_token(row.email, "invite"))
    assert "name" not in opened.carried.model_dump()
    assert dict(INVITE.values(service.uow(), opened)) == {"name": "Ann Oz"}


def test_a_link_that_no_row_is_kept_of_carries_the_name_itself(service: Service) -> None:
    email, later = make_email(), 4_000_000_000
    carried = InvitePayload(id="x" * 16, expires=later, groups=[], inviter="", locale="en", name="Ann Oz")
    with service.uow() as uow:
        token = token_of_url(uow.link_url(INVITE, Subject(email, None), carried))
    assert dict(INVITE.values(service.uow(), open_token(service, INVITE, token))) == {"name": "Ann Oz"}
    done = use_link(service, INVITE, token, {"password": PASSWORD})
    assert account_name(service, done.account_id) == "Ann Oz"


@pytest.mark.parametrize(("theirs", "name"), [("Ann at Work", "Ann at Work"), ("", "Ann Oz")])
def test_whoever_joins_by_another_provider_is_called_as_that_says_or_as_the_invitation(
    service: Service, theirs: str, name: str
) -> None:
    row = invite(service, name="Ann Oz")
    opened = open_token(service, INVITE, service.link_token(row.email, "invite"))
    with service.uow() as uow:
        result = INVITE.act(uow, opened, NoPassword(theirs))
    assert account_name(service, result.account_id) == name


def test_a_member_keeps_the_name_of_their_account(service: Service) -> None:
    member = service.member()
    data = {"email": member.email, "name": "Somebody else", "groups": ["editors"]}
    row = send_invites.send_invite(service.uow(), InviteForm.model_validate(data))
    opened = open_token(service, INVITE, service.link_token(row.email, "invite"))
    assert INVITE.context(service.uow(), opened)["name"] == ""


@pytest.mark.parametrize(
    ("locale", "said"),
    [
        ("en", ("Hello Ann Oz,", "Admin has invited you to use Wiki.", "Admin writes:")),
        ("de", ("Guten Tag Ann Oz,", "Admin lädt Sie ein, Wiki zu nutzen.", "Admin schreibt:")),
        ("fr", ("Bonjour Ann Oz,", "Admin vous invite à utiliser Wiki.", "Admin vous écrit\u00a0:")),
        ("es", ("Hola, Ann Oz:", "Admin le invita a usar Wiki.", "Admin escribe:")),
    ],
)
def test_the_letter_greets_quotes_and_names_the_app(service: Service, locale: str, said: tuple[str, ...]) -> None:
    admin = create_first_admin(service)
    add_app(service)
    data = {
        "email": make_email(), "name": "Ann Oz", "app": "Wiki", "locale": locale,
        "message": "We meet on Friday.\nBring <pens> & paper.",
    }  # fmt: skip
    row = send_invites.send_invite(admin.uow(), InviteForm.model_validate(data))
    service.deliver()
    text, html = body(service, row.email), body(service, row.email, "html")
    for part in said:
        assert part in text
        assert part in html
    raw = service.mails_to(row.email)[-1].message.get_body(("html",))
    assert raw is not None
    assert "&lt;pens&gt; &amp; paper" in str(raw.get_content()), "words are text, never markup"
    assert "> We meet on Friday.\n> Bring <pens> & paper.\n" in text
    assert "We meet on Friday.<br>\nBring <pens> & paper.</blockquote>" in html
    assert "Wiki" in service.mails_to(row.email)[-1].message["Subject"]


def test_a_letter_without_name_words_or_app_says_none(service: Service) -> None:
    row = invite(service)
    service.deliver()
    assert "Hello,\n" in body(service, row.email)
    assert ">" not in body(service, row.email)


def test_an_app_is_chosen_by_id_or_name_and_must_have_a_place_to_begin(service: Service) -> None:
    app_id = add_app(service)
    add_app(service, "Closed", starts=False)
    add_app(service, "Twin")
    add_app(service, "twin")
    assert invite(service, app=app_id).next == invite(service, app="WIKI").next == f"/apps/{app_id}/start"
    for unknown in ("Closed", "Twin", "Nothing", "https://wiki.example.org/"):
        with pytest.raises(InvalidInput) as caught:
            invite(service, app=unknown)
        assert [(each.field, each.code) for each in caught.value.fields] == [("app", "unknown")]


def test_an_app_that_is_gone_is_not_named_any_more(service: Service) -> None:
    app_id = add_app(service)
    row = invite(service, app="Wiki")
    token = service.link_token(row.email, "invite")
    assert INVITE.context(service.uow(), open_token(service, INVITE, token))["app"] == "Wiki"
    registration.disable_app(service.uow(), app_id)
    assert INVITE.context(service.uow(), open_token(service, INVITE, token))["app"] == ""
    with pytest.raises(NotFound):
        app_targets.start_url(service.uow(), app_id)


@pytest.mark.parametrize(("target", "name"), [
    ("/oauth/authorize?client_id={id}&scope=openid", "Wiki"), ("/apps/{id}/start", "Wiki"),
    ("/apps/{id}/start/x", ""),
    ("/account", ""), ("", ""), ("/oauth/authorize?client_id=other", ""), ("/x?client_id={id}", ""),
])  # fmt: skip
def test_a_return_target_names_the_app_that_it_leads_to(service: Service, target: str, name: str) -> None:
    app_id = add_app(service)
    assert app_targets.find_app_name(service.uow(), target.format(id=app_id)) == name


@on_both_databases
def test_a_list_says_names_words_and_apps_row_by_row_and_for_all(service: Service) -> None:
    admin, wiki, chat = create_first_admin(service), add_app(service), add_app(service, "Chat")
    one, two, three = make_email("one"), make_email("two"), make_email("three")
    text = f"email,name,message,app\n{one},Ann,For you.,Chat\n{two},Bob,,\n{three},Cid,,Nowhere\n"
    batch = batch_of(admin.uow(), text, message="For all.", app="Wiki")
    assert verdicts(admin.uow(), batch.id) == [(one, "new", ""), (two, "new", ""), (three, "malformed", "app")]
    sent(admin.uow(), batch.id)
    found = {row.email: (row.name, row.message, row.next, row.line) for row in ledger(admin.uow())}
    assert found == {
        one: ("Ann", "For you.", f"/apps/{chat}/start", 2), two: ("Bob", "For all.", f"/apps/{wiki}/start", 3),
    }  # fmt: skip


def test_letters_of_a_batch_go_among_those_to_many_and_one_alone_does_not(service: Service) -> None:
    admin = create_first_admin(service)
    batch = batch_of(admin.uow(), f"{make_email()}\n{make_email()}")
    sent(admin.uow(), batch.id)
    alone = invite(service)

    def lanes() -> list[tuple[str, str | None]]:
        rows = service.uow().session.query(OutboxRow).filter(OutboxRow.purpose == "invite").all()
        return sorted((row.lane, row.batch) for row in rows)

    assert lanes() == [("bulk", batch.id), ("bulk", batch.id), ("direct", None)]
    manage_invites.resend_invite(admin.uow(), alone.id)
    manage_invites.change_batch_invites(admin.uow(), batch.id, "resend")
    # Those that still wait are replaced: nobody gets two.
    assert lanes() == [("bulk", batch.id)] * 2 + [("direct", None)]
