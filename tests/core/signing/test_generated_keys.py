"""The file of generated keys: made at the first start, readable by its owner alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.config_sources import SettingsError
from accounts.core.signing.keys import (
    KeyRing,
    load_or_create_key_file,
    new_key,
    read_key_file,
    write_draft,
)
from tests.kit.concurrency import run_concurrently


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A system that gives everything to everybody, so that only what is asked for closes a file."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_the_first_start_makes_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "secret-keys"
    (key,) = load_or_create_key_file(path)
    KeyRing([key])
    assert path.read_text() == key + "\n"
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


def test_lines_are_stripped_and_come_with_the_state_of_their_file(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    path.touch(mode=0o600)
    path.write_text("  one  \n\n \ntwo")
    lines, state = read_key_file(path)
    assert lines == ("one", "two")
    assert (state.st_ino, state.st_size) == (path.stat().st_ino, path.stat().st_size)


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


@pytest.mark.parametrize("mode", [0o601, 0o602, 0o604, 0o610, 0o620, 0o640, 0o644, 0o660])
def test_a_ring_that_others_can_read_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "secret-keys"
    path.touch()
    path.chmod(mode)
    for read in (read_key_file, load_or_create_key_file):
        with pytest.raises(SettingsError, match=f"can be read by others; run: chmod 600 {re.escape(str(path))}"):
            read(path)


def test_an_empty_ring_file_is_not_filled_behind_anybodys_back(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    os.close(os.open(path, os.O_CREAT, 0o600))
    with pytest.raises(SettingsError, match="there is no secret key"):
        KeyRing(load_or_create_key_file(path))


@pytest.mark.parametrize(
    ("name", "reason"), [("file/ring", "(Not a directory|File exists)"), ("folder", "Is a directory")]
)
def test_a_place_that_cannot_hold_a_ring_is_named_with_the_reason(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir(mode=0o700)
    place = re.escape(f"cannot keep the key ring at {tmp_path / name}: ")
    with pytest.raises(SettingsError, match=place + reason):
        load_or_create_key_file(tmp_path / name)
    if name == "folder":
        with pytest.raises(SettingsError, match=place + reason):
            read_key_file(tmp_path / name)


def test_a_ring_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret-keys"
    load_or_create_key_file(path)
    path.write_bytes(b"\xff\xfe" * 40)
    with pytest.raises(SettingsError, match=r"cannot keep the key ring at .*: it is not text"):
        load_or_create_key_file(path)
