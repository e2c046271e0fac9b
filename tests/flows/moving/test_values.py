"""What a single cell of a file says: yes or no, moments, names, addresses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.core.security.addresses import AddressRefused, EmailAddress, parse_email
from accounts.flows.moving.check_rows import parse_email_cached
from accounts.flows.moving.rows import clean_text, parse_timestamp, split_names
from tests.kit.properties import examples


@pytest.mark.parametrize(
    "said",
    ["", None, "soon", "9999-01-01", "99999999999999999999", "2020-13-01", [], "1e400", "0001-01-01T00:00:00+14:00"],
)
def test_a_moment_that_is_none_is_left_out(said: object) -> None:
    assert parse_timestamp(said) is None


def test_text_has_no_control_characters_and_groups_are_told_apart() -> None:
    assert clean_text("  a\x00\nb\u2028c  ") == "a b c"
    assert split_names("a, b;c|a,") == ("a", "b", "c")
    assert split_names(["a b", {"name": "c"}, ""]) == ("a b", "c")


LOCALS = st.one_of(
    st.text("aZ0_+-.", min_size=0, max_size=70),
    st.text(min_size=0, max_size=10),
    st.just("a" * 64),
    st.just("a" * 65),
)


DOMAINS = st.sampled_from([
    "example.org", "EXAMPLE.org", "bücher.example", "xn--bcher-kva.example", "a.b", "localhost", "x.local", "-a.org",
    "a..org", "", "[127.0.0.1]", "exa mple.org", "ex.org.", "x" * 63 + ".org", "x" * 64 + ".org", "a.test", "test",
    "y." * 95 + "org",
])  # fmt: skip


@given(LOCALS, DOMAINS)
@examples(150)
def test_the_fast_way_to_an_address_comes_to_the_same(local: str, domain: str) -> None:
    def told(way: Callable[[str], EmailAddress]) -> EmailAddress | str:
        try:
            return way(f"{local}@{domain}")
        except AddressRefused:
            return "refused"

    assert told(parse_email_cached) == told(parse_email)
