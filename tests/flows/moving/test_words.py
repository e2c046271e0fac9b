"""What a cell says is understood or refused, never guessed: yes and no, moments, states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from accounts.flows.moving.check_rows import ImportableRow
from accounts.flows.moving.rows import RefusedRow
from tests.flows.moving.files import Read, write_lines


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def read_one(read: Read, path: Path, row: dict[str, Any], **how: Any) -> ImportableRow | RefusedRow:
    (found,) = read(write_lines(path / "one.json", [{"email": "a@example.org", **row}]), **how)
    return found


NO_WORDS = [
    "FAUX", "falso",
    "FALSCH", "falsch", "nein", "Nein", "None", "\\N", "NULL", "NaN", "NaT", "nil", "0000-00-00 00:00:00",
    "0000-00-00",
    "-", "N/A", "(null)", "undefined", "0.0", "00", "never", "unconfirmed", "pending", "#N/A", "<null>", "null", "",
    "  ", "off", "0", "F", "n", "0001-01-01T00:00:00Z", "0001-01-01 00:00:00", "1970-01-01T00:00:00Z", "b'0'",
    "\\x00",
    "<NA>", "#NV", "[NULL]", "—", "1601-01-01T00:00:00Z", "1970-01-01 01:00:00+01:00",
]  # fmt: skip
UNKNOWN_WORDS = [
    "onwaar", "maybe", "2", "-1", "TRUE?", "yes please", "x", "9999-01-01", "31.12.2020", "soon",
    "1e9",
    "12345", "no way", "✓", "tru", "2020-13-40", "infinity", "[]", "{}",
]  # fmt: skip
YES_WORDS = [
    "true", "TRUE", "T", "1", "1.0", "yes", "Y", "on", "WAHR", "ja", "J", "vrai", "sí", "verified",
    "Confirmed", "b'1'",
    "2020-01-01",
    "2020-02-01T10:00:00Z", "2020-02-01 10:00:00 UTC", "2020-02-01 10:00:00.123456+00", "1580000000", "1580000000000",
    "1580000000000000", "20200201100000Z", "20200201100000.0Z",
]  # fmt: skip


@pytest.mark.parametrize("column", ["confirmed", "email_verified_at", "Email Verified", "emailVerified"])
@pytest.mark.parametrize("confirmed", [False, True], ids=["silent", "--confirmed"])
def test_a_word_is_a_known_yes_or_a_known_no_or_refuses_its_row(
    read: Read, tmp_path: Path, column: str, confirmed: bool
) -> None:
    words = [*NO_WORDS, *UNKNOWN_WORDS, *YES_WORDS]
    rows = "".join(f"u{number}@example.org;{word}\n" for number, word in enumerate(words))
    found = read(write(tmp_path / "yesno.csv", f"email;{column}\n{rows}"), confirmed=confirmed)
    told = {
        word: each.code if isinstance(each, RefusedRow) else "ready" for word, each in zip(words, found, strict=True)
    }
    assert told == {
        **dict.fromkeys(NO_WORDS, "unconfirmed"), **dict.fromkeys(UNKNOWN_WORDS, "record"),
        **dict.fromkeys(YES_WORDS, "ready"),
    }  # fmt: skip
    reasons = [each.reason for each in found if isinstance(each, RefusedRow) and each.code == "record"]
    assert reasons == [f"{column}: what is {word}?" for word in UNKNOWN_WORDS]


@pytest.mark.parametrize("value", [None, False, 0, "", 0.0])
def test_a_no_of_json_is_one(read: Read, tmp_path: Path, value: object) -> None:
    found = read_one(read, tmp_path, {"email_verified": value}, confirmed=True)
    assert isinstance(found, RefusedRow)
    assert found.code == "unconfirmed"


@pytest.mark.parametrize("value", [[], {}, [True], {"a": 1}, 2, 1.5])
def test_a_value_of_another_shape_is_asked_about(read: Read, tmp_path: Path, value: object) -> None:
    found = read_one(read, tmp_path, {"email_verified": value}, confirmed=True)
    assert isinstance(found, RefusedRow)
    assert (found.code, found.email) == ("record", "a@example.org")
    assert found.reason.startswith("email_verified: what is ")


OFF: list[dict[str, Any]] = [
    {"blocked": True}, {"banned_until": "2999-01-01T00:00:00Z"}, {"suspended": True}, {"disabled": True},
    {"locked_at": "2024-01-01 00:00:00"}, {"status": "DEPROVISIONED"}, {"status": "SUSPENDED"},
    {"status": "LOCKED_OUT"}, {"Blocked": "true"}, {"is_banned": "1"}, {"suspended_till": "2999-01-01"},
    {"LockoutEnd": "9999-12-31T23:59:59.9999999+00:00"}, {"nsAccountLock": "TRUE"}, {"userAccountControl": "514"},
    {"enabled": "FALSCH"}, {"active": ""}, {"Status [READ ONLY]": "Suspended"}, {"deactivated_at": "2020-01-01"},
    {"UserStatus": "ARCHIVED"}, {"banned_until": "infinity"}, {"gesperrt": "ja"}, {"status": "gesperrt"},
    {"active": "inactive"}, {"accountNonLocked": "false"}, {"user_status": "1"}, {"suspended_at": 1700000000},
    {"status": "active", "blocked": "1"}, {"status": "inactive", "active": "1"}, {"profile": {"status": "SUSPENDED"}},
]  # fmt: skip


@pytest.mark.parametrize("state", OFF, ids=str)
def test_whoever_was_blocked_there_comes_in_disabled(read: Read, tmp_path: Path, state: dict[str, Any]) -> None:
    found = read_one(read, tmp_path, {"email_verified": True, **state})
    assert isinstance(found, ImportableRow), found
    assert not found.active


ON: list[dict[str, Any]] = [
    {"blocked": False}, {"banned_until": "2020-01-01T00:00:00Z"}, {"banned_until": None}, {"deleted_at": "\\N"},
    {"status": "ACTIVE"}, {"status": "PASSWORD_EXPIRED"}, {"status": "RECOVERY"}, {"status": ""}, {"locked_at": ""},
    {"UserStatus": "CONFIRMED"}, {"userAccountControl": 512}, {"LockoutEnd": "NULL", "LockoutEnabled": "1"},
    {"Status [READ ONLY]": "Active"}, {"active": "WAHR"}, {"deleted": "0", "spam": "0", "user_status": "0"},
    {"status": "aktiv"}, {"suspended_till": "0000-00-00 00:00:00"}, {"phone_verified": "false"},
]  # fmt: skip


@pytest.mark.parametrize("state", ON, ids=str)
def test_whoever_was_not_blocked_comes_in_active(read: Read, tmp_path: Path, state: dict[str, Any]) -> None:
    found = read_one(read, tmp_path, {"email_verified": True, **state})
    assert isinstance(found, ImportableRow), found
    assert found.active


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"deleted_at": "2024-05-05 00:00:00"}, "deleted"),
        ({"deleted": 1}, "deleted"),
        ({"status": "deleted"}, "deleted"),
        ({"is_deleted": "ja", "blocked": "true"}, "deleted"),
        ({"status": "STAGED"}, "unconfirmed"),
        ({"status": "PROVISIONED"}, "unconfirmed"),
        ({"UserStatus": "UNCONFIRMED"}, "unconfirmed"),
        ({"UserStatus": "FORCE_CHANGE_PASSWORD"}, "unconfirmed"),
        ({"status": "pending"}, "unconfirmed"),
        ({"status": "gold"}, "record"),
        ({"status": "1"}, "record"),
        ({"blocked": "perhaps"}, "record"),
        ({"banned_until": "next week"}, "record"),
        ({"active": "gone"}, "record"),
        ({"deleted_at": "31/12/2020"}, "record"),
        ({"userAccountControl": "NORMAL"}, "record"),
        ({"pwdAccountLockedTime": "000001010000Z"}, "record"),
        ({"Email": "b@example.org"}, "record"),
        ({"Email_Verified": False}, "record"),
    ],
    ids=str,
)
def test_whoever_is_gone_or_not_understood_does_not_come_in(
    read: Read, tmp_path: Path, state: dict[str, Any], code: str
) -> None:
    found = read_one(read, tmp_path, {"email_verified": True, **state}, confirmed=True)
    assert isinstance(found, RefusedRow)
    assert found.code == code
