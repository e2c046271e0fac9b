"""The key ring: which keys may serve, and the file that holds generated ones."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from accounts.config import SettingsError
from accounts.core.signing.keys import Key, KeyRing, load_or_create_key_file, new_key
from tests.conftest import KEY
from tests.core.sites import run_concurrently


def test_the_last_key_signs_and_the_newest_is_tried_first() -> None:
    older, newer = new_key(), new_key()
    ring = KeyRing([older, newer])
    assert ring.signing.secret == newer.encode()
    assert [key.secret.decode() for key in ring.newest_first()] == [newer, older]
    assert len(ring) == 2


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
        ([KEY, KEY], "stands in the ring twice"),
        (["changeme-" + KEY], "looks like a sample"),
        (["Change-Me-" + KEY], "looks like a sample"),
        (["secret" + KEY], "looks like a sample"),
        (["your-secret-key-goes-right-in-here"], "looks like a sample"),
        (["dev" + KEY], "looks like a sample"),
        (["012345678" * 4], "looks like a sample"),
        (["a" * 64], "looks like a sample"),
    ],
)
def test_a_key_that_protects_nothing_is_refused(keys: list[Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said) as caught:
        KeyRing(keys)
    assert not any(key and str(key) in str(caught.value) for key in keys), "an error never shows a key"


def test_a_key_of_32_bytes_serves() -> None:
    assert len(KeyRing([KEY[:32]])) == 1


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


def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "instance" / "secret-keys"
    (key,) = load_or_create_key_file(path)
    KeyRing([key])
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_or_create_key_file(path) == (key,)
    assert [file.name for file in path.parent.iterdir()] == ["secret-keys"], "no draft is left"


def test_first_starts_at_once_agree_on_one_ring(tmp_path: Path) -> None:
    path = tmp_path / "new" / "secret-keys"
    found = run_concurrently(16, lambda number: load_or_create_key_file(path))
    assert len(set(found)) == 1
    assert [file.name for file in path.parent.iterdir()] == ["secret-keys"]


def test_a_ring_file_has_one_key_a_line_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    load_or_create_key_file(path)
    (first,), second = load_or_create_key_file(path), new_key()
    path.write_text(f"{first}\n\n{second}\n")
    assert load_or_create_key_file(path) == (first, second)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_ring_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret-keys"
    load_or_create_key_file(path)
    path.chmod(mode)
    with pytest.raises(SettingsError, match="can be read by others; run: chmod 600"):
        load_or_create_key_file(path)


def test_an_empty_ring_file_is_not_filled_behind_anybodys_back(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    os.close(os.open(path, os.O_CREAT, 0o600))
    with pytest.raises(SettingsError, match="there is no secret key"):
        KeyRing(load_or_create_key_file(path))


@pytest.mark.parametrize("name", ["file/secret-keys", "folder"])
def test_a_place_that_cannot_hold_a_ring_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(SettingsError, match="cannot keep the key ring at"):
        load_or_create_key_file(tmp_path / name)


def test_a_ring_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    load_or_create_key_file(path)
    path.write_bytes(b"\xff\xfe" * 40)
    with pytest.raises(SettingsError, match="cannot keep the key ring at"):
        load_or_create_key_file(path)
