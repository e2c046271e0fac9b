"""``accounts keys list``: the ring is shown without its secrets."""

from __future__ import annotations

from pathlib import Path

from accounts.core.signing.keys import KeyRing
from tests.cli.conftest import Command
from tests.conftest import KEY

OLD = "vN3x9Rt5mK2rB8nQ4cY7pL1dF6hJ0sWz-older"


def test_the_ring_is_shown_oldest_first_and_without_secrets(bare: Command) -> None:
    result = bare("keys", "list", secret_keys=f"{OLD},{KEY}")
    names = [key.name for key in KeyRing([OLD, KEY]).newest_first()]
    assert result.table == [
        {"#": "1", "key": names[1], "state": "opens"},
        {"#": "2", "key": names[0], "state": "signs"},
    ]
    assert OLD not in result.out + result.err
    assert KEY not in result.out + result.err


def test_a_ring_is_made_on_first_use_and_kept(bare: Command, tmp_path: Path) -> None:
    first = bare("keys", "list", instance=str(tmp_path / "instance"))
    assert len(first.table) == 1
    assert bare("keys", "list", instance=str(tmp_path / "instance")) == first
    assert (tmp_path / "instance" / "secret-keys").stat().st_mode & 0o777 == 0o600


def test_a_ring_that_others_may_read_is_refused(bare: Command, tmp_path: Path) -> None:
    bare("keys", "list", instance=str(tmp_path))
    (tmp_path / "secret-keys").chmod(0o644)
    assert "chmod 600" in bare("keys", "list", instance=str(tmp_path)).refused


def test_a_new_key_is_fit_for_the_ring_and_different_each_time(bare: Command) -> None:
    first, second = bare("keys", "generate").out.strip(), bare("keys", "generate").out.strip()
    assert first != second
    assert bare("keys", "list", secret_keys=f"{first},{second}").status == 0
    assert not Path("instance").exists(), "printing a key makes no ring"
