"""Links are found in whatever mail programs and people make of them."""

from __future__ import annotations

import html
import json
import quopri
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.flows.helpdesk.links import parse as parse_link
from accounts.flows.helpdesk.links.parse import find_candidates
from tests.kit.properties import examples

SIGNATURE = "Aa0-_" * 8 + "xyz"
TOKEN = f"WyJ0YWdzLXN1YmplY3QiXQ-_x.aSMk9Q.{SIGNATURE}"
BASE = "https://accounts.example.org/auth"
URL = f"{BASE}/l/reset-password/{TOKEN}/go"


def broken(text: str, at: int, by: str) -> str:
    return text[:at] + by + text[at:]


WRAPPINGS: dict[str, tuple[str, str]] = {
    "as it is": (URL, ""),
    "in a sentence": (f"I pressed {URL}. Nothing.", ""),
    "in angle brackets": (f"<{URL}>", ""),
    "in markdown": (f"[here]({URL})", ""),
    "in HTML": (f'<a href="{URL}">', ""),
    "twice": (f"{URL}\n\n{URL}", ""),
    "of the German page": (URL.replace("/l/", "/de/l/"), ""),
    "with more after it": (f"{URL}?utm_source=x&next=//evil", ""),
    "without its tail": (URL.removesuffix("/go"), "no-tail"),
    "without its tail, and a full stop": (URL.removesuffix("/go") + ".", "no-tail"),
    "over two lines": (broken(URL, 80, "\n"), "broken"),
    "over two lines, quoted": (broken(URL, 80, "\r\n> "), "broken"),
    "with a blank": (f"see {broken(URL, 80, ' ')} please", "broken"),
    "from the source of a mail": (broken(URL, 74, "=\r\n"), "quoted-printable"),
    "quoted-printable whole": (quopri.encodestring(f"link: {URL}?a=b".encode()).decode(), "quoted-printable"),
    "behind a gateway": (f"https://gw.example/?url={quote(URL, safe='')}&data=x", "wrapped"),
    "behind two gateways": (
        f"https://b.example/?u={quote('https://a.example/?url=' + quote(URL, safe=''), safe='')}",
        "wrapped",
    ),
    "behind a gateway, in HTML": (html.escape(f"https://gw.example/?a=1&url={quote(URL, safe='')}&b=2"), "wrapped"),
    "behind a gateway of own spelling": (
        "https://urldefense.example/v2/url?u="
        + quote(URL, safe="").replace("-", "-2D").replace("_", "-5F").replace("%2F", "_").replace("%", "-")
        + "&d=x",
        "wrapped",
    ),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapped_link_is_found_whole(name: str) -> None:
    text, remark = WRAPPINGS[name]
    found = find_candidates(text)[0]
    assert (found.token, found.purpose, found.base) == (TOKEN, "reset-password", BASE)
    assert found.remarks == ((remark,) if remark else ()) or remark in found.remarks


@pytest.mark.parametrize("text", [TOKEN, f"token: {TOKEN}.", json.dumps({"token": TOKEN}), f'"{TOKEN}",'])
def test_a_token_alone_is_found(text: str) -> None:
    (found,) = find_candidates(text)
    assert (found.token, found.purpose, found.base) == (TOKEN, "", "")


def test_an_address_of_the_api_is_found() -> None:
    (found,) = find_candidates(f"{BASE}/api/l/reset-password?x=1&token={TOKEN}")
    assert (found.token, found.purpose, found.base) == (TOKEN, "reset-password", BASE)


@pytest.mark.parametrize("tail", ["/go", "/", "", "/done", "//go"])
def test_a_link_without_a_token_still_names_its_purpose(tail: str) -> None:
    (found,) = find_candidates(f"see {BASE}/l/reset-password{tail} and more words")
    assert (found.token, found.purpose) == ("", "reset-password")


@pytest.mark.parametrize("left", [len(TOKEN) - 1, len(TOKEN) - 20, len(TOKEN) - 43, len(TOKEN) - 44, 26, 12])
def test_a_cut_token_is_called_cut_even_in_front_of_other_lines(left: int) -> None:
    lines = f"{BASE}/l/reset-password/{TOKEN[:left]}\nKind regards from all of us at the helpdesk of the place"
    found = parse_link.choose_likeliest(find_candidates(lines))
    assert found.token == TOKEN[:left].rstrip(".")
    assert parse_link.assess_damage(found.token).kind == parse_link.CUT


def test_two_lines_that_make_a_whole_link_with_its_tail_are_one_link() -> None:
    assert parse_link.choose_likeliest(find_candidates(broken(URL, 100, "\n"))).token == TOKEN


def test_a_whole_link_comes_before_a_cut_one() -> None:
    assert find_candidates(f"{BASE}/l/unlock/{TOKEN[:40]}/go {URL}")[0].purpose == "reset-password"


@pytest.mark.parametrize(
    ("token", "kind", "missing"),
    [
        ("", parse_link.EMPTY, 0),
        (TOKEN[:-1], parse_link.CUT, 1),
        (TOKEN.rpartition(".")[0], parse_link.CUT, 43),
        (TOKEN + "x", parse_link.LONGER, 0),
        (TOKEN.lower(), parse_link.LOWERED, 0),
        (TOKEN.upper(), parse_link.LOWERED, 0),
        (TOKEN, parse_link.CHANGED, 0),
    ],
)
def test_damage_is_told_by_what_is_left(token: str, kind: str, missing: int) -> None:
    assert parse_link.assess_damage(token) == parse_link.TokenDamage(kind, missing)


def test_the_moment_that_a_token_claims_is_read_or_left() -> None:
    at = parse_link.read_claimed_time(TOKEN)
    assert at is not None
    assert at.year == 2025
    for nonsense in ("", "a", "a.b", "WyI.!.x", f"WyI.{'_' * 12}.x", "WyI.A.x", f"WyI.{'A' * 500}.x"):
        parse_link.read_claimed_time(nonsense)


def test_a_host_too_long_to_be_one_is_not_taken() -> None:
    assert find_candidates(f"https://{'a' * 90}.example/l/reset-password/{TOKEN}/go")[0].base == ""
    assert find_candidates(f"https://user@host/l/reset-password/{TOKEN}/go")[0].base == ""


MANGLERS: list[Callable[[str], str]] = [str.lower, str.upper, str.strip, lambda text: text[::-1]]


@examples(150)
@given(st.text(max_size=300), st.integers(0, len(URL)), st.sampled_from(MANGLERS))
def test_any_text_can_be_parsed(noise: str, at: int, mangle: Callable[[str], str]) -> None:
    for text in (noise, broken(URL, at, noise), mangle(URL[:at] + noise)):
        for found in find_candidates(text):
            parse_link.assess_damage(found.token)
            parse_link.read_claimed_time(found.token)
