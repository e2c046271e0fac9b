"""What a list of people says: its columns by any name, and rows that cannot be taken."""

from __future__ import annotations

import io

import pytest

from accounts.flows.invites.batch_rows import ListEntry, PeopleList


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
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_says_why(text: str, reason: str) -> None:
    assert [entry.reason for entry in entries(text)] == [reason]


def test_what_is_shown_of_a_row_has_no_control_characters() -> None:
    assert entries("a\x00b\x1b@x.org")[0].raw_email == "a\ufffdb\ufffd@x.org"


def test_a_quotation_mark_that_is_not_closed_swallows_nobody_unseen() -> None:
    assert [entry.reason for entry in entries('a@x.org,"Ann\nb@x.org,Bob\nc@x.org,Cid')] == ["mixed"]
