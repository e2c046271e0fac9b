"""Lists as other systems export them, read as they are."""

from __future__ import annotations

import io
from typing import Any

import pytest

from accounts.core.errors import InvalidInput
from accounts.flows.invites.batch_rows import PeopleList

GOOGLE = ("First Name [Required],Last Name [Required],Email Address [Required],Password [Required],"
          "Password Hash Function [UPLOAD ONLY],Org Unit Path [Required],New Primary Email [UPLOAD ONLY],"
          "Status [READ ONLY],Last Sign In [READ ONLY],Recovery Email,Home Secondary Email,Employee ID,Department,"
          "New Status [UPLOAD ONLY]\n")  # fmt: skip
MICROSOFT_365 = ("Display name,DirSyncEnabled,User principal name,Object Id,First name,Last name,When created,"
                 "Soft deletion time stamp,Title,Department,Preferred data location,City,CountryOrRegion,Office,"
                 "StateOrProvince,Usage location,Last dirsync time,Block credential,Licenses,Password never expires,"
                 "Last password change time stamp,Mobile Phone,Phone number,Postal code,Preferred language,"
                 "Street address,Fax,Proxy addresses\n")  # fmt: skip
ENTRA = ("userPrincipalName,displayName,surname,mail,givenName,objectId,userType,jobTitle,department,accountEnabled,"
         "usageLocation,streetAddress,state,country,physicalDeliveryOfficeName,city,postalCode,telephoneNumber,mobile,"
         "authenticationEmail,alternateEmailAddress,ageGroup,consentProvidedForMinor\n")  # fmt: skip
MOODLE = ("username,password,firstname,lastname,email,lang,cohort1,cohort2,suspended,deleted,course1,role1,"
          "profile_field_x\n")  # fmt: skip


def google(first: str, last: str, email: str, status: str = "Active", unit: str = "/") -> str:
    return f"{first},{last},{email},****,,{unit},,{status},Never logged in,,,,,\n"


def microsoft(
    name: str, upn: str, *, off: str = "False", deleted: str = "", more: str = "", proxies: str = ""
) -> str:
    first, _, last = name.partition(" ")
    made = "2022-03-18 19:49:35Z"
    person = f"{name},False,{upn},1,{first},{last},{made},{deleted},,{more}"
    return f"{person},,,,,,US,,{off},E3,False,,,,,en-US,,,{proxies}\n"


def entra(upn: str, name: str, mail: str, enabled: str = "True") -> str:
    return f"{upn},{name},,{mail},,1,Member,,Sales,{enabled},,,,,,,,,,,,,\n"


def moodle(
    email: str, cohort: str = "", other: str = "", suspended: str = "0", deleted: str = "0", lang: str = "de"
) -> str:
    return f"u1,,Ann,Oz,{email},{lang},{cohort},{other},{suspended},{deleted},c,student,x\n"


def read(text: str, *groups: str, encoding: str = "utf-8", **more: Any) -> list[tuple[str, str, list[str], str]]:
    people = PeopleList(io.BytesIO(text.encode(encoding)), groups, **more)
    return [
        (
            entry.raw_email,
            entry.form.name if entry.form else "",
            entry.form.groups if entry.form else [],
            entry.reason,
        )
        for entry in people
    ]


CASES: dict[str, tuple[str, list[tuple[str, str, list[str], str]]]] = {
    "Google, active": (GOOGLE + google("Ann", "Oz", "ann@x.org"), [("ann@x.org", "Ann Oz", [], "")]),
    "Google, suspended": (GOOGLE + google("A", "O", "a@x.org", "Suspended"), [("a@x.org", "", [], "suspended")]),
    "Google, archived": (GOOGLE + google("A", "O", "a@x.org", "Archived"), [("a@x.org", "", [], "suspended")]),
    "Google, lines that end as on Windows": (
        (GOOGLE + google("Ann", "Oz", "a@x.org")).replace("\n", "\r\n"), [("a@x.org", "Ann Oz", [], "")]),
    "Google, with semicolons": (
        (GOOGLE + google("Ann", "Oz", "a@x.org")).replace(",", ";"), [("a@x.org", "Ann Oz", [], "")]),
    "Google, no last name": (GOOGLE + google("Ann", "", "a@x.org"), [("a@x.org", "Ann", [], "")]),
    "Microsoft 365": (MICROSOFT_365 + microsoft("Ann Oz", "ann@x.org"), [("ann@x.org", "Ann Oz", [], "")]),
    "Microsoft 365, blocked": (
        MICROSOFT_365 + microsoft("Ann Oz", "ann@x.org", off="True"), [("ann@x.org", "", [], "suspended")]),
    "Microsoft 365, deleted": (
        MICROSOFT_365 + microsoft("A", "a@x.org", deleted="2024-01-02 03:04Z"), [("a@x.org", "", [], "suspended")]),
    "Microsoft 365, the main address of the mailbox": (
        MICROSOFT_365 + microsoft("Ann Oz", "u1@x.onmicrosoft.com", proxies="smtp:old@x.org+SMTP:ann@x.org"),
        [("ann@x.org", "Ann Oz", [], "")]),
    "Microsoft 365, a guest": (
        MICROSOFT_365 + microsoft("Ann Oz", "ann_y.org#EXT#@x.onmicrosoft.com"),
        [("ann_y.org#EXT#@x.onmicrosoft.com", "", [], "guest")]),
    "Entra": (ENTRA + entra("u1@x.onmicrosoft.com", "Ann Oz", "ann@x.org"), [("ann@x.org", "Ann Oz", [], "")]),
    "Entra, without mail": (ENTRA + entra("ann@x.org", "Ann Oz", ""), [("ann@x.org", "Ann Oz", [], "")]),
    "Entra, off": (ENTRA + entra("u@x.org", "Ann", "a@x.org", "False"), [("a@x.org", "", [], "suspended")]),
    "Entra, a guest with mail": (
        ENTRA + entra("ann_y.org#EXT#@x.onmicrosoft.com", "Ann", "ann@y.org"), [("ann@y.org", "Ann", [], "")]),
    "Entra, state unknown": (ENTRA + entra("u@x.org", "Ann", "a@x.org", ""), [("a@x.org", "Ann", [], "")]),
    "Moodle": (MOODLE + moodle("a@x.org", "Class 7a"), [("a@x.org", "Ann Oz", [], "")]),
    "Moodle, suspended": (MOODLE + moodle("a@x.org", suspended="1"), [("a@x.org", "", [], "suspended")]),
    "Moodle, deleted": (MOODLE + moodle("a@x.org", deleted="1"), [("a@x.org", "", [], "suspended")]),
    "Moodle, without optional columns": (
        "username,firstname,lastname,email\nu,Ann,Oz,a@x.org\n", [("a@x.org", "Ann Oz", [], "")]),
    "Moodle, download of users": (
        "id,username,email,firstname,lastname,idnumber,institution\n2,u,a@x.org,Ann,Oz,,\n",
        [("a@x.org", "Ann Oz", [], "")]),
    "Moodle, with tabs": (
        (MOODLE + moodle("a@x.org")).replace(",", "\t"), [("a@x.org", "Ann Oz", [], "")]),
}  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", CASES)
def test_exports_of_other_systems_are_read_as_they_are(name: str, encoding: str) -> None:
    text, expected = CASES[name]
    assert read(text, encoding=encoding) == expected


