"""Return targets: a path of this site, or nothing."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.core.security.redirects import MAX_TARGET_CHARACTERS, local_path
from tests.kit.properties import examples

SITE = "https://accounts.example.org"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("/", "/"),
        ("/account", "/account"),
        ("/a/b.c?d=e&f=%2Fg", "/a/b.c?d=e&f=%2Fg"),
        ("/a#part", "/a"),
        ("/a?next=https://evil.example/", "/a?next=https://evil.example/"),
        ("/a:b@c", "/a:b@c"),
        ("/bücher?q=ü", "/b%C3%BCcher?q=%C3%BC"),
        ("/%C3%BC", "/%C3%BC"),
        ("/oauth/authorize?client_id=x&redirect_uri=https%3A%2F%2Fapp.example%2Fcb", None),
        ("/" + "x" * (MAX_TARGET_CHARACTERS - 1), None),
    ],
)
def test_a_path_of_this_site_is_kept(text: str, kept: str | None) -> None:
    assert local_path(text) == (kept or text)


@pytest.mark.parametrize(
    "text",
    [
        "", "account", "?x", "#x", "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example",
        "\\/evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example", "/ /evil",
        " //evil.example", "/%09/evil.example", "/%0d%0aX:y", "/%0a", "/%5cevil.example", "/%5Cevil.example",
        "/%255cevil.example", "/%2fevil.example", "/%2Fevil.example", "/%252fevil.example", "/@evil.example",
        "/%40evil.example", "javascript:alert(1)", "data:x", "/\x00", "/%00", "/\x7f", "/a\x85b", "/%C2%85",
        "/\u2028x".replace("\u2028", "\x9f"), "/\ud800", "/" + "x" * MAX_TARGET_CHARACTERS,
        "/" + "ü" * (MAX_TARGET_CHARACTERS // 6),
    ],
)  # fmt: skip
def test_what_could_lead_elsewhere_is_dropped(text: str) -> None:
    assert local_path(text) is None


def test_a_target_that_cannot_be_parsed_is_dropped() -> None:
    assert local_path("/x") == "/x"
    assert local_path("//[") is None


@examples(500)
@given(st.text(st.sampled_from("/\\@:?#%25c0af.ehttps[]\t\n ü\ud800"), max_size=20).map(lambda text: "/" + text))
def test_whatever_is_kept_stays_here_and_is_kept_again(text: str) -> None:
    found = local_path(text)
    if found is None:
        return
    assert found.isascii()
    assert local_path(found) == found
    assert urlsplit(urljoin(SITE, found)).netloc == urlsplit(SITE).netloc
