"""Mail addresses: what is accepted, and under which one form an address is unique."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.core.security import addresses
from accounts.core.security.addresses import MAX_EMAIL_BYTES, AddressRefused, EmailAddress, mask_email, parse_email
from tests.kit.properties import examples

LABELS = ".".join(letter * 60 for letter in "bcd")
LONGEST = "a" * (MAX_EMAIL_BYTES - len(LABELS) - 5) + "@" + LABELS + ".org"


@pytest.mark.parametrize(
    ("text", "email", "key"),
    [
        ("ann@example.org", "ann@example.org", "ann@example.org"),
        ("Ann@example.org", "Ann@example.org", "ann@example.org"),
        ("ANN@EXAMPLE.ORG", "ANN@example.org", "ann@example.org"),
        ("ann+news@example.org", "ann+news@example.org", "ann+news@example.org"),
        ("a.n.n@example.org", "a.n.n@example.org", "a.n.n@example.org"),
        ("a!#$%&'*+/=?^_`{|}~-b@example.org",) + ("a!#$%&'*+/=?^_`{|}~-b@example.org",) * 2,
        ("0@example.org", "0@example.org", "0@example.org"),
        ("ann@intranet", "ann@intranet", "ann@intranet"),
        ("ann@bücher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@bu\u0308cher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("ann@straße.example", "ann@xn--strae-oqa.example", "ann@xn--strae-oqa.example"),
        ("ann@strasse.example", "ann@strasse.example", "ann@strasse.example"),
        ("ann@\u212aelvin.example", "ann@kelvin.example", "ann@kelvin.example"),
        ("ann@ｅxample.org", "ann@example.org", "ann@example.org"),
        ("ann@example。org", "ann@example.org", "ann@example.org"),
        ("ann@ﬁne.example", "ann@fine.example", "ann@fine.example"),
        (LONGEST, LONGEST, LONGEST),
    ],
)  # fmt: skip
def test_an_accepted_address_has_one_form_to_mail_to_and_one_to_compare(text: str, email: str, key: str) -> None:
    assert parse_email(text) == EmailAddress(email, key)


@pytest.mark.parametrize(
    "blank", list(" \t\r\n\x0b\x0c\x85\xa0\u1680\u2003\u2009\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff")
)
def test_blanks_around_an_address_are_not_part_of_it(blank: str) -> None:
    bare = parse_email("Ann@example.org")
    for text in (f"{blank}Ann@example.org", f"Ann@example.org{blank}", f"{blank * 300} Ann@example.org \n{blank}"):
        assert parse_email(text) == bare
    for text in (f"An{blank}n@example.org", f"Ann{blank}@example.org", f"Ann@{blank}example.org", blank):
        with pytest.raises(AddressRefused):
            parse_email(text)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "@", "@@", "ann", "ann@", "@example.org", "ann@@example.org", "ann@b@example.org", "ann@example@org",
        "\u212aann@example.org", "ﬁona@example.org", "dıana@example.org", "İda@example.org", "straße@example.org",
        "ünal@example.org", "аnn@example.org", "ann\u200b@example.org", "ａnn@example.org", "ann＠example.org",
        '"ann"@example.org', '"an n"@example.org', '"a@b"@example.org', "ann'", "'ann@example.org' ",
        "ann,bob@example.org", "ann@example.org,bob@example.org", "ann@example.org;bob@example.org",
        "a;b@example.org", "ann:bob@example.org", "<ann@example.org>", "Ann <ann@example.org>", "ann(x)@example.org",
        "ann@example.org(x)", "ann\\@example.org", "an[n]@example.org",
        "an\x00n@example.org", "ann@exam\x00ple.org", "ann@example.org\x00",
        "ann\r\n@example.org", "ann@example.org\r\nBcc: bob@example.org", "ann\t@example.org",
        "an n@example.org", "ann @example.org", "ann@ example.org",
        "ann@exam ple.org", "ann\u00a0@example.org", "ann@example\u00ad.org", "ann\x7f@example.org",
        ".ann@example.org", "ann.@example.org", "a..n@example.org", "ann@.example.org", "ann@example.org.",
        "ann@example..org", "ann@-example.org", "ann@example-.org", "ann@exam_ple.org", "ann@[127.0.0.1]",
        "ann@[IPv6:::1]", "ann@xn--a.example", "ann@" + "b" * 64 + ".example", "\ud800@example.org", "ann@\ud800.org",
        "a" + LONGEST, "é" * 200 + "@example.org", "ann@" + "ü" * 62 + ".example", "x" * 100_000,
    ],
)  # fmt: skip
def test_anything_but_one_plain_address_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused):
        parse_email(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("ann@example.org", "ANN@Example.Org", True),
        ("ann@bücher.example", "Ann@xn--bcher-kva.example", True),
        ("ann@\u212aelvin.example", "ann@KELVIN.example", True),
        ("ann@straße.example", "ann@strasse.example", False),
        ("ann@example.org", "ann@example.com", False),
        ("ann@example.org", "an.n@example.org", False),
        ("ann@example.org", "ann+x@example.org", False),
        ("i@example.org", "I@example.org", True),
    ],
)
def test_two_spellings_are_one_account_only_when_mail_reaches_one_box(one: str, other: str, same: bool) -> None:
    assert (parse_email(one).key == parse_email(other).key) is same


def test_the_longest_address_has_254_bytes() -> None:
    assert len(LONGEST) == MAX_EMAIL_BYTES == 254


LIKELY = st.text(
    st.sampled_from("abzAZ019.+-_@,;:<>()[]\\\" '\t\r\n\x00\u212aßıİﬁéü\u0308\u200b\u00ad\ud800аx。＠%!"), max_size=14
)
ADDRESSES = st.one_of(
    st.tuples(LIKELY, st.sampled_from(["@", "", "@@"]), LIKELY, st.sampled_from(["", ".org", ".example"])).map(
        "".join
    ),
    st.emails(),
    st.text(max_size=40),
)


@examples(400)
@given(ADDRESSES)
def test_whatever_is_accepted_is_one_plain_address_whose_key_is_final(text: str) -> None:
    try:
        found = parse_email(text)
    except AddressRefused:
        return
    for form in (found.email, found.key):
        assert form.isascii()
        assert form.isprintable()
        assert form.count("@") == 1
        assert len(form) <= MAX_EMAIL_BYTES
        assert not set(form) & set(' ,;:<>()[]\\"')
    assert found.key == found.key.lower()
    assert parse_email(found.email) == found
    assert parse_email(found.key).key == found.key


def test_a_masked_address_is_recognised_by_its_owner_only() -> None:
    assert mask_email("ann.miller@example.org") == "a•••@example.org"
    assert mask_email("a@example.org") == "a•••@example.org"


def test_what_was_parsed_is_kept_for_a_while_and_what_is_refused_is_not() -> None:
    assert parse_email("kept@example.org") is parse_email("kept@example.org")
    kept = addresses._parse_email.cache_info()
    for number in range(3):
        with pytest.raises(AddressRefused):
            parse_email(f"refused{number}")
    assert addresses._parse_email.cache_info().currsize == kept.currsize
    assert kept.maxsize == 1024
