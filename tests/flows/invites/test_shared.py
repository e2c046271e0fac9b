"""Links for several people, as admins make them, extend them and take them back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.errors import InvalidInput, NotFound
from accounts.core.link_errors import LinkRevoked
from accounts.core.models.audit import AuditRow
from accounts.core.models.shared_invites import SharedInvite
from accounts.core.uow import UnitOfWork
from accounts.flows.invites import shared
from accounts.flows.invites.shared import ExtendSharedInviteForm, SharedInviteForm
from accounts.flows.invites.shared_terms import MAX_SHARED_LIFE, read_shared_link
from accounts.flows.shared.accounts import find_account
from accounts.flows.shared.fields import PageForm
from accounts.flows.shared.recovery import CHANGE_PASSWORD, NOT_ME, RESET, recover_account
from accounts.flows.shared.validation import validate
from tests.conftest import on_both_databases
from tests.kit.shared_invites import ask_to_join, join, make_shared_link, shared_token
from tests.people import Service


def row_of(service: Service, id: str) -> SharedInvite:
    with service.uow() as uow:
        row = shared.get_shared_invite(uow, id)
        uow.session.expunge(row)
        return row


def events(service: Service, id: str) -> list[str]:
    rows = service.uow().fetch_all(select(AuditRow.kind, AuditRow.facts).order_by(AuditRow.at, AuditRow.id))
    return [kind for kind, facts in rows if kind.startswith("shared-invite.") and facts.get("invite") == id]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "places"),
        ({"places": 0}, "places"),
        ({"places": 1001}, "places"),
        ({"places": "many"}, "places"),
        ({"places": 1, "groups": ["admins"]}, "groups"),
        ({"places": 1, "groups": "pupils admins"}, "groups"),
        ({"places": 1, "days": 91}, "days"),
        ({"places": 1, "days": 0}, "days"),
        ({"places": 1, "until": "tomorrow"}, "until"),
        ({"places": 1, "domain": "no domain"}, "domain"),
        ({"places": 1, "domain": "ann@example.org"}, "domain"),
        ({"places": 1, "title": "a\u202eb"}, "title"),
        ({"places": 1, "title": "x" * 101}, "title"),
        ({"places": 1, "locale": "tlh"}, "locale"),
    ],
)
def test_what_cannot_be_made_names_its_field(form: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate(SharedInviteForm, form)
    assert [each.field for each in refused.value.fields] == [field]


@pytest.mark.parametrize("days", [-1, 91])
def test_the_end_is_within_ninety_days(service: Service, days: int) -> None:
    until = f"{now() + timedelta(days=days):%Y-%m-%d %H:%M}"
    with pytest.raises(InvalidInput) as refused:
        make_shared_link(service, until=until)
    assert [each.field for each in refused.value.fields] == ["until"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Example.ORG", "example.org"),
        ("@example.org", "example.org"),
        (".Example.org", ".example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        (".BÜCHER.example", ".xn--bcher-kva.example"),
        ("", ""),
    ],
)
def test_a_domain_is_kept_as_addresses_have_it(service: Service, typed: str, kept: str) -> None:
    assert row_of(service, make_shared_link(service, domain=typed).id).domain == kept


def test_the_link_says_all_that_it_is_good_for_and_no_table_is_asked(service: Service) -> None:
    link = make_shared_link(service, places=3, domain=".example.org", locale="de", next="/welcome")
    with service.record_statements() as statements:
        terms = read_shared_link(service.uow(), link.token)
    assert list(statements) == []
    assert (terms.id, terms.places, terms.groups, terms.domain) == (link.id, 3, ["pupils"], ".example.org")
    assert (terms.locale, terms.next, terms.title) == ("de", "/welcome", "Class 7b")
    assert terms.ends_at == row_of(service, link.id).expires_at.replace(microsecond=0)


@on_both_databases
def test_extending_gives_new_links_a_later_end_and_the_count_stays(service: Service) -> None:
    link = make_shared_link(service, service.admin(), places=2, days=1)
    assert join(service, link, service.person()).status_code == 201
    before = row_of(service, link.id)
    shared.extend_shared_invite(service.uow(), link.id, ExtendSharedInviteForm(days=30))
    row, url = shared.take_shared_link(service.uow(), link.id)
    assert (row.uses, row.state) == (1, "open")
    assert row.keep_until - before.keep_until == row.expires_at - before.expires_at
    with time_machine.travel(now() + timedelta(days=2), tick=True):
        late = service.person()
        assert ask_to_join(late, link).get_json()["code"] == "invite_ended", "it keeps its own end"
        newer = late.post("/api/join", {"token": shared_token(url), "email": late.email})
        assert newer.status_code == 202
    with pytest.raises(NotFound):
        shared.extend_shared_invite(service.uow(), link.id, ExtendSharedInviteForm(days=20))
    assert events(service, link.id).count("shared-invite.extended") == 1


def test_nothing_is_extended_beyond_what_is_remembered_of_who_has_used_it(service: Service) -> None:
    link = make_shared_link(service, days=90)
    with time_machine.travel(now() + MAX_SHARED_LIFE - timedelta(days=10), tick=True):
        with pytest.raises(NotFound):
            shared.extend_shared_invite(service.uow(), link.id, ExtendSharedInviteForm(days=11))
        assert shared.extend_shared_invite(service.uow(), link.id, ExtendSharedInviteForm(days=9)).state == "open"


@on_both_databases
def test_taking_it_back_is_one_statement_and_ends_links_and_mailed_links(service: Service) -> None:
    link = make_shared_link(service)
    pupil = service.person()
    assert ask_to_join(pupil, link).status_code == 202
    token = service.link_token(pupil.email, "join-shared")
    with service.record_statements() as statements:
        shared.revoke_shared_invite(service.uow(), link.id)
    assert len([each for each in statements if each.startswith("UPDATE shared_invites")]) == 1
    assert ask_to_join(service.person(), link).get_json()["code"] == "link_revoked"
    used = pupil.post("/api/l/join-shared", {"token": token, "password": pupil.password})
    assert (used.status_code, used.get_json()["code"]) == (410, "link_revoked")
    with pytest.raises(NotFound):
        shared.revoke_shared_invite(service.uow(), link.id)
    with pytest.raises(LinkRevoked):
        shared.take_shared_link(service.uow(), link.id)
    assert (row_of(service, link.id).state, events(service, link.id)[-1]) == ("revoked", "shared-invite.revoked")


def test_who_has_joined_is_told_from_the_audit_log_page_by_page(service: Service) -> None:
    link, other = make_shared_link(service), make_shared_link(service)
    pupils = [service.person() for _ in range(3)]
    for pupil in pupils:
        assert join(service, link, pupil).status_code == 201
    assert join(service, other, service.person()).status_code == 201
    uow = service.uow()
    row = shared.get_shared_invite(uow, link.id)
    first = shared.list_joined(uow, row, PageForm(limit=2))
    assert first.next is not None
    second = shared.list_joined(uow, row, PageForm(limit=2, after=first.next))
    assert second.next is None
    assert [each.email for each in (*first.rows, *second.rows)] == [each.email for each in reversed(pupils)]
    assert events(service, link.id) == ["shared-invite.made", *["shared-invite.asked", "shared-invite.used"] * 3]


def test_it_is_forgotten_some_time_after_its_end(service: Service) -> None:
    link = make_shared_link(service, days=1)
    with time_machine.travel(now() + timedelta(days=80)):
        assert shared.delete_old_shared_invites(service.site) == 0
    with time_machine.travel(now() + timedelta(days=92)):
        assert shared.delete_old_shared_invites(service.site) == 1
    assert ask_to_join(service.person(), link).get_json()["code"] == "link_used", "not known any more"


def test_a_recovery_of_the_inviters_account_ends_it_as_it_ends_other_invitations(service: Service) -> None:
    admin = service.admin()
    for recovery, kept, code in (
        (CHANGE_PASSWORD, (), None),
        (RESET, ("invites",), None),
        (RESET, (), "link_revoked"),
        (NOT_ME, (), "link_revoked"),
    ):
        admin.sign_in()
        link = make_shared_link(service, admin)
        with service.uow() as uow:
            losses = recover(uow, admin.email, recovery, kept)
        assert losses.get("invites", 0) == (0 if code is None else 1 + (recovery is RESET) * 2)
        answer = ask_to_join(service.person(), link)
        assert answer.get_json().get("code") == code, recovery.name


def recover(uow: UnitOfWork, email: str, recovery: Any, kept: tuple[str, ...]) -> Any:
    account = find_account(uow, email)
    losses = recover_account(uow, account, recovery, kept=kept, password_hash=account.password_hash)
    if account.password_hash is None:
        account.password_hash = "void"
    return losses
