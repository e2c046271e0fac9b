"""The key ring at its edges: what exactly is derived, written, and just barely allowed."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import time_machine

from accounts.config import SettingsError
from accounts.core.clock import now
from accounts.core.signing.keys import (
    Key,
    KeyRing,
    RingEntry,
    build_entries,
    load_or_create_key_file,
    new_key,
    read_key_file,
    signing_entry,
    write_draft,
)
from tests.conftest import KEY


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A system that gives everything to everybody, so that only what is asked for closes a file."""
    before = os.umask(0)
    yield
    os.umask(before)


def test_derived_keys_are_hmacs_of_their_labels() -> None:
    # Written out: another derivation would end every link that is out.
    key = Key(KEY.encode())
    for label in ("name", "tag|reset-password"):
        assert key.derive(label) == hmac.new(KEY.encode(), b"accounts.key." + label.encode(), hashlib.sha256).digest()
    assert key.name == key.derive("name").hex()[:8]
    assert re.fullmatch("[0-9a-f]{8}", key.name)


def test_keys_of_a_list_sign_ever_since() -> None:
    one, two = new_key(), new_key()
    ring = KeyRing([one, two])
    assert ring.entries == (RingEntry(Key(one.encode()), 0), RingEntry(Key(two.encode()), 0))
    assert RingEntry(Key(one.encode())).signs_from == 0
    assert ring.retired() == ()


def test_the_newest_whose_second_has_come_signs_and_the_oldest_where_none_has() -> None:
    with time_machine.travel(now().replace(microsecond=0), tick=False):
        at = int(now().timestamp())
        texts = [new_key() for _ in range(3)]

        def who_signs(*moments: int) -> str:
            return signing_entry(build_entries(zip(texts, moments, strict=True))).key.secret.decode()

        assert who_signs(0, at, at + 1) == texts[1]
        assert who_signs(0, at - 1, at) == texts[2]
        assert who_signs(at + 1, at + 2, at + 3) == texts[0]
        assert who_signs(at, at + 1, at - 1) == texts[2]


def test_moments_stay_with_their_keys() -> None:
    one, two = new_key(), new_key()
    assert build_entries([(one, 5), (two, 7)]) == (RingEntry(Key(one.encode()), 5), RingEntry(Key(two.encode()), 7))


def test_the_same_key_at_two_moments_stands_there_twice() -> None:
    with pytest.raises(SettingsError, match="twice"):
        build_entries([(KEY, 0), (KEY, 1)])


@pytest.mark.parametrize(("text", "fine"), [("0123456789" * 4, True), ("012345678" * 5, False)])
def test_ten_different_characters_are_just_enough(text: str, fine: bool) -> None:
    if fine:
        assert len(KeyRing([text])) == 1
    else:
        with pytest.raises(SettingsError, match="sample"):
            KeyRing([text])


@pytest.mark.parametrize(("text", "fine"), [("ä" + KEY[:30], True), ("ä" + KEY[:29], False)])
def test_a_key_is_measured_in_bytes(text: str, fine: bool) -> None:
    if fine:
        assert len(KeyRing([text])) == 1
    else:
        with pytest.raises(SettingsError, match="shorter than 32 bytes"):
            KeyRing([text])


@pytest.mark.parametrize("wrong", [["x"] * 40, 7, None])
def test_what_is_no_text_is_said_to_be_none(wrong: Any) -> None:
    with pytest.raises(SettingsError, match="not a text"):
        build_entries([(wrong, 0)])


def test_a_new_key_has_32_random_bytes() -> None:
    made = {new_key() for _ in range(20)}
    assert len(made) == 20
    assert {len(key) for key in made} == {43}, "base64 without padding"


@pytest.mark.usefixtures("open_umask")
def test_folder_and_file_are_closed_to_others_though_the_system_is_open(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "secret-keys"
    (key,) = load_or_create_key_file(path)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == key + "\n"


@pytest.mark.usefixtures("open_umask")
def test_a_draft_is_a_new_file_of_its_own_beside_the_ring(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    drafts = {write_draft(path, ["one", "two"]) for _ in range(3)}
    assert len(drafts) == 3
    for draft in drafts:
        assert draft.parent == tmp_path
        assert re.fullmatch(r"secret-keys\.[0-9a-f]{8}", draft.name)
        assert draft.stat().st_mode & 0o777 == 0o600
        assert draft.read_text() == "one\ntwo\n"
    assert not path.exists()


def test_lines_are_stripped_and_come_with_the_state_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    path.touch(mode=0o600)
    path.write_text("  one  \n\n \ntwo")
    lines, state = read_key_file(path)
    assert lines == ("one", "two")
    assert (state.st_ino, state.st_size) == (path.stat().st_ino, path.stat().st_size)


@pytest.mark.parametrize("mode", [0o601, 0o602, 0o604, 0o610, 0o620, 0o640])
def test_any_bit_for_others_is_one_too_many(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret-keys"
    path.touch()
    path.chmod(mode)
    with pytest.raises(SettingsError, match=f"chmod 600 {re.escape(str(path))}"):
        read_key_file(path)


def test_what_cannot_be_kept_is_named_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"cannot keep the key ring at {tmp_path}: Is a directory")):
        read_key_file(tmp_path)
    (tmp_path / "ring").write_bytes(b"\xff" * 40)
    (tmp_path / "ring").chmod(0o600)
    with pytest.raises(SettingsError, match="it is not text"):
        read_key_file(tmp_path / "ring")
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match=r"file/ring: (Not a directory|File exists)"):
        load_or_create_key_file(tmp_path / "file" / "ring")
