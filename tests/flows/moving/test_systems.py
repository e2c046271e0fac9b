"""What the files of each system say of an account."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from accounts.flows.moving.check_rows import ImportableRow
from accounts.flows.moving.rows import FileRefused, RefusedRow
from tests.flows.moving.files import (
    KEYCLOAK,
    Read,
    codes,
    django_dump,
    ready,
    stored,
    write_csv,
    write_json,
    write_lines,
)


def test_devise(read: Read, tmp_path: Path) -> None:
    vector = stored("devise$")
    plain = vector["stored"].removeprefix("devise")
    path = write_csv(tmp_path / "users.csv", [{"email": "a@example.org", "encrypted_password": plain,
                     "confirmed_at": "2020-01-01 00:00:00.123", "last_sign_in_at": "2021-01-01"}])  # fmt: skip
    assert ready(read(path, "devise")).hash_format == "bcrypt 2a"
    found = ready(read(path, "devise", secrets={"devise_pepper": vector["devise_pepper"]}))
    assert (found.password_hash, found.hash_format) == (vector["stored"], "Devise bcrypt with pepper")
    assert found.last_sign_in_at == datetime(2021, 1, 1, tzinfo=UTC)


def test_flask_security_needs_its_salt(read: Read, tmp_path: Path) -> None:
    vector = stored("flask-security$argon2id")
    row = {"email": "a@example.org", "password": vector["stored"].removeprefix("flask-security"), "active": "1",
           "confirmed_at": "2020-01-01", "roles": "editor"}  # fmt: skip
    path = write_csv(tmp_path / "users.csv", [row])
    found = read(path, "flask-security")
    assert codes(found) == [(2, "secret")]
    assert isinstance(found[0], RefusedRow)
    assert found[0].reason == "its hash needs ACCOUNTS_FLASK_SECURITY_SALT"
    with_salt = ready(read(path, "flask-security", secrets={"flask_security_salt": vector["flask_security_salt"]}))
    assert (with_salt.password_hash, with_salt.groups) == (vector["stored"], ("editor",))


def test_firebase_as_json_and_as_csv(read: Read, tmp_path: Path) -> None:
    vector = stored("firebase$")
    _, _, _, _, salt, value = vector["stored"].split("$")
    user = {"localId": "x", "email": "a@example.org", "emailVerified": True, "passwordHash": value, "salt": salt,
            "displayName": "Anna", "lastSignedInAt": "1600000000000", "createdAt": "1500000000000", "disabled": False,
            "customAttributes": '{"editor": true, "level": 3}', "providerUserInfo": []}  # fmt: skip
    secrets = {"firebase_signer_key": vector["firebase_signer_key"]}
    as_json = ready(read(write_json(tmp_path / "users.json", {"users": [user]}), "firebase", secrets=secrets))
    cells = ["x", "a@example.org", "true", value, salt, "Anna", *[""] * 17, "1500000000000", "1600000000000", "",
             "false", '"{""editor"": true, ""level"": 3}"', ""]  # fmt: skip
    path = tmp_path / "users.csv"
    path.write_text(",".join(cells) + "\n", encoding="utf-8")
    as_csv = ready(read(path, "firebase", secrets=secrets))
    for found in (as_json, as_csv):
        assert (found.password_hash, found.hash_format) == (vector["stored"], "Firebase scrypt")
        assert (found.name, found.groups, found.active) == ("Anna", ("editor",), True)
        assert found.created_at == datetime(2017, 7, 14, 2, 40, tzinfo=UTC)
    assert codes(read(path, "firebase")) == [(1, "secret")]


def test_keycloak(read: Read, tmp_path: Path) -> None:
    users = [
        {"id": "1", "username": f"u{n}", "email": f"u{n}@example.org", "emailVerified": True, "enabled": True,
         "firstName": "Anna", "lastName": "Berg", "createdTimestamp": 1500000000000,
         "credentials": [each["keycloak"]],
         "realmRoles": ["default-roles-x", "offline_access", "writer"], "groups": ["/staff", "/staff/night"],
         "attributes": {"locale": ["de"]}}
        for n, each in enumerate(KEYCLOAK)
    ]  # fmt: skip
    users += [
        {"username": "service-account-x", "serviceAccountClientId": "x"},
        {"username": "b", "email": "b@example.org", "emailVerified": False, "enabled": True},
        {"username": "c", "email": "c@example.org", "emailVerified": True, "enabled": False, "credentials": [
            {"type": "otp", "secretData": "{}", "credentialData": "{}"}]},
        {"username": "d", "email": "d@example.org", "emailVerified": True, "credentials": [
            {"type": "password", "secretData": "{", "credentialData": "{}"}]},
    ]  # fmt: skip
    found = read(write_json(tmp_path / "realm.json", {"realm": "x", "roles": {}, "users": users}), "keycloak")
    assert [code for _, code in codes(found)] == ["ready", "ready", "ready", "unconfirmed", "ready", "hash"]
    for each, vector in zip(found, KEYCLOAK, strict=False):
        assert isinstance(each, ImportableRow)
        assert (each.name, each.locale, each.groups) == ("Anna Berg", "de", ("staff", "writer"))
        assert each.hash_format in ("pbkdf2-sha256", "argon2id", "bcrypt 2b"), vector["made_by"]
    disabled = found[4]
    assert isinstance(disabled, ImportableRow)
    assert (disabled.active, disabled.hash_format) == (False, "no password")


def test_django_dump(read: Read, tmp_path: Path) -> None:
    users: list[dict[str, Any]] = [
        {"groups": [7], "is_superuser": True, "first_name": "Anna", "last_name": "Berg"},
        {"password": "!unusable"},
        {"is_active": False},
        {"is_active": False, "last_login": None},
        {"groups": [["editors"]], "email": ""},
    ]
    group = {"model": "auth.group", "pk": 7, "fields": {"name": "editors", "permissions": []}}
    others: list[dict[str, Any]] = [group, {"model": "sessions.session", "pk": "x", "fields": {}}]
    path = write_json(tmp_path / "dump.json", django_dump(users, others))
    found = read(path, "django", confirmed=True, groups={"is_superuser": "admins"})
    assert [code for _, code in codes(found)] == ["ready", "ready", "ready", "unconfirmed", "address"]
    first, second, third, *_ = found
    assert isinstance(first, ImportableRow)
    assert isinstance(second, ImportableRow)
    assert isinstance(third, ImportableRow)
    assert (first.name, first.groups, first.hash_format) == (
        "Anna Berg", ("editors", "admins"), "Django pbkdf2_sha256")  # fmt: skip
    assert (second.password_hash, third.active) == (None, False)
    assert first.created_at == datetime(2020, 1, 1, tzinfo=UTC)
    assert {code for _, code in codes(read(path, "django"))} == {"unconfirmed", "address"}


def test_django_knows_from_allauth_who_has_confirmed(read: Read, tmp_path: Path) -> None:
    addresses = [
        {"model": "account.emailaddress", "pk": number, "fields": {
            "user": number, "email": f"User{number}@example.org", "verified": number == 1, "primary": True}}
        for number in (1, 2)
    ]  # fmt: skip
    path = write_json(tmp_path / "dump.json", django_dump([{}, {}, {}], addresses))
    found = read(path, "django", confirmed=True)
    assert [code for _, code in codes(found)] == ["ready", "unconfirmed", "unconfirmed"]


def test_django_as_a_table(read: Read, tmp_path: Path) -> None:
    row = {"email": "a@example.org", "password": "!x", "is_active": "0", "last_login": ""}
    assert codes(read(write_csv(tmp_path / "auth_user.csv", [row]), "django", confirmed=True)) == [(2, "unconfirmed")]


def test_werkzeug(read: Read, tmp_path: Path) -> None:
    row = {"email": "a@example.org", "password": stored("scrypt:")["stored"]}
    assert ready(read(write_csv(tmp_path / "users.csv", [row]), "werkzeug", confirmed=True)).hash_format == (
        "Werkzeug scrypt"
    )


def test_a_source_that_is_not_known_is_refused(read: Read, tmp_path: Path) -> None:
    with pytest.raises(FileRefused, match="no such source: auth0"):
        read(tmp_path / "x", "auth0")
    with pytest.raises(FileRefused, match="cannot read"):
        read(tmp_path / "x")


ODD: list[Any] = [5, "x", [], [5], {}, {"a": []}, True, None, 1e300, [[]], [{}]]


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("source", ["plain", "django", "firebase", "keycloak"])
def test_a_value_of_another_shape_than_is_due_takes_no_other_row_along(
    read: Read, tmp_path: Path, source: str, odd: Any
) -> None:
    """Whatever one field of one row is: the row comes in without it or is refused, and the next one is read."""
    credential = json.loads(json.dumps(KEYCLOAK[1]["keycloak"]))
    costs = {**json.loads(credential["credentialData"]), "hashIterations": odd}
    more = {**json.loads(credential["credentialData"]), "additionalParameters": odd}
    fields = {
        "plain": ["email", "password_hash", "name", "groups", "locale", "status", "active", "created_at"],
        "django": ["email", "password", "groups", "first_name", "is_active", "date_joined", "last_login"],
        "firebase": ["email", "passwordHash", "salt", "displayName", "customAttributes", "createdAt", "disabled"],
        "keycloak": ["email", "firstName", "attributes", "groups", "realmRoles", "credentials", "enabled"],
    }[source]
    rows = [{"email": f"u{n}@example.org", "emailVerified": True, field: odd} for n, field in enumerate(fields)]
    if source == "keycloak":
        rows += [
            {"email": f"c{n}@example.org", "emailVerified": True, "credentials": [{**credential, **each}]}
            for n, each in enumerate(({"credentialData": costs}, {"credentialData": more}, {"secretData": odd}))
        ]
    rows.append({"email": "last@example.org", "emailVerified": True})
    written = (
        write_json(tmp_path / "dump.json", django_dump(rows)) if source == "django"
        else write_lines(tmp_path / "rows.jsonl", rows) if source == "plain"
        else write_json(tmp_path / "users.json", {"users": rows})
    )  # fmt: skip
    found = read(written, source, confirmed=True, firebase=(14, 8, "Bw=="))
    assert len(found) == len(rows)
    assert isinstance(found[-1], ImportableRow)