def test_whoever_is_suspended_comes_in_where_that_is_asked_for() -> None:
    text = MOODLE + moodle("a@x.org", suspended="1") + moodle("b@x.org")
    assert [row[3] for row in read(text)] == ["suspended", ""]
    assert [row[3] for row in read(text, takes_suspended=True)] == ["", ""]


@pytest.mark.parametrize(("columns", "groups"), [
    ((), []), (("cohort1",), ["Klasse-7a"]), (("Cohort 1", "cohort2"), ["Klasse-7a", "club", "year-2"]),
])  # fmt: skip
def test_cohorts_become_groups_only_where_that_is_asked_for(columns: tuple[str, ...], groups: list[str]) -> None:
    assert [row[2] for row in read(MOODLE + moodle("a@x.org", "Klasse 7ä", "club; Year/2".lower()), *columns)] == [
        groups
    ]


def test_units_of_google_become_groups() -> None:
    text = GOOGLE + google("Ann", "Oz", "a@x.org", unit="/Students/7 a")
    assert read(text, "Org Unit Path [Required]") == [("a@x.org", "Ann Oz", ["Students-7-a"], "")]


def test_a_cohort_of_the_name_of_the_admins_makes_nobody_an_admin() -> None:
    from_cohort = read(MOODLE + moodle("a@x.org", "admins"), "cohort1")
    assert from_cohort[0][2] == ["admins"], "which the preview refuses, as in any column for groups"


def test_a_column_that_is_not_there_is_told() -> None:
    with pytest.raises(InvalidInput) as caught:
        read(MOODLE + moodle("a@x.org"), "cohort9")
    assert [(each.field, dict(each.values)) for each in caught.value.fields] == [
        ("group_columns", {"column": "cohort9"})
    ]


@pytest.mark.parametrize(("text", "unused"), [
    (MOODLE + moodle("a@x.org"),
     ["username", "password", "cohort1", "cohort2", "course1", "role1", "profile_field_x"]),
    (ENTRA + entra("u@x.org", "Ann", "a@x.org"),
     ["objectId", "userType", "jobTitle", "department", "usageLocation", "streetAddress", "state", "country",
      "physicalDeliveryOfficeName", "city", "postalCode", "telephoneNumber", "mobile", "authenticationEmail",
      "alternateEmailAddress", "ageGroup", "consentProvidedForMinor"]),
])  # fmt: skip
def test_columns_that_are_not_used_are_listed(text: str, unused: list[str]) -> None:
    people = PeopleList(io.BytesIO(text.encode()))
    list(people)
    assert people.unknown_headings == unused


@pytest.mark.parametrize("row", range(10))
def test_a_quotation_mark_that_is_open_names_its_line_and_loses_nobody(row: int) -> None:
    lines = [f"person{number}@x.org,Person {number}" for number in range(10)]
    lines[row] = f'person{row}@x.org,"Person {row}'
    with pytest.raises(InvalidInput) as caught:
        read("email,name\n" + "\n".join(lines) + "\n")
    assert [dict(each.values) for each in caught.value.fields] == [{"line": row + 2}]


def test_a_cell_may_have_lines_of_its_own() -> None:
    people = PeopleList(io.BytesIO(b'email,message\na@x.org,"Hello,\nbring a hat."\nb@x.org,Hi'))
    found = [(entry.line, entry.form and entry.form.message) for entry in people]
    assert found == [(2, "Hello,\nbring a hat."), (4, "Hi")]


@pytest.mark.parametrize("message", ["See evil.example", "x" * 501, "a\x07"])
def test_words_that_are_not_accepted_are_told_of_their_row(message: str) -> None:
    assert [row[3] for row in read(f"email,message\na@x.org,{message}\n")] == ["message"]
