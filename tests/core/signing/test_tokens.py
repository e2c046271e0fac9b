"""Signed statements: what opens them, and what does not."""

from __future__ import annotations

import zlib
from datetime import timedelta
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import pytest
import time_machine
from itsdangerous import URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode

from accounts.core import clock
from accounts.core.signing.keys import new_key
from accounts.core.signing.token_kind import BadToken
from accounts.core.signing.tokens import MAX_TOKEN_CHARACTERS, TokenSigner
from tests.conftest import KEY
from tests.core.sites import ISSUER, make_signer

BASE64 = ascii_uppercase + ascii_lowercase + digits + "-_"


def why_not(envelope: TokenSigner, token: str, purpose: str = "reset", version: int = 1) -> str:
    with pytest.raises(BadToken) as caught:
        envelope.verify_payload(purpose, version, token)
    assert token == "" or token not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("payload", [[], ["a", 1, None], "text", {"a": [True]}, "ü" * 300, 0])
def test_a_statement_says_what_was_sealed(payload: Any) -> None:
    box = make_signer()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False):
        found = box.verify_payload("reset", 1, box.sign_payload("reset", 1, payload))
        assert found.payload == payload
        assert found.issued_at == clock.now()


def test_a_statement_has_a_name_that_is_fit_for_a_log() -> None:
    box = make_signer()
    first, second = (box.verify_payload("reset", 1, box.sign_payload("reset", 1, text)) for text in "ab")
    assert first.id != second.id
    assert len(first.id) == 12
    assert first.id not in box.sign_payload("reset", 1, "a")


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "x" * MAX_TOKEN_CHARACTERS + "x", "\x00", "é.b." + "a" * 43, "a.b\n." + "a" * 43]
    + ["a.b." + "a" * length for length in (42, 44)] + ["a." + "b" * 13 + "." + "a" * 43, "a=.b." + "a" * 43],
)  # fmt: skip
def test_what_does_not_look_like_a_statement_is_not_even_tried(token: str) -> None:
    assert why_not(make_signer(), token) == "malformed"


def test_a_token_has_one_spelling_at_its_end() -> None:
    """43 characters carry 258 bits; the signature has 256, so that four last characters decode alike."""
    box = make_signer()
    token = box.sign_payload("reset", 1, "x")
    first = BASE64.index(token[-1]) // 4 * 4
    alike = [token[:-1] + last for last in BASE64[first : first + 4]]
    assert alike.count(token) == 1
    assert {why_not(box, other) for other in alike if other != token} == {"not the canonical spelling"}


@pytest.mark.parametrize("junk", ["=", "==", " ", "\n", "\x00", "!", "%20", "é", ".", "+", "/", "a"])
def test_junk_is_not_overlooked_wherever_it_stands(junk: str) -> None:
    box = make_signer()
    token = box.sign_payload("reset", 1, "x")
    payload, moment, signature = token.split(".")
    spelled = [
        token + junk, junk + token, f"{payload}{junk}.{moment}.{signature}", f"{payload}.{moment}{junk}.{signature}",
        f"{payload}.{moment}.{junk}{signature}", f"{payload}.{moment}.{signature[:20]}{junk}{signature[20:]}",
    ]  # fmt: skip
    for other in spelled:
        why_not(box, other)


def test_a_statement_is_worth_nothing_for_another_purpose_version_issuer_or_ring() -> None:
    box = make_signer()
    token = box.sign_payload("reset", 1, "x")
    text = "no key of the ring signed this for this purpose"
    assert why_not(box, token, purpose="invite") == text
    assert why_not(box, token, version=2) == text
    assert why_not(make_signer(issuer="https://other.example.org"), token) == text, "the same key elsewhere"
    assert why_not(make_signer(new_key()), token) == text


def test_the_newest_key_signs_and_older_ones_still_open() -> None:
    oldest, older, newest = new_key(), new_key(), new_key()
    token = make_signer(oldest, older).sign_payload("reset", 1, "x")
    assert make_signer(oldest, older, newest).verify_payload("reset", 1, token).key.secret == older.encode()
    assert make_signer(older).verify_payload("reset", 1, token).key.secret == older.encode()
    why_not(make_signer(oldest, newest), token)
    ring = make_signer(oldest, older, newest)
    assert ring.verify_payload("reset", 1, ring.sign_payload("reset", 1, "x")).key.secret == newest.encode()


@pytest.mark.parametrize("ahead", [0, 2, 59, 60])
def test_a_clock_a_little_ahead_is_forgiven(ahead: int) -> None:
    box = make_signer()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        time.shift(ahead)
        token = box.sign_payload("reset", 1, "x")
        time.shift(-ahead)
        assert box.verify_payload("reset", 1, token).issued_at - clock.now() == timedelta(seconds=ahead)


@pytest.mark.parametrize("ahead", [61, 3600, 10**9])
def test_a_clock_far_ahead_is_not(ahead: int) -> None:
    box = make_signer()
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as time:
        time.shift(ahead)
        token = box.sign_payload("reset", 1, "x")
        time.shift(-ahead)
        assert why_not(box, token) == "from the future"


def test_an_old_statement_opens_its_age_is_for_others_to_judge() -> None:
    box = make_signer()
    with time_machine.travel("2030-01-01T00:00:00Z") as time:
        token = box.sign_payload("reset", 1, "x")
        time.shift(timedelta(days=4000))
        assert box.verify_payload("reset", 1, token).payload == "x"


def test_nothing_is_inflated_before_the_signature_is_known_to_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = "." + base64_encode(zlib.compress(b'"' + b"a" * 2_000_000 + b'"', 9)).decode()
    assert len(bomb) < MAX_TOKEN_CHARACTERS - 100
    forged = URLSafeTimedSerializer(new_key(), salt=f"{ISSUER}|reset|1").make_signer(f"{ISSUER}|reset|1").sign(bomb)
    inflated: list[int] = []
    inflate = zlib.decompress

    def watched(data: bytes) -> bytes:
        inflated.append(len(data))
        return inflate(data)

    monkeypatch.setattr(zlib, "decompress", watched)
    box = make_signer()
    why_not(box, forged.decode())
    assert inflated == []
    assert box.verify_payload("reset", 1, box.sign_payload("reset", 1, "a" * 500)).payload == "a" * 500
    assert len(inflated) == 1, "the same wire is tripped by a genuine statement"


def test_a_genuine_signature_over_junk_is_unreadable() -> None:
    box = make_signer()
    signing = box._serializer_for(box.ring.signing, "reset", 1)
    for junk in ("bm90IGpzb24", ".bm90IHppcA", "W1tbW1tbW1tbW1tbW1tbW1tbW1tb"):
        why_not(box, signing.make_signer(f"{ISSUER}|reset|1").sign(junk).decode())


def test_tags_differ_by_value_key_and_issuer() -> None:
    box, other = make_signer(KEY), make_signer(KEY, issuer="https://other.example.org")
    key, second = box.ring.signing, make_signer(new_key()).ring.signing
    tags = {box.tag(key, ["a"], 4), box.tag(key, ["b"], 4), box.tag(second, ["a"], 4), other.tag(key, ["a"], 4)}
    assert len(tags) == 4
    assert {len(tag) for tag in tags} == {4}
    assert box.tag(key, ["a", None, 1], 9) == box.tag(key, ["a", None, 1], 9)
