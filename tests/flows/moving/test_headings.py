"""What a file has is understood or refused, never passed over: headings, nested columns, encodings."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from accounts.flows.moving.check_rows import ImportableRow
from accounts.flows.moving.rows import FileRefused, RefusedRow
from tests.flows.moving.files import BCRYPT, Read, codes, ready, write_json, write_lines


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def read_one(read: Read, path: Path, row: dict[str, Any], **how: Any) -> ImportableRow | RefusedRow:
    (found,) = read(write_lines(path / "one.json", [{"email": "a@example.org", **row}]), **how)
    return found


SPELLINGS = [
    "email_verified", "Email Verified", "EMAIL_VERIFIED", "emailVerified", "EmailVerified", "E-Mail-Verified",
    "email-verified", "Email Verified [READ ONLY]", "email verified (yes/no)", " Email  Verified: ", "EmailConfirmed",
    "email_confirmed_at", "email_verified_at", "Verified", "is_verified", "IsEmailConfirmed", "Bestätigt",
]  # fmt: skip


@pytest.mark.parametrize("heading", SPELLINGS)
def test_no_option_overrides_a_column_that_says_no_in_any_spelling(read: Read, tmp_path: Path, heading: str) -> None:
    path = write(
        tmp_path / "users.csv", f"Email,{heading}\neve@example.org,false\nann@example.org,true\nbob@example.org\n"
    )
    assert codes(read(path, confirmed=True)) == [(2, "unconfirmed"), (3, "ready"), (4, "unconfirmed")]
    with pytest.raises(FileRefused, match="never ignored"):
        read(path, confirmed=True, ignored_columns=(heading,))


def test_one_no_of_several_columns_is_enough(read: Read, tmp_path: Path) -> None:
    """Supabase's confirmed_at is set by a telephone number, too."""
    rows = [{"email": "a@example.org", "email_confirmed_at": None, "confirmed_at": "2020-01-01"},
            {"email": "b@example.org", "email_verified": True}, {"email": "c@example.org"}]  # fmt: skip
    found = read(write_lines(tmp_path / "users.json", rows), confirmed=True)
    assert codes(found) == [(1, "unconfirmed"), (2, "ready"), (3, "unconfirmed")]


@pytest.mark.parametrize(
    "heading",
    ["passwordHash", "PasswordHash", "user_pass", "userPassword", "encrypted_password", "Password Hash",
     "hashed_password", "PASSWORD", "password_digest", "pw_hash", "Passwort", "passwd"],
)  # fmt: skip
def test_a_hash_is_found_under_any_of_its_names(read: Read, tmp_path: Path, heading: str) -> None:
    found = read_one(read, tmp_path, {"email_verified": True, heading: BCRYPT["stored"]})
    assert isinstance(found, ImportableRow)
    assert found.password_hash == BCRYPT["stored"]


SUSPICIOUS = {
    "secret_password_field": "x", "credential_blob": "x", "pwd2": "x", "Salt": "abc", "mystery": BCRYPT["stored"],
    "notes": "{SSHA}sly3OVgKK7A+v4OEEh3coAdBnMuAMAZA", "double opt-in confirmed": "no", "optIn": "no",
    "verification": "none", "account lock": "yes", "LoginDisabled": "yes", "State": "CA", "Zustand": "gesperrt",
    "membership_status": "cancelled", "isActiveMember": "0", "was_banned_by": "bob", "approved": "false",
    "old_hash": "x",
    "suspension_ends": "2999-01-01",
}  # fmt: skip


@pytest.mark.parametrize("heading", SUSPICIOUS)
def test_a_column_that_looks_as_if_it_mattered_stops_the_import_until_it_is_named(
    read: Read, tmp_path: Path, heading: str
) -> None:
    path = write_lines(tmp_path / "users.json", [
        {"email": "a@example.org", "email_verified": True},
        {"email": "b@example.org", "email_verified": True, heading: SUSPICIOUS[heading]},
    ])  # fmt: skip
    with pytest.raises(FileRefused, match="--ignore-column NAME") as caught:
        read(path)
    assert heading in str(caught.value)
    assert [code for _, code in codes(read(path, ignored_columns=(heading.upper(),)))] == ["ready", "ready"]


def test_other_columns_do_not_stop_it_and_a_wrong_name_does(read: Read, tmp_path: Path) -> None:
    heading = "email,confirmed,blockchain,hashtag,Urban area,Statement,reset_password_token"
    path = write(tmp_path / "users.csv", f"{heading}\na@example.org,1,x,x,x,x,x\n")
    assert ready(read(path)).active
    with pytest.raises(FileRefused, match="--ignore-column blokchain: there is no such column"):
        read(path, ignored_columns=("blokchain",))


def test_a_state_may_be_left_out_by_its_name(read: Read, tmp_path: Path) -> None:
    found = read_one(read, tmp_path, {"email_verified": True, "status": "gold"}, ignored_columns=("Status",))
    assert isinstance(found, ImportableRow)


