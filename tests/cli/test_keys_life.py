"""``accounts keys list``, ``keys rotate`` and ``keys drop``, as an operator types them."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from accounts.core.database.store import Store
from accounts.core.models.audit import AuditRow
from accounts.core.signing.keys import KeyRing
from tests.cli.conftest import Command, Said
from tests.conftest import KEY

OLD = "vN3x9Rt5mK2rB8nQ4cY7pL1dF6hJ0sWz-older"


@pytest.fixture
def command(bare: Command, database: str, tmp_path: Path) -> Command:
    """The command line of an installation with its ring in a file."""
    usual = {"env": "development", "instance": str(tmp_path / "instance"), "database_url": database}
    return lambda *arguments, **settings: bare(*arguments, **{**usual, **settings})


@pytest.fixture
def ring_file(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "secret-keys"


def names(said: Said) -> list[str]:
    """Names of the keys that ``accounts keys list`` shows, oldest first."""
    return re.findall(r"^\d+ +([0-9a-f]{8}) ", said.out, re.MULTILINE)


def audited(database: str) -> list[tuple[str, dict[str, object]]]:
    store = Store(database)
    with Session(store.engine) as session:
        query = select(AuditRow.kind, AuditRow.facts).where(AuditRow.kind.startswith("keys.")).order_by(AuditRow.at)
        found = [(kind, facts) for kind, facts in session.execute(query)]
    store.close()
    return found


def test_the_table_says_of_each_key_and_purpose_what_it_signed_and_when_it_may_go(command: Command) -> None:
    assert command("invites", "create", "a@example.org", "--print").status == 0
    result = command("keys", "list")
    assert (result.status, result.err) == (0, "")
    heading, key, purpose = result.out.splitlines()
    assert re.split(r"  +", heading) == [
        "#",
        "key",
        "state",
        "signed",
        "opened",
        "last opened",
        "alive until",
        "safe to drop",
    ]
    moment = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    assert re.fullmatch(rf"1  [0-9a-f]{{8}}  signs +1 +0 +- +{moment}  not while it signs", key)
    assert re.fullmatch(rf" +invite +1 +0 +- +{moment}", purpose)


def test_without_tables_the_ring_is_shown_and_no_store_is_made(bare: Command) -> None:
    result = bare("keys", "list", secret_keys=f"{OLD},{KEY}")
    assert result.status == 0
    assert [row["state"] for row in result.table] == ["opens", "signs"]
    assert "nothing was counted" in result.err
    assert not Path("instance").exists()


def test_a_rotation_is_one_command_and_shows_no_secret(command: Command, ring_file: Path, database: str) -> None:
    (old,) = names(command("keys", "list"))
    result = command("keys", "rotate")
    assert result.status == 0
    first, fresh = names(command("keys", "list"))
    assert first == old
    assert f"key {fresh} opens from now on and signs from " in result.out
    assert f"key {old} goes on opening" in result.out
    table = command("keys", "list").out
    assert re.search(rf"{old}  signs ", table)
    assert re.search(rf"{fresh}  signs from [-\d]+ [:\d]+ .*  now$", table, re.MULTILINE)
    ((kind, facts),) = audited(database)
    assert (kind, facts["key"]) == ("keys.rotated", fresh)
    for secret in (line.split()[0] for line in ring_file.read_text().splitlines()):
        assert secret not in result.out + result.err + table + str(facts)
    assert ring_file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_is_not_safe_is_reported_and_kept(command: Command, ring_file: Path) -> None:
    command("invites", "create", "open@example.org", "--print")
    command("keys", "rotate", "--in", "2")
    before = ring_file.read_text()
    name = names(command("keys", "list"))[0]
    result = command("keys", "drop", name)
    assert result.status == 1
    assert f"With key {name} (" in result.out
    assert "  invite links: at most 1 unused, the last of them good until " in result.out
    assert "  of open invitations: open@example.org. They can be sent again." in result.out
    assert "Safe to drop: " in result.out
    assert "drop it all the same with --yes" in result.err
    assert ring_file.read_text() == before


def test_a_key_is_dropped_with_yes_and_kept_aside(command: Command, ring_file: Path, database: str) -> None:
    command("keys", "rotate")
    old, fresh = names(command("keys", "list"))
    result = command("keys", "drop", old, "--yes")
    assert result.status == 0, result
    assert "no link and no session" in result.out
    assert f"key {old} is dropped" in result.out
    assert names(command("keys", "list")) == [fresh]
    assert [kind for kind, _ in audited(database)] == ["keys.rotated", "keys.dropped"]
    retired = ring_file.with_name("secret-keys.retired")
    assert len(retired.read_text().splitlines()) == 1
    assert retired.stat().st_mode & 0o777 == 0o600


def test_the_last_key_stays_but_in_an_emergency(command: Command, database: str) -> None:
    command("invites", "create", "open@example.org", "--print")
    (old,) = names(command("keys", "list"))
    assert "is the last one" in command("keys", "drop", old, "--yes").err
    result = command("keys", "drop", old, "--emergency")
    assert (result.status, result.err) == (0, "")
    (fresh,) = names(command("keys", "list"))
    assert fresh != old
    assert f"key {fresh} is new and signs from now on" in result.out
    assert f"With key {old} (signs) there has died:" in result.out
    assert "open@example.org" in result.out
    assert audited(database)[-1][1] == {"key": old, "emergency": True, "new": fresh}


def test_an_emergency_does_not_wait_for_the_store(command: Command, ring_file: Path, tmp_path: Path) -> None:
    (old,) = names(command("keys", "list"))
    lost = f"sqlite:///{tmp_path / 'lost.db'}"
    result = command("keys", "drop", old, "--emergency", database_url=lost)
    assert result.status == 1
    assert f"key {old} is dropped" in result.out
    assert "the key is dropped, but the store does not answer" in result.err
    assert names(command("keys", "list")) != [old]
    assert not (tmp_path / "lost.db").exists()


@pytest.mark.parametrize("flag", ["--yes", "--emergency"])
def test_a_key_that_is_not_in_the_ring_is_not_dropped(command: Command, flag: str) -> None:
    command("keys", "list")
    assert "there is no key deadbeef in the ring" in command("keys", "drop", "deadbeef", flag).refused


def test_a_ring_in_the_environment_is_rotated_by_hand_in_two_steps(command: Command, ring_file: Path) -> None:
    both = f"{OLD},{KEY}"
    result = command("keys", "rotate", secret_keys=both)
    assert result.status == 1
    assert "nothing was changed" in result.err
    assert OLD not in result.out + result.err
    assert KEY not in result.out + result.err
    accept, sign = re.findall(r"ACCOUNTS_SECRET_KEYS=(\S.*)$", result.out, re.MULTILINE)
    older, newer = (entry.key.name for entry in KeyRing([OLD, KEY]).entries)
    placed = {f"<1: {older}>": OLD, f"<2: {newer}>": KEY}
    for name, secret in placed.items():
        accept, sign = accept.replace(name, secret), sign.replace(name, secret)
    signing = names(command("keys", "list", secret_keys=both))[-1]
    assert re.search(rf"{signing}  signs ", command("keys", "list", secret_keys=accept).out)
    fresh = names(command("keys", "list", secret_keys=sign))[-1]
    assert re.search(rf"{fresh}  signs ", command("keys", "list", secret_keys=sign).out)
    assert sorted(names(command("keys", "list", secret_keys=accept))) == sorted(
        names(command("keys", "list", secret_keys=sign))
    )
    assert not ring_file.exists()


@pytest.mark.parametrize("flag", ["--yes", "--emergency"])
def test_a_key_in_the_environment_is_reported_and_left_to_the_operator(command: Command, flag: str) -> None:
    name = KeyRing([OLD]).signing.name
    result = command("keys", "drop", name, flag, secret_keys=f"{OLD},{KEY}")
    assert result.status == 1
    assert f"With key {name} (opens) there would die:" in result.out
    assert f"nothing was changed: take key {name} (1 of 2) out of ACCOUNTS_SECRET_KEYS" in result.err


@pytest.mark.parametrize("seconds", ["1", "-1", "soon", "9999999999"])
def test_a_wait_that_cannot_work_is_refused(command: Command, seconds: str, ring_file: Path) -> None:
    assert command("keys", "rotate", "--in", seconds).status == 2
    assert not ring_file.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_an_operator_who_is_root_leaves_the_ring_to_the_service(command: Command, ring_file: Path) -> None:
    command("keys", "list")
    os.chown(ring_file, 12345, 12345)
    assert command("keys", "rotate").status == 0
    assert ring_file.stat().st_uid == 12345


def test_a_lost_ring_is_refused_by_every_command_until_it_is_adopted(command: Command, ring_file: Path) -> None:
    assert command("upgrade").status == 0
    (old,) = names(command("keys", "list"))
    ring_file.unlink()
    for words in (("upgrade",), ("users", "list"), ("serve",), ("worker",), ("config", "check")):
        result = command(*words, port="0")
        assert result.status == 1
        (line,) = result.err.splitlines()
        assert line.startswith(f"accounts: there is no key ring at {ring_file}, and the database sqlite")
        assert not ring_file.exists()
    adopted = command("keys", "adopt", "--yes", "--json")
    assert adopted.status == 0, adopted
    (answer,) = adopted.json
    assert answer["invalid"] == [old]
    assert answer["keys"] == names(command("keys", "list"))
    assert command("upgrade").status == 0


def test_adopting_a_ring_asks_first(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    result = command("keys", "adopt")
    assert (result.status, result.out) == (1, "")
    assert "nothing was changed" in result.err


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no secret key"),
        ("\n \n", "there is no secret key"),
        ("kQ3v8Zt1mX7r\n", "a secret key is shorter than 32 bytes"),
        ("changeme-0123456789-abcdefghijklmnop\n", "a secret key looks like a sample"),
        (f"{KEY}\n{KEY}\n", "a secret key stands in the ring twice"),
        (f"{KEY} soon\n", "key 1 is not followed by the moment"),
        (f"{KEY} 1 2\n", "key 1 is not followed by the moment"),
        ("Schlüssel\n", "it is not text"),
    ],
)
def test_a_refusal_of_a_ring_file_names_it(command: Command, ring_file: Path, text: str, reason: str) -> None:
    ring_file.parent.mkdir(exist_ok=True)
    ring_file.write_text(text, encoding="utf-8")
    ring_file.chmod(0o600)
    for words in (("users", "list"), ("serve",), ("keys", "list")):
        refused = command(*words, port="0").refused
        assert str(ring_file) in refused
        assert reason in refused


def test_a_ring_file_that_others_can_read_is_named(command: Command, ring_file: Path) -> None:
    assert command("upgrade").status == 0
    ring_file.chmod(0o644)
    assert command("users", "list").refused == f"{ring_file} can be read by others; run: chmod 600 {ring_file}"
