"""Joining by a link for several people: as pages and JSON, and what hostile people try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import time_machine
from sqlalchemy import func, select

from accounts.core.clock import now
from accounts.core.models.account import Account
from accounts.core.models.shared_invites import SharedInvite
from accounts.flows.invites import shared
from tests.conftest import on_both_databases
from tests.kit.shared_invites import ask_to_join, join, mailed_join_url, make_shared_link, uses_of
from tests.kit.tables import dump_tables
from tests.people import Person, Service, make_email, token_of_url
from tests.web.endpoints import problem_code
from tests.web.parsed_page import submit_form

UNTOLD = ("rate_limits", "key_uses")


def use(service: Service, person: Person, **data: Any) -> Any:
    token = service.link_token(person.email, "join-shared")
    return person.post("/api/l/join-shared", {"token": token, "password": person.password, **data})


@on_both_databases
def test_somebody_joins_by_pages_alone(service: Service) -> None:
    link = make_shared_link(service, service.admin(), locale="de", title="Klasse 7b")
    pupil = service.person()
    before = dump_tables(service, *UNTOLD)
    opened = pupil.client.get(link.path, follow_redirects=True)
    assert opened.request.path == "/join"
    assert "Klasse 7b" in opened.text
    assert "pupils" in opened.text
    assert dump_tables(service, *UNTOLD) == before, "GET changes nothing"
    answer = submit_form(pupil.client, "/join", opened, email=pupil.email)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/de/join/sent")
    assert uses_of(service, link) == 0, "asking takes no place"
    [mail] = service.mails_to(pupil.email)
    assert "Beitreten" in str(mail.message["Subject"])
    page = pupil.client.get(urlsplit(service.link_url(pupil.email, "join-shared")).path, follow_redirects=True)
    joined = submit_form(pupil.client, "/l/join-shared", page, password=pupil.password, name="Ann")
    assert joined.status_code == 303
    account = pupil.get("/api/account").get_json()
    assert (account["groups"], account["name"], account["email_verified"]) == (["pupils"], "Ann", True)
    assert uses_of(service, link) == 1


def test_the_next_one_at_the_same_device_sees_nothing_of_the_one_before(service: Service) -> None:
    link = make_shared_link(service, places=3)
    tablet = service.person()
    form = tablet.client.get(link.path, follow_redirects=True)
    assert submit_form(tablet.client, "/join", form, email="ann@example.org").status_code == 303
    again = tablet.client.get("/join")
    assert again.status_code == 200
    assert "ann@example.org" not in again.text + tablet.client.get("/join/sent").text
    assert again.headers["Cache-Control"] == "no-store"


def test_a_form_of_another_class_is_shown_anew(service: Service) -> None:
    pupil, first = service.person(), make_shared_link(service, title="First")
    form = pupil.client.get(first.path, follow_redirects=True)
    pupil.client.get(make_shared_link(service, title="Second").path)
    answer = submit_form(pupil.client, "/join", form, email=pupil.email)
    assert answer.status_code == 409
    assert "Second" in answer.text
    assert service.mails_to(pupil.email) == []


def test_a_browser_without_the_link_is_told_to_open_it_again(service: Service) -> None:
    answer = service.person().client.get("/join")
    assert answer.status_code == 400
    assert "Open the link or code you were given again" in answer.text


@on_both_databases
def test_a_member_joins_signed_in_and_takes_one_place(service: Service) -> None:
    link, member = make_shared_link(service, service.admin()), service.member()
    assert ask_to_join(member, link).status_code == 202
    token = service.link_token(member.email, "join-shared")
    stranger = service.person().post("/api/l/join-shared", {"token": token})
    assert (stranger.status_code, problem_code(stranger)) == (401, "not_signed_in")
    assert member.post("/api/l/join-shared", {"token": token}).status_code == 200
    assert member.get("/api/account").get_json()["groups"] == ["pupils"]
    assert problem_code(member.post("/api/l/join-shared", {"token": token})) == "link_used"
    assert uses_of(service, link) == 1


def test_known_and_unknown_addresses_are_answered_alike(service: Service) -> None:
    link, member = make_shared_link(service), service.member()
    answers = [ask_to_join(service.person(), link, email) for email in (member.email, make_email("unknown"))]
    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].get_data() == answers[1].get_data()
    looks = []
    for email in (service.member().email, make_email("unknown")):
        person = service.person()
        person.csrf_token()
        with service.record_statements() as statements:
            ask_to_join(person, link, email)
        looks.append([each.split("(")[0] for each in statements])
    assert looks[0] == looks[1], "nobody is looked up"
    assert not any("FROM accounts" in each for each in looks[0])


def test_who_is_in_already_is_told_so_by_mail_and_takes_no_place(service: Service) -> None:
    link, pupil = make_shared_link(service), service.person()
    assert join(service, link, pupil).status_code == 201
    assert ask_to_join(service.person(), link, pupil.email.upper()).status_code == 202
    last = service.mails_to(pupil.email)[-1]
    assert "already have an account" in str(last.message["Subject"])
    assert uses_of(service, link) == 1


def test_one_address_takes_one_place_however_it_is_spelled_and_whatever_becomes_of_the_account(
    service: Service,
) -> None:
    link, pupil = make_shared_link(service), service.person(email=make_email("Pupil"))
    other = service.person(email=pupil.email.upper())
    assert ask_to_join(other, link).status_code == 202
    spare = token_of_url(service.link_url(other.email.partition("@")[0] + "@example.org", "join-shared"))
    assert join(service, link, pupil).status_code == 201
    answer = other.post("/api/l/join-shared", {"token": spare, "password": other.password})
    assert (answer.status_code, problem_code(answer)) == (410, "link_used")
    admin = service.admin()
    account = admin.get(f"/api/admin/accounts?q={pupil.email}").get_json()["accounts"][0]
    closed = admin.post(f"/api/admin/accounts/{account['id']}/delete", {"email": pupil.email})
    assert closed.status_code == 204
    assert uses_of(service, link) == 1, "a place is not given back"
    with time_machine.travel(now() + timedelta(hours=2), tick=True):
        mails = len(service.mails_to(pupil.email))
        assert ask_to_join(service.person(), link, pupil.email).status_code == 202
        assert len(service.mails_to(pupil.email)) == mails, "who has had a place gets no second one"


def test_an_account_takes_one_place_under_a_new_address_too(service: Service) -> None:
    link, pupil, new = make_shared_link(service), service.person(), make_email("new")
    spare = token_of_url(mailed_join_url(service, link, new))
    assert join(service, link, pupil).status_code == 201
    assert pupil.post("/api/account/email", {"email": new}).status_code == 202
    token = service.link_token(new, "change-email")
    assert pupil.post("/api/l/change-email", {"token": token}).status_code == 200
    assert problem_code(pupil.post("/api/l/join-shared", {"token": spare})) == "link_used"
    assert uses_of(service, link) == 1


def test_the_last_place_closes_the_link_for_page_json_and_mailed_links(service: Service) -> None:
    link, first, late = make_shared_link(service, places=1), service.person(), service.person()
    assert ask_to_join(late, link).status_code == 202
    assert join(service, link, first).status_code == 201
    answer = use(service, late)
    assert (answer.status_code, problem_code(answer)) == (410, "invite_full")
    assert problem_code(ask_to_join(service.person(), link)) == "invite_full"
    assert problem_code(service.person().get(f"/api/join?token={link.token}")) == "invite_full"
    page = service.person().client.get(link.path, follow_redirects=True)
    assert page.status_code == 410
    assert "This invitation is full" in page.text


def test_a_mailed_link_that_is_too_old_is_exchanged_while_the_link_for_several_holds(service: Service) -> None:
    link, pupil = make_shared_link(service, days=5, next="/account/apps"), service.person()
    assert ask_to_join(pupil, link).status_code == 202
    old = service.link_token(pupil.email, "join-shared")
    with time_machine.travel(now() + timedelta(hours=49), tick=True):
        dead = pupil.get(f"/api/l/join-shared?token={old}").get_json()
        assert (dead["code"], dead["again"]) == ("link_expired", True)
        assert pupil.post("/api/l/join-shared/again", {"token": old}).status_code == 202
        answer = use(service, pupil)
        assert (answer.status_code, answer.get_json()["next"]) == (201, "/account/apps")
    shared.revoke_shared_invite(service.uow(), link.id)
    with time_machine.travel(now() + timedelta(hours=98), tick=True):
        refused = service.person().post("/api/l/join-shared/again", {"token": old})
        assert refused.status_code == 410


def test_a_page_without_a_language_of_its_own_is_in_that_of_the_reader(service: Service) -> None:
    for locale, language in (("", "de"), ("de", "de"), ("en", "en")):
        pupil = service.person()
        pupil.client.get(make_shared_link(service, locale=locale).path)
        shown = pupil.client.get("/join", headers={"Accept-Language": "de" if not locale else "fr"})
        assert f'<html lang="{language}">' in shown.text


def test_the_letter_is_in_the_language_of_whoever_asks(service: Service) -> None:
    link, pupil = make_shared_link(service), service.person()
    pupil.client.get(link.path)
    form = pupil.client.get("/de/join")
    assert submit_form(pupil.client, "/de/join", form, email=pupil.email).status_code == 303
    [mail] = service.mails_to(pupil.email)
    assert "Beitreten" in str(mail.message["Subject"])
    assert use(service, pupil).status_code == 201
    with service.uow() as uow:
        assert uow.session.scalar(select(Account.locale).where(Account.email == pupil.email)) == "de"
        assert uow.session.scalar(select(func.count()).select_from(SharedInvite)) == 1
