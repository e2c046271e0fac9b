"""Asking for an account: the mailbox is proven, admins are written to, and nothing is stored until one decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from accounts.core import clock
from accounts.core.errors import InvalidInput
from accounts.core.security import throttle
from accounts.core.signing.tokens import MAX_TOKEN_CHARACTERS
from accounts.flows.account.approval import REQUEST, REQUEST_PURPOSE, RequestAccountForm
from accounts.flows.account.approval_request import REVIEW_PURPOSE, read_request
from accounts.flows.account.approval_review import REVIEW
from accounts.flows.shared import accounts
from accounts.flows.shared.validation import validate
from tests.approvals import NAME, ask, read_text, request_url, send_request
from tests.conftest import on_both_databases
from tests.flows.steps import count_rows, create_first_admin, link_state, list_event_kinds, sign_up_member, use_link
from tests.people import Service, make_email, token_of_url


def read_review(service: Service, to: str) -> Any:
    """What the newest link of an admin says."""
    claims = service.site.link_signer.verify(REVIEW, service.link_token(to, REVIEW_PURPOSE))
    return read_request(service.uow(), claims.carried)


def subjects(service: Service, email: str) -> list[str]:
    return [str(mail.message["Subject"]) for mail in service.mails_to(email)]


@on_both_databases
def test_until_somebody_approves_nobody_is_stored(service: Service) -> None:
    admin, email = create_first_admin(service), make_email("applicant")
    before = count_rows(service)
    ask(service, email)
    asked = count_rows(service)
    assert changes(before, asked) == {"audit": 1, "outbox": 1, "rate_limits": 3}
    token = service.link_token(email, REQUEST_PURPOSE)
    done = use_link(service, REQUEST, token, {"name": NAME, "message": "I teach the third class."})
    assert (done.account_id, done.created, done.sign_in_as) == ("", False, None)
    after = count_rows(service)
    written = {"audit": 3, "key_uses": 1, "outbox": 1, "rate_limits": 6, "spent": 1}
    assert changes(before, after) == written, "an id, counters, lines, and the letters to the admins"
    assert email in read_review(service, admin.email).applicant
    assert "outbox" not in changes(before, count_rows(service)), "they are sent and forgotten"
    assert link_state(service, REQUEST, token) == "link_used"


def changes(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)}


def test_each_active_admin_gets_a_link_of_their_own_in_their_language(service: Service) -> None:
    first, second, third, member = create_first_admin(service), *(sign_up_member(service) for _ in range(3))
    for each in (second, third):
        accounts.set_groups(service.uow(), each.id, ["admins"])
    accounts.disable_account(service.uow(), third.id)
    with service.uow() as uow:
        accounts.find_account(uow, second.id).locale = "de"
    send_request(service)
    assert subjects(service, first.email) == ["Review a request to join Accounts"]
    assert subjects(service, second.email)[-1] == "Bitte prüfen: Kontoanfrage für Accounts"
    for each in (third, member):
        assert "Review a request to join Accounts" not in subjects(service, each.email)
    tokens = {service.link_token(each.email, REVIEW_PURPOSE) for each in (first, second)}
    assert len(tokens) == 2
    assert read_review(service, first.email) == read_review(service, second.email)


def test_a_letter_carries_what_the_applicant_has_said_and_where_they_wanted_to_go(service: Service) -> None:
    admin = create_first_admin(service)
    email = send_request(service, name="  Ida   Example ", message="Hello\nthere", next="/wiki?x=1", locale="de")
    said = read_review(service, admin.email)
    assert (said.applicant, said.name, said.message) == (email, NAME, "Hello there")
    assert (said.next, said.locale) == ("/wiki?x=1", "de")
    letter = read_text(service.mails_to(admin.email)[-1])
    assert f"{NAME} ({email}) asked for an account" in letter
    assert "Hello there" not in letter, "a stranger's sentence is for the page alone"


def test_an_address_with_an_account_is_told_so_and_asks_nobody(service: Service) -> None:
    admin, member = create_first_admin(service), sign_up_member(service)
    before = len(service.mails_to(admin.email))
    ask(service, member.email.upper())
    assert subjects(service, member.email)[-1] == "You already have an account at Accounts"
    assert f"/l/{REQUEST_PURPOSE}/" not in str(service.mails_to(member.email)[-1].message)
    assert len(service.mails_to(admin.email)) == before


def test_a_disabled_account_gets_no_letter(service: Service) -> None:
    member = sign_up_member(service)
    accounts.disable_account(service.uow(), member.id)
    before = len(service.mails_to(member.email))
    ask(service, member.email)
    assert len(service.mails_to(member.email)) == before


def test_a_link_dies_with_an_account_for_its_address(service: Service) -> None:
    member = sign_up_member(service)
    email = make_email("applicant")
    token = token_of_url(request_url(service, email))
    assert link_state(service, REQUEST, token) == "alive"
    with service.uow() as uow:
        account = accounts.find_account(uow, member.id)
        account.email = account.email_key = email
    assert link_state(service, REQUEST, token) == "link_used"


def test_a_link_dies_where_nobody_may_ask_any_more(make_service: Any) -> None:
    service = make_service(sign_up="approval")
    token = token_of_url(request_url(service))
    assert link_state(service, REQUEST, token) == "alive"
    closed = make_service(sign_up="invited")
    assert link_state(closed, REQUEST, token) == "link_sign_up_closed"
    again = closed.person().post(f"/api/l/{REQUEST_PURPOSE}/again", {"token": token})
    assert again.get_json()["code"] == "link_sign_up_closed"
    email = make_email("late")
    ask(service, email)
    assert not closed.mails_to(email), "nor is the letter written"


def test_a_link_that_is_too_old_is_exchanged_for_a_fresh_one(service: Service) -> None:
    email = make_email("applicant")
    token = token_of_url(request_url(service, email, next="/wiki"))
    with time_machine.travel(clock.now() + REQUEST.lifetime + timedelta(minutes=2)):
        answer = service.person().get(f"/api/l/{REQUEST_PURPOSE}?token={token}")
        assert (answer.status_code, answer.get_json()["again"]) == (410, True)
        assert service.person().post(f"/api/l/{REQUEST_PURPOSE}/again", {"token": token}).status_code == 202
        fresh = service.link_token(email, REQUEST_PURPOSE)
        assert fresh != token
        claims = service.site.link_signer.verify(REQUEST, fresh)
        assert claims.carried.next == "/wiki"


HOSTILE_NAMES = [
    "www.evil.example",
    "Anna www evil",
    "http://evil.example",
    "https:evil",
    "example.com",
    "EVIL.Example is here",
    "evil．example",
    "evil。example",
    "anna@example.org",
    "Anna ＠evil",
    "//evil",
    "call 0800 123 45 67",
    "Anna\x00",
    "Anna\u202eevil",
    "ev\u200bil",
    "x" * 61,
    "",
    "   ",
]


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_name_that_could_become_a_link_is_refused_at_its_field(service: Service, name: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate(RequestAccountForm, {"name": name})
    assert [each.field for each in refused.value.fields] == ["name"]
    admin = create_first_admin(service)
    answer = service.person().post(
        f"/api/l/{REQUEST_PURPOSE}", {"token": token_of_url(request_url(service)), "name": name}
    )
    assert answer.status_code == 422
    assert not service.mails_to(admin.email)


@pytest.mark.parametrize("name", ["Dr. J. Smith Jr.", "Zoë Å", "山田 太郎", "Bert O'Neill", "Jean-Luc P. de la Tour"])
def test_names_of_people_are_taken(name: str) -> None:
    assert validate(RequestAccountForm, {"name": name}).name == name


@pytest.mark.parametrize("message", ["see http://x", "www evil", "evil.example", "me@x", "ｗｗｗ．evil", "x" * 301])
def test_a_sentence_with_an_address_is_refused(message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        validate(RequestAccountForm, {"name": NAME, "message": message})
    assert [each.field for each in refused.value.fields] == ["message"]


@pytest.mark.parametrize("message", ["I teach, e.g. at 9:30 and/or later.", "z.B. in der 3. Klasse", "です。私は。"])
def test_a_sentence_of_a_person_is_taken(message: str) -> None:
    assert validate(RequestAccountForm, {"name": NAME, "message": message}).message == message


def test_requests_are_limited_by_address_and_what_is_held_back_keeps_its_link(service: Service) -> None:
    admin, email = create_first_admin(service), make_email("applicant")
    with time_machine.travel(clock.now() + timedelta(hours=1), tick=False):
        for number in range(throttle.APPROVAL_ADDRESS.amount):
            send_request(service, email, network=f"10.7.7.{number}")
        ask(service, email, network="10.7.7.99")
        token = service.link_token(email, REQUEST_PURPOSE)
        answer = service.person().post(f"/api/l/{REQUEST_PURPOSE}", {"token": token, "name": NAME})
        assert (answer.status_code, answer.get_json()["code"]) == (429, "too_many_requests")
        assert answer.get_json()["retry_after"] > 3600
        assert len(service.mails_to(admin.email)) == throttle.APPROVAL_ADDRESS.amount
        assert link_state(service, REQUEST, token) == "alive"
        assert list_event_kinds(service, None).count("mail.held") == 1
    with time_machine.travel(clock.now() + timedelta(hours=26)):
        assert service.person().post(f"/api/l/{REQUEST_PURPOSE}", {"token": token, "name": NAME}).status_code == 200


@pytest.mark.parametrize("limit", [throttle.APPROVAL_NETWORK, throttle.APPROVAL], ids=lambda limit: limit.name)
def test_requests_are_limited_by_network_and_in_all(service: Service, limit: throttle.Limit) -> None:
    create_first_admin(service)
    person = service.person()
    of = limit.by(person.network) if limit is throttle.APPROVAL_NETWORK else limit.by()
    service.site.throttle.reserve(throttle.Attempt(limit, of.identifiers, limit.amount))
    token = token_of_url(request_url(service))
    data = {"token": token, "name": NAME}
    assert person.post(f"/api/l/{REQUEST_PURPOSE}", data).status_code == 429
    elsewhere = service.person().post(f"/api/l/{REQUEST_PURPOSE}", data)
    assert elsewhere.status_code == (200 if limit is throttle.APPROVAL_NETWORK else 429)


def test_without_an_active_admin_a_request_waits_and_health_warns(
    make_service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service = make_service(sign_up="approval")
    token = token_of_url(request_url(service))
    answer = service.person().post(f"/api/l/{REQUEST_PURPOSE}", {"token": token, "name": NAME})
    assert (answer.status_code, answer.get_json()["code"]) == (503, "no_admin")
    assert "no active admin" in caplog.text
    health = service.person().get("/health/ready").get_json()
    assert {"code": "no_admin"} in health["reasons"]
    create_first_admin(service)
    assert service.person().get("/health/ready").get_json() == {"status": "ok"}
    assert service.person().post(f"/api/l/{REQUEST_PURPOSE}", {"token": token, "name": NAME}).status_code == 200


@pytest.mark.parametrize("character", ["x", "ü", "漢", "😀"])
def test_the_longest_request_fits_into_a_link(service: Service, character: str) -> None:
    admin = create_first_admin(service)
    long_email = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.{'d' * 50}.example"
    words = [chr(ord(character) + number % 7) for number in range(300)]
    target = "/oauth/authorize?" + "&".join(f"p{number}={number * 7919 % 9973:04}" for number in range(140))
    send_request(service, long_email, name="".join(words[:60]), message="".join(words), next=target[:1500])
    token = service.link_token(admin.email, REVIEW_PURPOSE)
    assert len(token) <= MAX_TOKEN_CHARACTERS
    assert read_review(service, admin.email).message == "".join(words)
