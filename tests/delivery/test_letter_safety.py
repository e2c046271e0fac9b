"""What somebody typed cannot become a link, a header or a second recipient of a letter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pytest

from accounts.core.outbox import Letter
from accounts.delivery import filters
from accounts.delivery.letters import LetterError, Letters, emails_folder
from accounts.delivery.samples import SAMPLE_EMAIL, SAMPLE_ORIGIN, SAMPLES, sample_letter
from tests.delivery.sample_letters import (
    OPTIONAL,
    SENDER,
    MailPage,
    composed,
    every_letter,
    with_facts,
)


@pytest.mark.parametrize(
    "typed",
    [
        "http://evil.example",
        "evil.example",
        "Anna www evil",
        "evil。example",
        "evil．example",
        "evil․example",
        "ev\u200bil.exa\u00admple",
        "anna@evil.example",
        "Anna ＠evil",
        "//evil",
        "evil\\share",
        "call 0800 123 45 67",
        "tel:110",
        "x" * 61,
        "\x00\x1b\u202e",
        "",
        None,
    ],
)
def test_typed_text_that_could_become_a_link_is_dropped(letters: Letters, typed: str | None) -> None:
    assert filters.plain(typed) == ""
    clean = composed(letters, with_facts("reset-password", name=None))
    message = composed(letters, with_facts("reset-password", name=typed))
    assert (message.subject, message.body, message.html) == (clean.subject, clean.body, clean.html)


def test_html_in_a_name_is_shown_not_obeyed(letters: Letters) -> None:
    message = composed(letters, with_facts("reset-password", name='<b onclick="x">Anna & {{ 7*7 }}'))
    assert "b" not in MailPage(message.html or "").tags
    assert "onclick" not in MailPage(message.html or "").attributes
    assert 'Hello <b onclick="x">Anna & {{ 7*7 }},' in MailPage(message.html or "").text


@every_letter
def test_html_in_the_name_of_the_service_is_shown_not_obeyed(words: str) -> None:
    """Also where all emails say the same: in the foot, in a greeting."""
    name = "Kürzel & <b>Söhne</b>"
    message = composed(Letters([emails_folder()], name, SAMPLE_ORIGIN), sample_letter(words))
    assert "b" not in MailPage(message.html or "").tags
    assert f"{name} sent this email to {SAMPLE_EMAIL}" in MailPage(message.html or "").text
    assert f"{name} sent this email to {SAMPLE_EMAIL}" in (message.body or "")


@every_letter
def test_no_fact_reaches_the_subject(letters: Letters, words: str) -> None:
    known = sample_letter(words)
    typed = {name: "Urgent\r\nBcc: evil" for name in ("name", "inviter") if name in known.context}
    usual = composed(letters, known)
    assert composed(letters, with_facts(words, **typed)).subject == usual.subject


@pytest.mark.parametrize(
    "to",
    [
        "anna@example.org,evil@example.net",
        "anna@example.org;evil@example.net",
        "anna@example.org\r\nBcc: evil@example.net",
        "Anna <anna@example.org>",
        "anna@example.org evil@example.net",
        "anna",
        "",
    ],
)
def test_a_recipient_is_exactly_one_address(letters: Letters, to: str) -> None:
    with pytest.raises(LetterError, match="one address"):
        composed(letters, Letter("activate", to, "en", SAMPLES["activate"]))


@pytest.mark.parametrize("sender", ["A <a@example.org>\r\nBcc: evil@example.net", "nobody", ""])
def test_a_sender_is_one_line_with_an_address(letters: Letters, sender: str) -> None:
    with pytest.raises(LetterError, match="sender"):
        composed(letters, sample_letter("activate"), sender)


@pytest.mark.parametrize("message_id", ["", "x@y", "<x@y>\r\nBcc: evil@example.net", "<a b@c>", "<<a@b>>"])
def test_a_message_id_is_one_id(letters: Letters, message_id: str) -> None:
    with pytest.raises(LetterError, match="message id"):
        letters.compose(sample_letter("activate"), sender=SENDER, message_id=message_id)


def test_a_name_of_the_service_with_a_line_break_is_refused() -> None:
    with pytest.raises(LetterError, match="service"):
        Letters([emails_folder()], "Accounts\r\nBcc: evil@example.net", SAMPLE_ORIGIN)


@every_letter
def test_a_letter_with_a_missing_fact_is_not_sent(letters: Letters, words: str) -> None:
    facts: Mapping[str, object] = SAMPLES[words]
    for name in facts.keys() - {"asked"} - OPTIONAL.get(words, set()):
        rest = {key: value for key, value in facts.items() if key != name}
        with pytest.raises(LetterError, match=name):
            composed(letters, Letter(words, SAMPLE_EMAIL, "en", rest))


def test_a_subject_of_two_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "activate").mkdir()
    (tmp_path / "activate" / "en.subject").write_text("One\nBcc: evil@example.net\n")
    with pytest.raises(LetterError, match="subject"):
        composed(Letters([tmp_path, emails_folder()], "Accounts", SAMPLE_ORIGIN), sample_letter("activate"))


def test_a_moment_without_a_time_zone_is_refused(letters: Letters) -> None:
    with pytest.raises(ValueError, match="time zone"):
        composed(letters, with_facts("activate", until=datetime(2026, 11, 23, 14, 5)))  # noqa: DTZ001 - the point
