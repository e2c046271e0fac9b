"""The link doctor: answers as the endpoint does, tells why, and hands nothing back that opens anything."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select

from accounts import Settings, create_app
from accounts.core.errors import InvalidInput
from accounts.core.models.audit import AuditRow
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import new_key
from accounts.flows.audit.labels import EVENT_LABELS
from accounts.flows.helpdesk.links import advice as link_advice
from accounts.flows.helpdesk.links.explain import LinkExplanation, explain_link
from accounts.flows.helpdesk.links.facts import MAX_EVENTS
from accounts.flows.invites.shared_terms import SHARED_INVITE
from accounts.flows.shared import accounts
from tests.conftest import on_both_databases
from tests.flows.helpdesk.links.dead_links import CASES, assert_no_secret, reset_url
from tests.people import Service, make_email, token_of_url
from tests.servers.smtp import SmtpSink

MakeService = Callable[..., Service]


def doctor(service: Service, text: str) -> LinkExplanation:
    return explain_link(service.uow(), text)


@pytest.mark.parametrize("name", CASES)
def test_every_way_to_be_dead_is_explained_in_the_words_of_the_link_page(service: Service, name: str) -> None:
    case = CASES[name](service, service.admin())
    found = doctor(service, case.text)
    assert found.cause.code == case.cause
    assert found.advice
    assert_no_secret(service, repr(found), case.token)
    named = re.search(r"/l/([a-z-]+)/", case.text)
    if named is not None:
        token = "" if case.cause == "empty" else case.token
        response = service.person().get(f"/api/l/{named[1]}", query_string={"token": token})
        assert found.outcome == ("alive" if response.status_code == 200 else response.get_json()["code"])
        assert found.status == response.status_code


def test_a_request_that_was_decided_names_who_it_was_and_that_it_was_another_link(service: Service) -> None:
    case = CASES["decided_by_another"](service, service.admin())
    found = doctor(service, case.text)
    assert "member" in str(found.cause), "by address"
    assert found.moved_by is not None
    assert (found.moved_by.kind, found.moved_by.by_link) == ("approval.declined", False)


@on_both_databases
def test_a_used_link_names_the_moment_and_that_it_was_itself(service: Service) -> None:
    case = CASES["used"](service, service.admin())
    found = doctor(service, case.text)
    assert found.moved_by is not None
    assert (found.moved_by.kind, found.moved_by.by_link) == ("password.reset", True)
    parts = {part.name: part.moved for part in found.parts}
    assert parts == {"password": True, "email": False, "auth_epoch": True, "sign_ins": False}
    assert found.key is not None
    assert (found.key.number, found.key.state) == (1, "signs")


def test_a_moved_part_names_the_event_that_moved_it_and_how_long_after(service: Service) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=2, minutes=5), tick=True):
        member = service.member()
        url = reset_url(service, member)
        assert member.get("/api/account").status_code == 200
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=5), tick=True):
        assert member.sign_in().status_code == 200
    found = doctor(service, url)
    assert (found.outcome, found.cause.code) == ("link_used", "moved")
    (moved,) = [part for part in found.parts if part.moved]
    assert moved.name == "sign_ins"
    assert moved.event is not None
    assert moved.event.kind == "sign-in"
    assert 7190 < moved.event.after < 7210
    assert moved.event.network == member.network
    assert found.moved_by == moved.event


def test_joining_a_group_is_not_taken_for_what_ended_the_sessions(service: Service) -> None:
    service.admin()
    member = service.member()
    uow = service.uow()
    id = accounts.find_account(uow, member.email).id
    with time_machine.travel(datetime.now(UTC) - timedelta(minutes=20), tick=True):
        url = reset_url(service, member)
    accounts.set_groups(uow, id, ["editors"])
    assert doctor(service, url).outcome == "alive"
    accounts.disable_account(uow, id)
    accounts.enable_account(uow, id)
    found = doctor(service, url)
    assert found.moved_by is not None
    assert found.moved_by.kind == "account.disabled"


@on_both_databases
def test_a_revoked_invitation_names_who_took_it_back(service: Service) -> None:
    admin = service.admin()
    found = doctor(service, CASES["revoked"](service, admin).text)
    assert found.invite is not None
    assert (found.invite.state, found.invite.decided_by, found.invite.inviter) == (
        "revoked",
        admin.email,
        admin.email,
    )
    assert found.invite.decided_at is not None
    assert found.invite.groups == ("editors",)


def test_an_accepted_invitation_names_the_account_that_it_made(service: Service) -> None:
    admin, guest = service.admin(), service.person(email=make_email("guest"))
    admin.post("/api/admin/invites", {"email": guest.email})
    url = service.link_url(guest.email, "invite")
    data = {"token": token_of_url(url), "password": guest.password, "name": "Guest"}
    assert guest.post("/api/l/invite", data).status_code == 201
    found = doctor(service, url)
    assert (found.outcome, found.cause.code, found.subject) == ("link_used", "used", guest.email)
    assert found.account is not None
    assert found.account.email == guest.email
    assert found.invite is not None
    assert (found.invite.state, found.invite.decided_by) == ("accepted", guest.email)


def test_a_deleted_address_says_when_and_a_closed_account_what_is_left_of_it(service: Service) -> None:
    admin = service.admin()
    assert doctor(service, CASES["of_a_deleted_address"](service, admin).text).deleted_at is not None
    found = doctor(service, CASES["of_a_closed_account"](service, admin).text)
    assert found.account is None
    assert {part.moved for part in found.parts} == {None}
    assert found.events[-1].kind == "account.closed"


def test_a_link_under_another_purpose_says_which_it_really_is(service: Service) -> None:
    found = doctor(service, CASES["under_another_purpose"](service, service.admin()).text)
    assert (found.purpose, found.genuine, found.outcome) == ("reset-password", True, "link_invalid")


def test_a_link_of_another_installation_is_known_by_its_address(service: Service, make_service: MakeService) -> None:
    elsewhere = make_service(public_origin="http://elsewhere.example:8000")
    url = reset_url(elsewhere, elsewhere.member())
    found = doctor(service, url)
    assert (found.outcome, found.cause.code) == ("link_invalid", "elsewhere")
    assert found.cause.values["base"] == "http://elsewhere.example:8000"
    assert not found.subject, "what nobody verified is not shown"
    assert doctor(service, token_of_url(url)).cause.code == "changed", "a token alone does not say from where"


def test_a_genuine_link_at_a_strange_address_is_still_explained(service: Service) -> None:
    url = reset_url(service, service.member())
    origin = service.site.settings.public_origin
    found = doctor(service, url.replace(origin, "https://mirror.example/de"))
    assert found.outcome == "alive"
    assert [line.values.get("base") for line in found.remarks] == ["https://mirror.example"]
    assert doctor(service, url.replace(origin, f"{origin}/de")).remarks == ()


def test_a_dropped_key_of_the_ring_file_still_explains_but_never_opens(
    settings: Callable[..., Settings], sink: SmtpSink
) -> None:
    given = {name: value for name, value in settings().model_dump().items() if name != "secret_keys"}
    service = Service(create_app(Settings.model_validate(given)), sink)
    ring = service.site.ring
    assert isinstance(ring, FileKeyRing)
    url = reset_url(service, service.member())
    old = ring.signing
    ring.add(0)
    ring.drop(old)
    found = doctor(service, url)
    assert (found.outcome, found.status, found.cause.code) == ("link_invalid", 400, "dropped_key")
    assert found.key is not None
    assert (found.key.name, found.key.number, found.key.state) == (old.name, 0, "retired")
    assert "forgeable" in [line.code for line in found.remarks]
    assert_no_secret(service, repr(found), token_of_url(url))
    assert old.secret.decode() not in repr(found)
    service.site.store.close()


def test_a_key_that_left_the_environment_is_known_by_what_it_has_signed(make_service: MakeService) -> None:
    first = make_service(secret_keys=[new_key()])
    url = reset_url(first, first.member())
    second = make_service(secret_keys=[new_key()])
    assert doctor(second, url).cause.code == "dropped_key"


def test_what_was_called_back_by_raising_the_version_is_told_from_forgery(service: Service) -> None:
    token = service.site.signer.sign_payload("reset-password", 1, ["of an older layout"])
    found = doctor(service, f"{service.site.settings.public_origin}/l/reset-password/{token}/go")
    assert (found.outcome, found.cause.code) == ("link_invalid", "old_version")


def test_a_fresh_link_that_was_asked_for_is_mentioned(service: Service) -> None:
    case = CASES["expired"](service, service.admin())
    assert service.person().post("/api/l/reset-password/again", {"token": case.token}).status_code == 202
    assert "again" in [line.code for line in doctor(service, case.text).remarks]


def test_a_change_of_address_shows_where_it_leads(service: Service) -> None:
    case = CASES["superseded"](service, service.admin())
    assert doctor(service, case.text).new_email.startswith("first")


def test_the_link_for_the_first_admin_is_about_nobody_yet(service: Service) -> None:
    from accounts.flows.helpdesk.first_admin import first_admin_url

    url = first_admin_url(service.uow())
    assert url is not None
    found = doctor(service, url)
    assert (found.outcome, found.subject, found.account) == ("alive", "", None)
    service.admin()
    assert doctor(service, url).outcome == "link_used"


def test_every_explanation_is_in_the_audit_log_and_shows_up_in_no_other(service: Service) -> None:
    case = CASES["used"](service, service.admin())
    first, second = doctor(service, case.text), doctor(service, case.text)
    assert first == second
    with service.uow() as uow:
        rows = uow.session.scalars(select(AuditRow).where(AuditRow.kind == "link.explained")).all()
    assert [(row.link_id, row.facts["outcome"]) for row in rows] == [(first.link_id, "link_used")] * 2
    assert first.account is not None
    assert {row.account_id for row in rows} == {first.account.id}


def test_no_more_than_twenty_events_are_told(service: Service) -> None:
    member = service.member()
    url = reset_url(service, member)
    with service.uow() as uow:
        id = accounts.find_account(uow, member.email).id
        for _ in range(30):
            uow.record_event("account.profile", account_id=id)
    assert len(doctor(service, url).events) == MAX_EVENTS


@pytest.mark.parametrize("text", ["", "hello", "https://accounts.example.org/", "a.b.c", "\x00", "<>" * 50])
def test_a_text_without_a_link_is_refused(service: Service, text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        doctor(service, text)
    assert [each.code for each in refused.value.fields] == ["no_link"]


def test_every_kind_of_link_has_a_way_to_a_fresh_one(service: Service) -> None:
    assert {*service.site.links, SHARED_INVITE.purpose} == set(link_advice.FRESH_LINK_ADVICE)
    bound = {part.name for link in service.site.links.values() for part in link.dies_with}
    assert bound == set(link_advice.PART_LABELS)
    moved_by = {kind for link in service.site.links.values() for part in link.dies_with for kind in part.moved_by}
    assert moved_by <= set(EVENT_LABELS)
