"""What each system's files say, read and judged: who would come in, as what, and who would not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from accounts.config import Settings
from accounts.core.addresses import Address, AddressRefused, parse
from accounts.core.house import House
from accounts.flows import LINKS
from accounts.flows.moving.judge import Ready, Report, address_of, judged
from accounts.flows.moving.rows import FileRefused, How, Refused, moment, names, text, yes
from tests.flows.moving.files import (
    BCRYPT,
    KEYCLOAK,
    django_dump,
    person,
    stored,
    write_csv,
    write_json,
    write_lines,
)

Read = Callable[..., list[Ready | Refused]]


@pytest.fixture
def read(settings: Callable[..., Settings]) -> Read:
    """The judged rows of a file; settings and how to read it by name."""

    def make(path: Path, source: str = "plain", *, secrets: dict[str, str] | None = None, **how: Any) -> Any:
        house = House(settings(**(secrets or {})), LINKS)
        return list(judged(house, path, How(source=source, **how), Report()))

    return make


def ready(found: list[Ready | Refused]) -> Ready:
    assert len(found) == 1, found
    assert isinstance(found[0], Ready), found
    return found[0]


def codes(found: list[Ready | Refused]) -> list[tuple[int, str]]:
    return [(each.line, each.code if isinstance(each, Refused) else "ready") for each in found]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_with_the_usual_headings(read: Read, tmp_path: Path, separator: str) -> None:
    row = person(locale="de-AT", groups="staff, editors", created_at="2019-05-01 12:00:00 UTC", active="t")
    found = ready(read(write_csv(tmp_path / "people.csv", [row], separator)))
    assert (found.line, found.address.email, found.name, found.locale) == (2, "anna@example.org", "Anna", "de")
    assert (found.password_hash, found.hash_format) == (BCRYPT["stored"], "bcrypt 2b")
    assert found.groups == ("staff", "editors")
    assert found.active
    assert found.created_at == datetime(2019, 5, 1, 12, tzinfo=UTC)


def test_lines_of_json_say_the_same(read: Read, tmp_path: Path) -> None:
    rows = [person(groups=["staff"]), "text", person("bert", groups=[{"name": "staff"}])]
    found = read(write_lines(tmp_path / "people.jsonl", rows))
    assert codes(found) == [(1, "ready"), (2, "record"), (3, "ready")]
    assert {each.groups for each in found if isinstance(each, Ready)} == {("staff",)}


def test_a_file_without_a_telling_name_is_known_by_how_it_begins(read: Read, tmp_path: Path) -> None:
    for number, path in enumerate((
        write_csv(tmp_path / "a", [person()]),
        write_lines(tmp_path / "b", [person()]),
        write_json(tmp_path / "c", [person()]),
    )):  # fmt: skip
        assert ready(read(path)).line == (2, 1, 2)[number]


def test_a_mark_of_a_spreadsheet_before_the_first_heading_is_no_letter_of_it(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person()])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert ready(read(path)).address.email == "anna@example.org"


def test_rows_that_do_not_come_in_say_where_they_stand_and_why(read: Read, tmp_path: Path) -> None:
    rows = [
        person(), person(email="anna@"), person(email=""), person(email="ANNA@example.org"),
        person("bert", password_hash="5f4dcc3b5aa765d61d8327deb882cf99"), person("carl", confirmed_at=""),
        person("dora", password_hash="pbkdf2_sha256$99999999$salt$" + "A" * 44),
        person("emil", password_hash="", active="false"),
        person("anna\u212a"), person(email="=cmd@example.org"),
    ]  # fmt: skip
    found = read(write_csv(tmp_path / "people.csv", rows))
    assert codes(found) == [
        (2, "ready"), (3, "address"), (4, "address"), (5, "twice"), (6, "hash"), (7, "unconfirmed"), (8, "hash"),
        (9, "ready"), (10, "address"), (11, "ready"),
    ]  # fmt: skip
    told = {each.line: each.why for each in found if isinstance(each, Refused)}
    assert told[5] == "the same address as in line 2"
    assert "iterations: 99999999 is over" in told[8]
    last = found[7]
    assert isinstance(last, Ready)
    assert (last.active, last.password_hash, last.hash_format) == (False, None, "no password")


def test_where_the_file_is_silent_about_confirmation_somebody_has_to_say_it(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [{"email": "anna@example.org"}])
    assert codes(read(path)) == [(2, "unconfirmed")]
    assert codes(read(path, confirmed=True)) == [(2, "ready")]
    denied = write_csv(tmp_path / "denied.csv", [person(confirmed_at="")])
    assert codes(read(denied, confirmed=True)) == [(2, "unconfirmed")], "the file's own word wins"


def test_nobody_becomes_an_admin_by_the_name_of_an_old_group(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(groups="admins|is_staff|two words|editors")])
    assert ready(read(path)).groups == ("editors",)
    mapped = {"admins": "admins", "two words": "writers", "editors": ""}
    assert ready(read(path, groups=mapped)).groups == ("admins", "writers")


def test_a_hash_that_cannot_be_verified_may_be_left_behind(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person(password_hash="md5$a$b")])
    found = ready(read(path, without_hash=True))
    assert (found.password_hash, found.hash_format) == (None, "no password")


def test_cells_and_lines_that_are_broken_do_not_take_others_along(read: Read, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", [person("anna"), person("bert")])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1] + ",more,cells", "", lines[2], '"open']), encoding="utf-8")
    assert codes(read(path)) == [(2, "record"), (4, "ready"), (5, "address")]


@pytest.mark.parametrize(
    ("content", "because"),
    [
        (b"", "the file is empty"),
        ("email\ngröße@example.org\n".encode("latin-1"), "is not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused(read: Read, tmp_path: Path, content: bytes, because: str) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    with pytest.raises(FileRefused, match=because):
        read(path)


@pytest.mark.parametrize(
    ("content", "because"),
    [
        ("{}", 'no list "users"'),
        ('{"users": 1}', r"\[ was due"),
        ('{"users": [{"email": "a@b.org"}', "not JSON, or was cut"),
        ('{"users": [{"email": "a@b.org"} ', "not JSON, or was cut"),
        ('{"users": [{"email": ', "not JSON, or was cut"),
        ('{"users" [', ": was due"),
    ],
)
def test_a_document_that_is_none_is_refused(read: Read, tmp_path: Path, content: str, because: str) -> None:
    path = tmp_path / "users.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(FileRefused, match=because):
        read(path, "firebase")


def test_a_long_document_is_read_piece_by_piece(read: Read, tmp_path: Path) -> None:
    users = [{"email": f"u{n}@example.org", "emailVerified": True, "displayName": "x" * 500} for n in range(2000)]
    path = write_json(tmp_path / "users.json", {"kind": "x", "n": 12.5, "deep": [[1], {"users": []}], "users": users})
    found = read(path, "firebase")
    assert len(found) == 2000
    assert {type(each) for each in found} == {Ready}
    assert found[1].line > found[0].line + 3


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
    assert isinstance(found[0], Refused)
    assert found[0].why == "its hash needs ACCOUNTS_FLASK_SECURITY_SALT"
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
    assert [code for _, code in codes(found)] == ["ready", "ready", "unconfirmed", "ready", "hash"]
    for each, vector in zip(found, KEYCLOAK, strict=False):
        assert isinstance(each, Ready)
        assert (each.name, each.locale, each.groups) == ("Anna Berg", "de", ("staff", "writer"))
        assert each.hash_format in ("pbkdf2-sha256", "argon2id"), vector["made_by"]
    disabled = found[3]
    assert isinstance(disabled, Ready)
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
    assert isinstance(first, Ready)
    assert isinstance(second, Ready)
    assert isinstance(third, Ready)
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


@pytest.mark.parametrize("said", [True, "true", "T", 1, "1", "yes", "2020-01-01", "on"])
def test_what_says_yes(said: object) -> None:
    assert yes(said)


@pytest.mark.parametrize("said", [False, None, "", " ", "false", "F", 0, "0", "no", "null", "off"])
def test_what_says_no(said: object) -> None:
    assert not yes(said)


@pytest.mark.parametrize("said", ["", None, "soon", "9999-01-01", "99999999999999999999", "2020-13-01", [], "1e400"])
def test_a_moment_that_is_none_is_left_out(said: object) -> None:
    assert moment(said) is None


def test_text_has_no_control_characters_and_groups_are_told_apart() -> None:
    assert text("  a\x00\nb\u2028c  ") == "a b c"
    assert names("a, b;c|a,") == ("a", "b", "c")
    assert names(["a b", {"name": "c"}, ""]) == ("a b", "c")


LOCALS = st.one_of(
    st.text("aZ0_+-.", min_size=0, max_size=70),
    st.text(min_size=0, max_size=10),
    st.just("a" * 64),
    st.just("a" * 65),
)
DOMAINS = st.sampled_from([
    "example.org", "EXAMPLE.org", "bücher.example", "xn--bcher-kva.example", "a.b", "localhost", "x.local", "-a.org",
    "a..org", "", "[127.0.0.1]", "exa mple.org", "ex.org.", "x" * 63 + ".org", "x" * 64 + ".org", "a.test", "test",
    "y." * 95 + "org",
])  # fmt: skip


@given(LOCALS, DOMAINS)
@settings_of(max_examples=150, deadline=None)
def test_the_fast_way_to_an_address_comes_to_the_same(local: str, domain: str) -> None:
    def told(way: Callable[[str], Address]) -> Address | str:
        try:
            return way(f"{local}@{domain}")
        except AddressRefused:
            return "refused"

    assert told(address_of) == told(parse)
