"""The key ring: which keys may serve, which one signs, and what is derived from them."""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any

import pytest

from accounts.config_sources import SettingsError
from accounts.core.clock import now
from accounts.core.signing.keys import (
    Key,
    KeyRing,
    RingEntry,
    build_entries,
    new_key,
    signing_entry,
)
from tests.conftest import KEY


def test_the_last_key_signs_and_the_newest_is_tried_first() -> None:
    older, newer = new_key(), new_key()
    ring = KeyRing([older, newer])
    assert ring.signing.secret == newer.encode()
    assert [key.secret.decode() for key in ring.newest_first()] == [newer, older]
    assert len(ring) == 2


def test_keys_of_a_list_sign_ever_since() -> None:
    one, two = new_key(), new_key()
    ring = KeyRing([one, two])
    assert ring.entries == (RingEntry(Key(one.encode()), 0), RingEntry(Key(two.encode()), 0))
    assert RingEntry(Key(one.encode())).signs_from == 0
    assert ring.retired() == ()


@pytest.mark.usefixtures("stopped_clock")
def test_the_newest_key_whose_second_has_come_signs_and_the_oldest_where_none_has() -> None:
    at = int(now().timestamp())
    texts = [new_key() for _ in range(3)]

    def signing_secret(*moments: int) -> str:
        return signing_entry(build_entries(zip(texts, moments, strict=True))).key.secret.decode()

    assert signing_secret(0, at, at + 1) == texts[1]
    assert signing_secret(0, at - 1, at) == texts[2]
    assert signing_secret(at + 1, at + 2, at + 3) == texts[0]
    assert signing_secret(at, at + 1, at - 1) == texts[2]


def test_moments_stay_with_their_keys() -> None:
    one, two = new_key(), new_key()
    assert build_entries([(one, 5), (two, 7)]) == (RingEntry(Key(one.encode()), 5), RingEntry(Key(two.encode()), 7))


def test_the_same_key_at_two_moments_stands_there_twice() -> None:
    with pytest.raises(SettingsError, match="twice"):
        build_entries([(KEY, 0), (KEY, 1)])


@pytest.mark.parametrize("ring", [KEY, KEY.encode()], ids=["str", "bytes"])
def test_one_text_is_no_ring(ring: Any) -> None:
    with pytest.raises(SettingsError, match="must be a list, oldest first, not one text"):
        KeyRing(ring)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "there is no secret key"),
        ([""], "empty or not a text"),
        ([KEY, ""], "empty or not a text"),
        ([None], "empty or not a text"),
        ([KEY.encode()], "empty or not a text"),
        ([KEY[:31]], "shorter than 32 bytes"),
        (["ä" * 15], "shorter than 32 bytes"),
        (["ä" + KEY[:29]], "shorter than 32 bytes"),
        ([KEY, KEY], "stands in the ring twice"),
        (["changeme-" + KEY], "looks like a sample"),
        (["Change-Me-" + KEY], "looks like a sample"),
        (["secret" + KEY], "looks like a sample"),
        (["your-secret-key-goes-right-in-here"], "looks like a sample"),
        (["dev" + KEY], "looks like a sample"),
        (["012345678" * 4], "looks like a sample"),
        (["012345678" * 5], "looks like a sample"),
        (["a" * 64], "looks like a sample"),
    ],
)
def test_a_key_that_protects_nothing_is_refused(keys: list[Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        KeyRing(keys)
    assert not any(key and str(key) in str(caught.value) for key in keys), "an error never shows a key"


@pytest.mark.parametrize("key", [KEY[:32], "ä" + KEY[:30], "0123456789" * 4])
def test_32_bytes_and_ten_different_characters_are_just_enough(key: str) -> None:
    assert len(KeyRing([key])) == 1


@pytest.mark.parametrize("wrong", [["x"] * 40, 7, None])
def test_a_key_that_is_no_text_is_refused(wrong: Any) -> None:
    with pytest.raises(SettingsError, match="not a text"):
        build_entries([(wrong, 0)])


def test_a_key_never_shows_its_secret() -> None:
    key = Key(KEY.encode())
    assert KEY not in repr(key)
    assert key.name not in KEY
    assert len(key.name) == 8


def test_each_use_of_a_key_has_a_key_of_its_own() -> None:
    key, other = Key(KEY.encode()), Key(new_key().encode())
    derived = {key.derive("name"), key.derive("tag|a"), key.derive("tag|b"), other.derive("name")}
    assert len(derived) == 4
    assert {len(each) for each in derived} == {32}


def test_derived_keys_are_hmacs_of_their_labels() -> None:
    # Written out: another derivation would end every link that is out.
    key = Key(KEY.encode())
    for label in ("name", "tag|reset-password"):
        assert key.derive(label) == hmac.new(KEY.encode(), b"accounts.key." + label.encode(), hashlib.sha256).digest()
    assert key.name == key.derive("name").hex()[:8]
    assert re.fullmatch("[0-9a-f]{8}", key.name)


def test_a_new_key_has_32_random_bytes() -> None:
    made = {new_key() for _ in range(20)}
    assert len(made) == 20
    assert {len(key) for key in made} == {43}, "base64 without padding"
