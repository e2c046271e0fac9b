"""The comparison can fail: each kind of loss, planted, is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.journal import Entry, Evidence, Mail, compare

JOURNAL: list[Entry] = [
    {"what": "letter?", "to": "ann@example.org", "about": "sign-up"},
    {"what": "letter", "to": "ann@example.org", "about": "sign-up"},
    {"what": "pair", "email": "ann@example.org", "about": "sign-up", "accepted": 1},
    {"what": "account", "email": "ann@example.org"},
    {"what": "letter", "to": "ann@example.org", "about": "reset-password"},
    {"what": "answer", "path": "/api/sign-up", "status": 503},
]
SIGN_UP = Mail("ann@example.org", "sign-up", "<1@x>")
RESET = Mail("ann@example.org", "reset-password", "<2@x>")
THERE = Evidence(["ann@example.org"], [SIGN_UP, RESET], {"ann@example.org": True})


def test_what_is_as_it_was_promised_breaks_nothing() -> None:
    outcome = compare(JOURNAL, THERE)
    assert outcome.broken == []
    assert (outcome.counts["accounts"], outcome.counts["letters"], outcome.counts["answers 503"]) == (1, 2, 1)


def test_a_copy_with_the_same_message_id_is_counted_and_breaks_nothing() -> None:
    outcome = compare(JOURNAL, replace(THERE, mailbox=[SIGN_UP, SIGN_UP, RESET]))
    assert (outcome.broken, outcome.counts["letters doubled"]) == ([], 1)


def test_a_copy_of_a_letter_whose_answer_was_cut_off_is_counted_by_itself() -> None:
    cut_off = replace(SIGN_UP, is_acknowledged=False)
    outcome = compare(JOURNAL, replace(THERE, mailbox=[cut_off, SIGN_UP, RESET]))
    assert (outcome.broken, outcome.counts["letters doubled"]) == ([], 0)
    assert outcome.counts["letters cut off and doubled"] == 1


def test_a_letter_whose_request_was_not_answered_may_have_come() -> None:
    assert (
        compare(JOURNAL, replace(THERE, mailbox=[SIGN_UP, replace(SIGN_UP, message_id="<3@x>"), RESET])).broken == []
    )


@pytest.mark.parametrize(
    ("there", "count"),
    [
        (replace(THERE, emails=[]), "accounts lost"),
        (replace(THERE, emails=["ann@example.org"] * 2), "accounts doubled"),
        (replace(THERE, emails=["ann@example.org", "ben@example.org", "ben@example.org"]), "accounts doubled"),
        (replace(THERE, mailbox=[RESET]), "letters lost"),
        (replace(THERE, mailbox=[SIGN_UP, SIGN_UP]), "letters lost"),
        (replace(THERE, mailbox=[SIGN_UP, RESET, replace(RESET, message_id="<3@x>")]), "letters nobody asked for"),
        (replace(THERE, mailbox=[SIGN_UP, SIGN_UP, RESET], needless=["<1@x>"]), "letters doubled for no reason"),
        (replace(THERE, opens={"ann@example.org": False}), "passwords lost"),
    ],
)
def test_a_planted_loss_is_found(there: Evidence, count: str) -> None:
    outcome = compare(JOURNAL, there)
    assert outcome.counts[count] == 1
    assert len(outcome.broken) == 1


@pytest.mark.parametrize("there", [replace(THERE, left=1), replace(THERE, integrity="row 7 missing")])
def test_a_database_that_is_left_in_disorder_is_found(there: Evidence) -> None:
    assert len(compare(JOURNAL, there).broken) == 1


@pytest.mark.parametrize(
    "entry",
    [
        {"what": "pair", "email": "ann@example.org", "about": "reset-password", "accepted": 2},
        {"what": "answer", "path": "/api/account", "status": 500},
        {"what": "unexpected", "email": "ann@example.org", "said": "was taken for ben@example.org"},
    ],
)
def test_an_answer_that_should_not_have_been_is_found(entry: Entry) -> None:
    assert len(compare([*JOURNAL, entry], THERE).broken) == 1
