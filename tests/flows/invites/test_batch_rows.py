"""What a list of people says: its columns by any name, and rows that cannot be taken."""

from __future__ import annotations

import io

import pytest

from accounts.core.errors import InvalidInput
from accounts.flows.invites.batch_entries import ListEntry
from accounts.flows.invites.batch_rows import PeopleList


def entries(text: str) -> list[ListEntry]:
    return list(PeopleList(io.BytesIO(text.encode())))


def taken(text: str) -> list[tuple[str, str, list[str], str | None, int | None]]:
    found = [entry.form for entry in entries(text) if entry.form]
    return [(row.email.email, row.name, row.groups, row.locale, row.days) for row in found]


@pytest.mark.parametrize(
    "text",
    [
        'ann@x.org,Ann Oz,"a, b",de,9',
        "Ann Oz;ann@x.org;a b;DE;9",
        "E-Mail;Vorname;Nachname;Gruppen;Sprache;Tage\nann@x.org;Ann;Oz;a|b;Deutsch;9",
        "Days\tE-mail 1 - Value\tLang\tName\tPhone\tRole\tE-Mail\n9\tann@x.org\tGerman\tAnn Oz\t1\tb/a\tno@x.org",
        '"Email:","Full name","groups","lang","days"\n"Ann Oz <ann@x.org>","","b;a","de-AT","9"',
    ],
)
def test_columns_are_known_by_their_headings_in_either_language_or_by_their_place(text: str) -> None:
    assert taken(text) == [("ann@x.org", "Ann Oz", ["a", "b"], "de", 9)]


def test_columns_that_are_not_used_are_named() -> None:
    people = PeopleList(io.BytesIO(b"Phone,email,Shoe size\n1,a@x.org,44\n"))
    assert [entry.raw_email for entry in people] == ["a@x.org"]
    assert people.unknown_headings == ["Phone", "Shoe size"]


@pytest.mark.parametrize(
    "text", ["a@x.org\nb@x.org", "a@x.org, b@x.org", "a@x.org;b@x.org;", "A <a@x.org>; B <b@x.org>"]
)
def test_pasted_addresses_are_a_row_each(text: str) -> None:
    assert [row[0] for row in taken(text)] == ["a@x.org", "b@x.org"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("email,name\n,Ann", "missing"),
        ("ann", "email"),
        ('"a@x.org,b@x.org",Ann', "email"),
        ('"a@x.org;b@x.org",Ann', "email"),
        ('"a@x.org\nb@x.org",Ann', "email"),
        ('"a@x.org\r\nBcc: b@x.org",Ann', "email"),
        ("a@x.org%0Ab@x.org@y,Ann", "email"),
        ("\u212aann@x.org,Kelvin", "email"),
        ("a@x.org,b@y.org;", "mixed"),
        ("a@x.org,Ann\x07", "name"),
        (f"a@x.org,{'n' * 101}", "name"),
        ("a@x.org,Ann,ed!tors", "groups"),
        ("a@x.org,Ann,editors,tlh", "locale"),
        ("a@x.org,Ann,editors,de,soon", "days"),
        ("a@x.org,Ann,editors,de,91", "days"),
        ("a@x.org,Ann,editors,de,0", "days"),
        ("a@x.org,Ann,editors,de,1.5", "days"),
        # Cells as long as the file, each read once: a few thousand blanks have kept a process busy for minutes.
        (f"email\n{' ' * 100_000}x", "email"),
        ('email\n"' + " " * 100_000 + 'x"', "email"),
        (f"email\n{'<' * 100_000}", "email"),
        (f"email\n{'[' * 100_000}", "email"),
        ("email,name\na@x.org," + "\u0627\u200c" * 40_000 + "\u0627", "name"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_says_why(text: str, reason: str) -> None:
    assert [entry.reason for entry in entries(text)] == [reason]


GOOGLE = ("First Name [Required],Last Name [Required],Email Address [Required],Password [Required],"
          "Org Unit Path [Required],Status [READ ONLY],Last Sign In [READ ONLY]\n")  # fmt: skip


def test_the_users_of_google_workspace_are_a_list_of_people() -> None:
    text = GOOGLE + "Fay,Example,fay@x.org,****,/,Active,Never logged in\nGus,Example,gus@x.org,****,/,Suspended,x\n"
    people = PeopleList(io.BytesIO(text.encode()))
    assert [(entry.raw_email, entry.form and entry.form.name, entry.reason) for entry in people] == [
        ("fay@x.org", "Fay Example", ""), ("gus@x.org", None, "suspended"),
    ]  # fmt: skip
    assert people.unknown_headings == ["Password [Required]", "Org Unit Path [Required]", "Last Sign In [READ ONLY]"]


@pytest.mark.parametrize(
    "row",
    ["status\nsuspended", "Suspended\nTRUE", "blocked\nja", "Status\ngesperrt", "deactivated\n1", "archived\nyes",
     "disabled\nWAHR", "Account Status\nDEPROVISIONED", "status\ndeleted", "locked_at\n2024-01-01"],
)  # fmt: skip
def test_whoever_is_suspended_there_is_told_apart(row: str) -> None:
    heading, value = row.split("\n")
    assert [entry.reason for entry in entries(f"email,{heading}\na@x.org,{value}\nb@x.org,\n")] == ["suspended", ""]


@pytest.mark.parametrize("value", ["coming", "Active", "", "no", "\\N", "pending"])
def test_another_state_does_not_keep_anybody_out(value: str) -> None:
    assert [entry.reason for entry in entries(f"email,status\na@x.org,{value}\n")] == [""]


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("Wer,Kontakt\nAnn,a@x.org\nBob,b@x.org\n", ["Wer", "Kontakt"]),
        ("Kontakt\na@x.org\nb@x.org\n", ["Kontakt"]),
        ("Vorname;Kontakt;Ort\nAnn;a@x.org;Ulm\nBob;b@x.org;Ulm\n", ["Kontakt", "Ort"]),
        ("\ufeffTeilnehmende\r\na@x.org\r\nb@x.org", ["Teilnehmende"]),
        ("sep=;\nName;Wohin\nAnn;a@x.org\nBob;b@x.org", ["Wohin"]),
    ],
)
def test_a_first_line_without_an_address_is_a_heading(text: str, unknown: list[str]) -> None:
    people = PeopleList(io.BytesIO(text.encode()))
    assert [(entry.raw_email, entry.reason) for entry in people] == [("a@x.org", ""), ("b@x.org", "")]
    assert people.unknown_headings == unknown


