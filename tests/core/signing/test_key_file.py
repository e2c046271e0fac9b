"""The ring in a file that several processes share: who signs when, who notices what, and what a slip costs."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest
import time_machine

from accounts.config_sources import SettingsError
from accounts.core.errors import Conflict
from accounts.core.link_kinds.parts import Subject
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.models.account import Account
from accounts.core.signing.key_file import RELOAD_INTERVAL_SECONDS, FileKeyRing
from accounts.core.signing.keys import KeyRing, new_key, signing_entry
from accounts.core.signing.token_kind import BadToken
from accounts.core.signing.tokens import TokenSigner
from accounts.flows.account.reset_password import RESET
from tests.core.sites import ISSUER
from tests.kit.concurrency import run_concurrently


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "instance" / "secret-keys"


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))
    path.chmod(0o600)


def names(ring: KeyRing) -> list[str]:
    return [entry.key.name for entry in ring.entries]


def secrets_in(path: Path) -> list[str]:
    return [line.split()[0] for line in path.read_text().splitlines()]


def from_now(seconds: int) -> int:
    return int(time.time()) + seconds


def test_a_first_start_makes_a_ring_of_one_key_that_signs(path: Path) -> None:
    ring = FileKeyRing(path)
    assert len(ring) == 1
    assert [ring.signing.secret.decode()] == secrets_in(path)
    assert [file.name for file in path.parent.iterdir()] == ["secret-keys"]


def test_the_newest_key_whose_time_has_come_signs_and_all_open(path: Path) -> None:
    keys = [new_key() for _ in range(4)]
    write(path, keys[0], f"{keys[1]} {from_now(-9)}", f"{keys[2]} {from_now(60)}", f"{keys[3]} {from_now(90)}")
    ring = FileKeyRing(path)
    assert ring.signing.secret.decode() == keys[1]
    assert [key.secret.decode() for key in ring.newest_first()] == keys[::-1]


def test_a_key_begins_to_sign_when_its_time_comes_though_nobody_touches_the_file(
    path: Path, stopped_clock: time_machine.Traveller
) -> None:
    write(path, new_key(), f"{new_key()} {from_now(2)}")
    ring = FileKeyRing(path)
    first, second = (entry.key for entry in ring.entries)
    assert ring.signing == first
    stopped_clock.shift(2)
    assert ring.signing == second


def test_where_no_time_has_come_the_oldest_key_signs(path: Path) -> None:
    write(path, f"{new_key()} {from_now(60)}", f"{new_key()} {from_now(50)}")
    ring = FileKeyRing(path)
    assert ring.signing == ring.entries[0].key


@pytest.mark.parametrize("rest", ["soon", "1 2", "-5", "1.5", "9" * 12, "٣"])
def test_a_line_with_anything_but_a_moment_is_refused_without_showing_the_key(path: Path, rest: str) -> None:
    first, second = new_key(), new_key()
    path.parent.mkdir()
    path.write_text(f"{first}\n{second} {rest}\n", encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(SettingsError, match=r"key 2 is not followed|not text") as refused:
        FileKeyRing(path)
    assert first not in str(refused.value)
    assert second not in str(refused.value)


@pytest.mark.usefixtures("stopped_clock")
def test_a_rotation_adds_a_key_that_opens_now_and_signs_later(path: Path) -> None:
    ring = FileKeyRing(path)
    old = ring.signing
    fresh = ring.add(60)
    assert [entry.key for entry in ring.entries] == [old, fresh.key]
    assert ring.signing == old
    assert fresh.signs_from == from_now(60)
    assert path.stat().st_mode & 0o777 == 0o600


def test_rotations_at_once_lose_no_key(path: Path) -> None:
    FileKeyRing(path)
    fresh = run_concurrently(8, lambda number: FileKeyRing(path).add(60))
    assert sorted(names(FileKeyRing(path))[1:]) == sorted(entry.key.name for entry in fresh)
    assert [file.name for file in path.parent.iterdir()] == ["secret-keys"], "no draft is left"


def test_whoever_reads_while_the_ring_changes_reads_a_whole_one(path: Path) -> None:
    first = FileKeyRing(path).signing

    def work(number: int) -> None:
        for _ in range(20):
            if number:
                assert FileKeyRing(path).entries[0].key == first
            else:
                FileKeyRing(path).add(60)

    run_concurrently(4, work)
    assert len(FileKeyRing(path)) == 21


def test_another_process_notices_a_change_within_a_second(path: Path) -> None:
    one, other = FileKeyRing(path), FileKeyRing(path)
    fresh = one.add(0)
    time.sleep(RELOAD_INTERVAL_SECONDS + 0.1)
    assert other.signing == fresh.key


def test_another_process_looks_again_before_it_refuses_a_token(path: Path) -> None:
    one, other = FileKeyRing(path), FileKeyRing(path)
    one.add(0)
    token = TokenSigner(one, ISSUER).sign_payload("session", 1, "said")
    assert TokenSigner(other, ISSUER).verify_payload("session", 1, token).payload == "said"


def test_what_a_dropped_key_has_signed_is_dead_in_every_process_within_a_second(path: Path) -> None:
    one, other = FileKeyRing(path), FileKeyRing(path)
    old = one.signing
    token = TokenSigner(one, ISSUER).sign_payload("session", 1, "said")
    one.add(0)
    one.drop(old)
    with pytest.raises(BadToken, match="no key of the ring"):
        TokenSigner(one, ISSUER).verify_payload("session", 1, token)
    time.sleep(RELOAD_INTERVAL_SECONDS + 0.1)
    with pytest.raises(BadToken, match="no key of the ring"):
        TokenSigner(other, ISSUER).verify_payload("session", 1, token)


def test_a_dropped_key_is_known_still_and_opens_nothing(path: Path) -> None:
    ring = FileKeyRing(path)
    old = ring.signing
    ring.add(0)
    ring.drop(old)
    for each in (ring, FileKeyRing(path)):
        assert each.retired() == (old,)
        assert old not in list(each.newest_first())
        assert each.signing != old
    retired = path.with_name("secret-keys.retired")
    assert secrets_in(retired) == [old.secret.decode()]
    assert retired.stat().st_mode & 0o777 == path.stat().st_mode & 0o777 == 0o600


def test_the_last_key_stays_unless_a_fresh_one_may_take_its_place(path: Path) -> None:
    ring = FileKeyRing(path)
    old = ring.signing
    with pytest.raises(Conflict, match="is the last one"):
        ring.drop(old)
    assert ring.signing == old
    fresh = ring.drop(old, allow_last=True)
    assert fresh is not None
    assert ring.signing == fresh.key != old
    assert ring.retired() == (old,)


def test_of_two_who_drop_the_last_two_keys_at_once_one_is_refused(path: Path) -> None:
    FileKeyRing(path).add(0)
    keys = [entry.key for entry in FileKeyRing(path).entries]

    def drop(number: int) -> str:
        try:
            FileKeyRing(path).drop(keys[number])
        except Conflict:
            return "refused"
        return "dropped"

    assert sorted(run_concurrently(2, drop)) == ["dropped", "refused"]
    assert len(FileKeyRing(path)) == 1


def test_a_key_is_dropped_once(path: Path) -> None:
    ring = FileKeyRing(path)
    old = ring.signing
    ring.add(0)
    ring.drop(old)
    with pytest.raises(Conflict, match="not in the ring any more"):
        ring.drop(old)


def test_a_drop_that_was_cut_off_half_way_can_be_done_again(path: Path) -> None:
    ring = FileKeyRing(path)
    old = ring.signing
    ring.add(0)
    whole = path.read_text()
    ring.drop(old)
    write(path, *whole.splitlines())
    again = FileKeyRing(path)
    assert again.retired() == (), "what is in the ring is not retired"
    again.drop(old)
    assert again.retired() == (old,)


@pytest.mark.parametrize("slip", ["empty", "short key", "twice", "for all to read", "gone", "no text"])
def test_a_slip_in_the_file_leaves_the_ring_as_it_was_and_is_complained_of_once(
    path: Path, slip: str, caplog: pytest.LogCaptureFixture
) -> None:
    ring = FileKeyRing(path)
    before, good = ring.entries, path.read_text()
    match slip:
        case "empty":
            write(path)
        case "short key":
            write(path, good.strip(), "short")
        case "twice":
            write(path, good.strip(), good.strip())
        case "for all to read":
            path.chmod(0o644)
        case "gone":
            path.unlink()
        case "no text":
            path.write_bytes(b"\xff\xfe" * 40)
    with caplog.at_level(logging.WARNING, "accounts.keys"):
        for _ in range(3):
            list(ring.newest_first())
    assert ring.entries == before
    assert len(caplog.records) == 1
    assert "stays as it was" in caplog.text
    assert good.strip() not in caplog.text
    write(path, good.strip(), new_key())
    list(ring.newest_first())
    assert len(ring) == 2


def test_a_file_that_others_could_read_is_taken_again_once_that_is_mended(path: Path) -> None:
    ring = FileKeyRing(path)
    write(path, *path.read_text().splitlines(), new_key())
    path.chmod(0o644)
    list(ring.newest_first())
    assert len(ring) == 1
    path.chmod(0o600)
    list(ring.newest_first())
    assert len(ring) == 2


def test_a_ring_that_cannot_be_changed_says_where_and_why(path: Path) -> None:
    ring = FileKeyRing(path)
    path.rename(path.with_name("kept"))
    path.mkdir()
    with pytest.raises(SettingsError, match=f"cannot keep the key ring at {path}"):
        ring.add(60)


def test_retired_keys_that_cannot_be_read_stop_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ring = FileKeyRing(path)
    write(path.with_name("secret-keys.retired"), "short")
    assert ring.retired() == ()
    assert "retired keys cannot be read" in caplog.text


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_ring_that_root_changes_for_a_service_stays_the_services_own(path: Path) -> None:
    ring = FileKeyRing(path)
    os.chown(path, 12345, 12345)
    old = ring.signing
    ring.add(0)
    ring.drop(old)
    for file in (path, path.with_name("secret-keys.retired")):
        assert (file.stat().st_uid, file.stat().st_gid) == (12345, 12345)
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "ring"
    FileKeyRing(real)
    path.parent.mkdir()
    path.symlink_to(real)
    FileKeyRing(path).add(60)
    assert path.is_symlink()
    assert len(FileKeyRing(real)) == 2


def test_a_link_is_signed_whole_by_the_key_that_was_named_for_it(path: Path) -> None:
    ring = FileKeyRing(path)
    old = ring.signing
    ring.add(0)
    assert ring.signing != old
    signer = LinkSigner(TokenSigner(ring, ISSUER), ISSUER, {})
    account = Account(id="a" * 16, password_hash="x", email_key="a@b.example", auth_epoch=1, sign_in_serial=0)
    subject = Subject(account.id, account)
    sentence = signer.verify(RESET, signer.sign(RESET, subject, key=old))
    assert sentence.signed_token.key == old
    assert signer.moved_parts(sentence, subject) == ()


def test_the_ring_of_the_environment_has_its_last_key_sign_and_nothing_retired() -> None:
    keys = [new_key(), new_key()]
    ring = KeyRing(keys)
    assert signing_entry(ring.entries).key.secret.decode() == keys[1]
    assert ring.retired() == ()
