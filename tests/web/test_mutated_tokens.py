"""Tokens that nobody signed: by the thousand, cut, flipped, blown up, and of other types."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from accounts.flows import LINKS
from tests.kit.tables import dump_tables
from tests.people import Service, token_of_url
from tests.web.endpoints import csrf_token
from tests.web.live_links import FORM_DATA, make_link_url

PURPOSES = [link.purpose for link in LINKS]
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def mutated(token: str, chance: random.Random) -> Iterator[str]:
    """The token, changed in one way or another, endlessly."""
    payload, stamp, signature = token.rsplit(".", 2)
    while True:
        at = chance.randrange(len(token))
        yield token[:at] + chr(ord(token[at]) ^ (1 << chance.randrange(7))) + token[at + 1 :]
        yield token[:at]
        yield token[at + 1 :]
        yield token[:at] + chance.choice(ALPHABET) + token[at:]
        last = chance.choice(ALPHABET.replace(token[-1], ""))
        yield token[:-1] + last
        yield f"{payload}.{stamp}.{signature}{chance.choice(['=', '==', 'A', ' ', '.', '%00', chr(0)])}"
        yield f"{payload}.{chance.choice(ALPHABET) * len(stamp)}.{signature}"
        yield f"{'.' * chance.randrange(1, 4)}{token}"
        yield "".join(chance.sample(token, len(token)))
        yield token[:at] + chance.choice(["é", "К", "\u2028", "\ud7ff", "😀", "\x00", "\n", "%"]) + token[at:]
        yield token + "A" * chance.choice([10, 3_000, 10_000])


@pytest.mark.parametrize("purpose", PURPOSES)
def test_none_of_two_thousand_mutated_tokens_is_accepted(service: Service, purpose: str) -> None:
    token = token_of_url(make_link_url(service, purpose, service.admin()))
    before = dump_tables(service, "rate_limits")
    junk = mutated(token, random.Random(purpose))
    answers: Counter[tuple[int, bytes]] = Counter()
    for number in range(700):
        given = next(each for each in junk if each != token)
        person = service.person()
        if number % 6 == 0:
            answer = person.get(f"/api/l/{purpose}", query_string={"token": given})
        elif number % 6 == 3:
            answer = person.post(f"/api/l/{purpose}/again", {"token": given}, headers={"X-CSRF-Token": ""})
        elif number % 3 == 1:
            headers = {"X-CSRF-Token": ""}
            answer = person.post(f"/api/l/{purpose}", {"token": given, **FORM_DATA[purpose]}, headers=headers)
        else:
            answer = person.get(f"/l/{purpose}/{quote(given, safe='')}/go")
            if answer.status_code == 404:
                assert not given or "\n" in given or given.startswith("/"), "not even the path of a link"
                continue
            assert b"csrf_token" not in answer.data
        answers[answer.status_code, answer.data if answer.is_json else b"a page"] += 1
    assert {status for status, _ in answers} == {400}
    # One body in JSON, one page.
    assert len(answers) == 2
    assert dump_tables(service, "rate_limits") == before


@pytest.mark.parametrize("purpose", PURPOSES)
def test_every_page_of_a_dead_link_of_one_word_is_the_same(service: Service, purpose: str) -> None:
    token = token_of_url(make_link_url(service, purpose, service.admin()))
    # The dot in front of a deflated payload would become a slash, and the path one of no link.
    places = [at for at in range(0, len(token), len(token) // 20) if token[at] != "."]
    flips = [token[:at] + chr(ord(token[at]) ^ 1) + token[at + 1 :] for at in places]
    pages = {service.person().get(f"/l/{purpose}/{quote(flipped, safe='')}/go").get_data() for flipped in flips}
    assert len(pages) == 1
    assert b"<input" not in pages.pop(), "nobody types a password for a dead link"


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize(
    "given",
    [None, "", ".", "..", "a.b", "x" * 60_000, ["a", "b"], [], {}, {"a": "b"}, 0, 1, 1.5, True, "\ud800", "\x00"],
    ids=lambda given: repr(given)[:12],
)
def test_a_token_field_of_any_other_shape_is_refused_like_any_other_token(
    service: Service, purpose: str, given: object
) -> None:
    answer = service.person().post(f"/api/l/{purpose}", {"token": given, **FORM_DATA[purpose]})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "link_invalid")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_token_that_is_missing_repeated_or_huge_is_refused(service: Service, purpose: str) -> None:
    token = token_of_url(make_link_url(service, purpose, service.admin()))
    person = service.person()
    path = f"/api/l/{purpose}"
    assert person.get(path).status_code == 400
    assert person.get(f"{path}?token=").status_code == 400
    assert person.get(f"{path}?token={token}&token={token}").status_code == 400
    assert person.get(f"{path}?token={'x' * 2**20}").status_code == 400
    assert person.post(path, FORM_DATA[purpose]).status_code == 400
    assert person.post(path, {"token": "x" * 2**20}).status_code == 413
    for cut in ("/l/{}/go", "/l/{}/./go", "/l/{}/../go", f"/l/{{}}/{'x' * 2**20}/go"):
        assert person.get(cut.format(purpose)).status_code == 400
    for cookie in ("", ".", "..", "x" * 100_000, "é"):
        header = f"link-{purpose}={cookie}; session={person.client.get_cookie('session').value}"  # type: ignore[union-attr] # post() fetched a token
        answer = person.client.get(f"/l/{purpose}", headers={"Cookie": header.encode().decode("latin-1")})
        assert answer.status_code == 400
        data = {"csrf_token": csrf_token(person), "link_id": "", **FORM_DATA[purpose]}
        assert person.client.post(f"/l/{purpose}", data=data).status_code == 400