@pytest.mark.parametrize("text", ["annx.org\nb@x.org", "ann@\nb@x.org", "Ann,a.x.org\nBob,b@x.org"])
def test_a_first_address_with_a_mistake_is_no_heading(text: str) -> None:
    assert [bool(entry.reason) for entry in entries(text)] == [True, False]


@pytest.mark.parametrize(
    "text",
    [
        '[{"email": "a@x.org", "Full Name": "Ann", "groups": ["b", "a"]}]',
        '{"email": "a@x.org", "fullName": "Ann", "groups": "a b"}',
        '{"users": [{"E-Mail": "a@x.org", "Vorname": "Ann", "Gruppen": "a;b", "Tage": null}]}',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_list_may_be_json(text: str, encoding: str) -> None:
    found = [entry.form for entry in PeopleList(io.BytesIO(text.encode(encoding))) if entry.form]
    assert [(row.email.email, row.name, row.groups) for row in found] == [("a@x.org", "Ann", ["a", "b"])]


def test_json_that_is_broken_names_its_line() -> None:
    with pytest.raises(InvalidInput):
        entries('[{"email": "a@x.org"},\n{"email": ')


def test_what_is_shown_of_a_row_has_no_control_characters() -> None:
    assert entries("a\x00b\x1b@x.org")[0].raw_email == "a\ufffdb\ufffd@x.org"


@pytest.mark.parametrize(("text", "line"), [
    ('a@x.org,"Ann\nb@x.org,Bob\nc@x.org,Cid', 1), ('a@x.org,Ann\nb@x.org,"Bob', 2), ('a@x.org\n"b@x.org\n', 2),
])  # fmt: skip
def test_a_quotation_mark_that_is_not_closed_names_its_line(text: str, line: int) -> None:
    with pytest.raises(InvalidInput) as caught:
        entries(text)
    assert [(each.code, dict(each.values)) for each in caught.value.fields] == [("not_a_table", {"line": line})]
