"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

import pytest

from accounts.core import atomic_files


def test_a_file_appears_when_all_is_written_and_its_owner_alone_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    with atomic_files.open_atomic(path) as out:
        out.write("ä\r\n")
        out.flush()
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_bytes() == "ä\r\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_what_goes_wrong_on_the_way_leaves_the_older_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("old", encoding="utf-8")
    with suppress(RuntimeError), atomic_files.open_atomic(path) as out:
        out.write("half")
        raise RuntimeError
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_behind_a_name_is_written_and_the_name_stays_a_link(tmp_path: Path) -> None:
    real, name = tmp_path / "disk" / "people.csv", tmp_path / "people.csv"
    real.parent.mkdir()
    name.symlink_to(real)
    with atomic_files.open_atomic(name) as out:
        out.write("new")
    assert name.is_symlink()
    assert real.read_text(encoding="utf-8") == "new"


def test_what_is_no_file_is_written_to_and_never_put_away(tmp_path: Path) -> None:
    """/dev/stdout, a pipe: a file in its place would be there for everybody."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with atomic_files.open_atomic(pipe) as out:
        out.write("through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    with pytest.raises(OSError, match="not a regular file"), atomic_files.replace_atomically(pipe):
        pass
    assert pipe.is_fifo()


def test_what_somebody_who_was_killed_has_left_goes_the_next_day(tmp_path: Path) -> None:
    old, young, other = (tmp_path / name for name in (".a.0000.part", ".a.1111.part", ".b.0000.part"))
    for each in (old, young, other):
        each.touch()
    for each in (old, other):
        os.utime(each, (1, 1))
    with atomic_files.open_atomic(tmp_path / "a"):
        pass
    assert {each.name for each in tmp_path.iterdir()} == {"a", young.name, other.name}
