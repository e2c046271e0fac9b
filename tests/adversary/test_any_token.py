"""What holds for a link of every purpose, whatever it is about."""

from __future__ import annotations

import base64
import random
import re
import zlib
from datetime import timedelta
from urllib.parse import quote, urlsplit

import pytest
import time_machine

from accounts.core.clock import now
from accounts.core.link_errors import LinkInvalid
from tests import approvals
from tests.adversary.recipes import MAKERS, PURPOSES, SentLink, send_link
from tests.kit.tables import dump_tables
from tests.people import Person, Service
from tests.web.endpoints import csrf_token, problem_code
from tests.web.test_mutated_tokens import mutated

UNCHECKED_TABLES = ("audit", "rate_limits", "key_uses")
"""Tables that may tell of a visit."""
every_purpose = pytest.mark.parametrize("purpose", PURPOSES)


def person_for_link(service: Service, link: SentLink) -> Person:
    return link.owner or service.person()


def open_link_page(person: Person, link: SentLink, query: str = "") -> str:
    """Open a link as a page; the id of the link that its form carries."""
    assert person.get(urlsplit(link.url).path + query).status_code == 303
    page = person.get(f"/l/{link.purpose}")
    assert page.status_code == 200
    match = re.search(r'name="link_id"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert match is not None
    return match.group(1)


def submit_link_form(person: Person, link: SentLink, link_id: str, **headers: str) -> int:
    form = {"csrf_token": csrf_token(person), "link_id": link_id, **link.form_data}
    return person.client.post(f"/l/{link.purpose}", data=form, headers=headers).status_code


def test_every_purpose_has_a_recipe() -> None:
    assert set(MAKERS) == set(PURPOSES)


@every_purpose
def test_one_flipped_bit_anywhere_is_one_and_the_same_refusal(service: Service, purpose: str) -> None:
    """T1."""
    link = send_link(service, purpose)
    person, token, before = person_for_link(service, link), link.token, dump_tables(service, *UNCHECKED_TABLES)
    bodies = set()
    for number in range(20):
        at = number * (len(token) - 1) // 19
        flipped = token[:at] + chr(ord(token[at]) ^ 1) + token[at + 1 :]
        answer = person.post(f"/api/l/{purpose}", {**link.form_data, "token": flipped})
        bodies.add((answer.status_code, problem_code(answer), answer.get_data()))
    assert {each[:2] for each in bodies} == {(400, "link_invalid")}
    assert len(bodies) == 1
    assert dump_tables(service, *UNCHECKED_TABLES) == before


@every_purpose
def test_an_expired_link_says_so_and_does_nothing(service: Service, purpose: str) -> None:
    """T5."""
    link = send_link(service, purpose)
    lives = service.site.link_signer.lifetime(service.site.links[purpose])
    with time_machine.travel(now() + lives + timedelta(seconds=30), tick=True):
        person, before = service.person(), dump_tables(service, *UNCHECKED_TABLES)
        looked = person.get(f"/api/l/{purpose}?token={link.token}")
        acted = person.post(f"/api/l/{purpose}", {**link.form_data, "token": link.token})
        assert [(each.status_code, problem_code(each)) for each in (looked, acted)] == [(410, "link_expired")] * 2
        assert person.get(urlsplit(link.url).path).status_code == 303
        page = person.get(f"/l/{purpose}")
        assert page.status_code == 410
        assert b"href=" in page.data, "a way on"
        assert submit_link_form(person, link, "") == 410
        assert dump_tables(service, *UNCHECKED_TABLES) == before


@every_purpose
def test_the_token_is_in_no_page_and_in_no_later_address(service: Service, purpose: str) -> None:
    """T7."""
    link = send_link(service, purpose)
    person = person_for_link(service, link)
    gone = person.get(urlsplit(link.url).path)
    assert (gone.status_code, gone.headers["Location"]) == (303, f"/l/{purpose}")
    page = person.get(f"/l/{purpose}")
    for answer in (gone, page):
        assert "no-store" in answer.headers["Cache-Control"]
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert link.token not in answer.get_data(as_text=True)
    html = page.get_data(as_text=True)
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//(?!localhost|127\.)[^"]*"', html)


@every_purpose
def test_what_others_append_to_a_link_changes_nothing(service: Service, purpose: str) -> None:
    """T8."""
    link = send_link(service, purpose)
    person = person_for_link(service, link)
    link_id = open_link_page(person, link, "?utm_source=x&next=//evil")
    form = {"csrf_token": csrf_token(person), "link_id": link_id, **link.form_data}
    answer = person.client.post(f"/l/{purpose}?next=//evil", data=form)
    assert answer.status_code == 303
    assert "evil" not in answer.headers["Location"]
    assert answer.headers["Location"].startswith("/")


@every_purpose
def test_the_form_of_another_link_is_refused(service: Service, purpose: str) -> None:
    """T9."""
    link = send_link(service, purpose)
    person, before = person_for_link(service, link), dump_tables(service, *UNCHECKED_TABLES)
    open_link_page(person, link)
    for link_id in ("", "x", "AAAAAAAAAAAAAAAA", "é", "😀" * 50):
        assert submit_link_form(person, link, link_id) == 409
    assert dump_tables(service, *UNCHECKED_TABLES) == before


@every_purpose
def test_a_form_is_worth_nothing_without_its_cookies_its_token_or_from_elsewhere(
    service: Service, purpose: str
) -> None:
    """T10."""
    link = send_link(service, purpose)
    person, other, before = person_for_link(service, link), service.person(), dump_tables(service, *UNCHECKED_TABLES)
    link_id = open_link_page(person, link)
    assert submit_link_form(other, link, link_id) == 400, "another browser"
    form = {"link_id": link_id, **link.form_data}
    assert person.client.post(f"/l/{purpose}", data=form).status_code == 403, "no token"
    strange = {**form, "csrf_token": csrf_token(other)}
    assert person.client.post(f"/l/{purpose}", data=strange).status_code == 403, "a token of another browser"
    assert submit_link_form(person, link, link_id, Origin="https://evil.example") == 403
    assert submit_link_form(person, link, link_id, **{"Sec-Fetch-Site": "same-site"}) == 403
    assert dump_tables(service, *UNCHECKED_TABLES) == before
    assert submit_link_form(person, link, link_id) == 303, "nothing was consumed"


@every_purpose
def test_a_token_tells_its_reader_nothing(service: Service, purpose: str) -> None:
    """T11: no hash, no name, and no address but one that the mail itself was sent to."""
    link = send_link(service, purpose)
    payload = link.token.removeprefix(".").split(".")[0]
    raw = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
    plain = (zlib.decompress(raw) if link.token.startswith(".") else raw).decode("latin-1")
    assert "argon2" not in plain
    assert "Member" not in plain
    assert approvals.NAME not in plain
    if purpose not in ("activate", "invite", "join-shared", "change-email", "request-account"):
        assert "@" not in plain.replace(plain.split('"')[1][:30], ""), plain
    if link.owner is not None:
        assert link.owner.email not in plain


@pytest.mark.parametrize("apart", [20, -20])
@every_purpose
def test_clocks_twenty_seconds_apart_lose_no_link(service: Service, purpose: str, apart: int) -> None:
    """T12, for each purpose; sessions stand in tests/web/test_clocks.py."""
    link = send_link(service, purpose)
    with time_machine.travel(now() + timedelta(seconds=apart), tick=True):
        answer = person_for_link(service, link).post(f"/api/l/{purpose}", {**link.form_data, "token": link.token})
        assert answer.status_code in (200, 201)


def test_none_of_ten_thousand_mutated_tokens_is_read(service: Service) -> None:
    """T1 and T4 by the thousand: one error, never another exception, and over HTTP never a 5xx."""
    site, chance = service.site, random.Random(20_310_506)
    signer, tried = site.link_signer, 0
    asker = service.person()
    genuine = {purpose: send_link(service, purpose).token for purpose in PURPOSES}
    for purpose, token in genuine.items():
        signer.verify(site.links[purpose], token)
        junk = mutated(token, chance)
        for number in range(1_112):
            given = next(each for each in junk if each != token)
            with pytest.raises(LinkInvalid):
                signer.verify(site.links[purpose], given)
            tried += 1
            if number % 20 == 0:
                looked = asker.get(f"/api/l/{purpose}", query_string={"token": given})
                assert (looked.status_code, problem_code(looked)) == (400, "link_invalid")
                gone = asker.get(f"/l/{purpose}/{quote(given, safe='')}/go")
                assert gone.status_code in (400, 404)
    assert tried > 10_000
