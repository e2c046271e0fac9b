"""Addresses that look mistyped are asked about; real ones are not."""

from __future__ import annotations

import pytest

from accounts.core.security.address_typos import (
    EMAIL_PROVIDERS,
    OTHER_PROVIDERS,
    AddressDoubt,
    count_slips,
    find_doubt,
)
from accounts.core.security.addresses import parse_email


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("gmial.con", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmai.com", "gmail.com"),
        ("Gmial.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("protonmal.com", "protonmail.com"),
        ("wbe.de", "web.de"),
        ("gmx.con", "gmx.com"),
    ],
)
def test_a_slip_is_asked_about_with_the_address_that_may_be_meant(typed: str, meant: str) -> None:
    assert find_doubt(parse_email(f"Anna.B+x@{typed}")) == AddressDoubt(f"Anna.B+x@{meant}")


@pytest.mark.parametrize(
    "domain",
    [
        *EMAIL_PROVIDERS,
        *OTHER_PROVIDERS,
        *(
            "example.org",
            "company.com",
            "yahoo.fr",
            "yahoo.co.uk",
            "outlook.de",
            "hotmail.es",
            "uni-ulm.de",
            "gm.com",
        ),
    ],
)
def test_a_real_domain_is_not_asked_about(domain: str) -> None:
    assert find_doubt(parse_email(f"anna@{domain}")) is None


def test_a_domain_without_a_dot_is_asked_about_but_for_this_very_machine() -> None:
    assert find_doubt(parse_email("nonsense@x")) == AddressDoubt()
    assert find_doubt(parse_email("anna@localhost")) is None
    assert find_doubt(parse_email("anna@box.local")) is None


@pytest.mark.parametrize(
    ("one", "other", "slips"), [("", "", 0), ("ab", "ba", 1), ("abc", "", 3), ("gmial", "gmail", 1), ("a", "b", 1)]
)
def test_slips_are_letters_added_dropped_replaced_or_swapped(one: str, other: str, slips: int) -> None:
    assert count_slips(one, other) == count_slips(other, one) == slips