TABLE = "email;name;confirmed\nzoe@example.org;Zoë Müller–Groß;ja\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TABLE, "utf-8"),
        (TABLE, "utf-8-sig"),
        (TABLE, "cp1252"),
        (TABLE.replace(";", "\t"), "utf-16"),
        (TABLE.replace(";", "\t"), "utf-16-le"),
        (TABLE, "utf-16-be"),
        ("sep=;\r\n" + TABLE.replace("\n", "\r\n"), "utf-8"),
        ("sep=|\r\n" + TABLE.replace(";", "|"), "cp1252"),
        (TABLE.replace("\n", "\r"), "utf-8"),
        (TABLE.replace(";", ","), "utf-8"),
        ("\n\n" + TABLE, "utf-8"),
        ('"email";"name";"confirmed"\n"zoe@example.org";"Zoë Müller–Groß";"ja"', "cp1252"),
        ('{"email":"zoe@example.org","name":"Zoë Müller–Groß","confirmed":true}\n', "utf-16"),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "json", "ndjson", "txt"])
def test_a_file_is_read_however_it_was_saved_and_whatever_it_is_called(
    read: Read, tmp_path: Path, text: str, encoding: str, suffix: str
) -> None:
    found = ready(read(write(tmp_path / f"users.{suffix}", text, encoding)))
    assert (found.address.email, found.name) == ("zoe@example.org", "Zoë Müller–Groß")


def test_a_row_with_lost_letters_or_zero_bytes_is_refused(read: Read, tmp_path: Path) -> None:
    raw = b"email,name,confirmed\na@example.org,A\x00nn,1\nb@example.org,B\x81b,1\nc@example.org,C\xe4c,1\n"
    path = tmp_path / "users.csv"
    path.write_bytes(raw)
    assert codes(read(path)) == [(2, "record"), (3, "record"), (4, "ready")]


@pytest.mark.parametrize("source", ["plain", "keycloak"])
def test_a_list_of_realms_is_told(read: Read, tmp_path: Path, source: str) -> None:
    realm = {"realm": "x", "users": [{"email": "a@example.org", "emailVerified": True}]}
    with pytest.raises(FileRefused, match="this is a list of"):
        read(write_json(tmp_path / "realms.json", [realm, {**realm, "realm": "y"}]), source)
    assert ready(read(write_json(tmp_path / "realm.json", realm), source)).active


def test_exports_of_other_systems_are_read_as_they_come(read: Read, tmp_path: Path) -> None:
    profile = {"firstName": "Anna", "lastName": "Berg", "email": "a@example.org", "login": "a@example.org"}
    okta = {"id": "1", "status": "ACTIVE", "created": "2020-01-01T00:00:00Z", "lastLogin": None, "profile": profile}
    cognito = {"Username": "x", "UserStatus": "CONFIRMED", "Enabled": True, "Attributes": [
        {"Name": "email", "Value": "a@example.org"}, {"Name": "email_verified", "Value": "true"},
        {"Name": "given_name", "Value": "Anna"}, {"Name": "family_name", "Value": "Berg"}]}  # fmt: skip
    scim = {"userName": "x", "active": True, "name": {"givenName": "Anna", "familyName": "Berg"},
            "emails": [{"value": "no@example.org"}, {"value": "a@example.org", "primary": True}]}  # fmt: skip
    stored = {"algorithm": "bcrypt", "hash": {"value": BCRYPT["stored"]}}
    auth0 = {"email": "a@example.org", "email_verified": True, "blocked": False, "given_name": "Anna",
             "family_name": "Berg", "custom_password_hash": stored}  # fmt: skip
    documents = ([okta], {"Users": [cognito]}, {"Resources": [scim]}, [auth0])
    paths = [write_json(tmp_path / f"{number}.json", document) for number, document in enumerate(documents)]
    found = [ready(read(path, confirmed=True)) for path in paths]
    assert {(row.address.email, row.name, row.active) for row in found} == {("a@example.org", "Anna Berg", True)}
    assert [row.password_hash for row in found] == [None, None, None, BCRYPT["stored"]]


def test_what_a_person_typed_into_a_profile_does_not_outdo_the_record(read: Read, tmp_path: Path) -> None:
    row = {"email_verified": False, "profile": {"email": "b@example.org", "email_verified": True}}
    found = read_one(read, tmp_path, row, confirmed=True)
    assert isinstance(found, RefusedRow)
    assert (found.code, found.email) == ("unconfirmed", "a@example.org")


def test_an_ldap_password_is_decoded(read: Read, tmp_path: Path) -> None:
    encoded = "e1NTSEF9c2x5M09WZ0tLN0ErdjRPRUVoM2NvQWRCbk11QU1BWkE="
    found = read_one(read, tmp_path, {"email_verified": 1, "userPassword": encoded})
    assert isinstance(found, ImportableRow)
    assert (found.password_hash, found.hash_format) == ("{SSHA}sly3OVgKK7A+v4OEEh3coAdBnMuAMAZA", "SSHA")


@pytest.mark.parametrize("nothing", ["\\N", "NULL", "****", "!", "*", "", "None"])
def test_what_stands_for_no_password_is_none(read: Read, tmp_path: Path, nothing: str) -> None:
    found = read_one(read, tmp_path, {"email_verified": 1, "password": nothing})
    assert isinstance(found, ImportableRow)
    assert found.password_hash is None


def test_a_pipe_is_read_twice_all_the_same(read: Read) -> None:
    reading, writing = os.pipe()
    os.write(writing, json.dumps({"email": "a@example.org", "confirmed": True}).encode())
    os.close(writing)
    try:
        assert ready(read(Path(f"/dev/fd/{reading}"))).address.email == "a@example.org"
    finally:
        os.close(reading)
