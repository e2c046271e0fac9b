"""Letters: the same in text and page, in every language, and readable on every wire."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from accounts.core.outbox import Letter
from accounts.delivery.letters import LetterError, Letters, emails_folder
from accounts.delivery.message import LetterMessage
from accounts.delivery.samples import SAMPLE_EMAIL, SAMPLE_ORIGIN, SAMPLE_TIME, SAMPLES, sample_letter
from tests.delivery.sample_letters import (
    LANGUAGES,
    MESSAGE_ID,
    SENDER,
    MailPage,
    composed,
    every_language,
    every_letter,
    links_of,
    received,
    with_facts,
)


def test_every_letter_has_a_sample_and_speaks_every_language(letters: Letters) -> None:
    folders = {path.parent.name for path in emails_folder().glob("*/*.subject")}
    assert folders == set(SAMPLES)
    assert {words: letters.languages(words) for words in SAMPLES} == dict.fromkeys(SAMPLES, LANGUAGES)


@every_letter
@every_language
def test_text_and_page_of_a_letter_hold_the_same_links(letters: Letters, words: str, language: str) -> None:
    message = composed(letters, sample_letter(words, language))
    lines = (message.body or "").splitlines()
    in_text = [line for line in lines if re.fullmatch(r"https?://\S+", line)]
    page = MailPage(message.html or "")
    assert bool(in_text) is bool(links_of(words))
    assert "\n".join(lines).count("://") == len(in_text)  # each on a line of its own
    assert set(page.targets) == set(in_text)
    assert all(target in page.text.split() for target in in_text)  # and readable beside the button
    assert set(in_text) == set(links_of(words))


@every_letter
@every_language
def test_links_survive_the_wire_in_short_unbroken_lines(letters: Letters, words: str, language: str) -> None:
    raw = composed(letters, sample_letter(words, language)).as_bytes()
    lines = raw.split(b"\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(len(line) for line in lines) <= 998  # RFC 5322 2.1.1
    assert all(len(line) < 200 for line in lines if b"://" in line)
    for link in links_of(words):
        assert link.encode() in lines  # the text part


@every_letter
@every_language
def test_a_letter_arrives_as_it_was_written(letters: Letters, words: str, language: str) -> None:
    message = composed(letters, sample_letter(words, language))
    mail = received(message)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert isinstance(text, EmailMessage)
    assert isinstance(html, EmailMessage)
    assert text.get_content().replace("\r\n", "\n") == message.body
    assert MailPage(html.get_content()).text.split() == MailPage(message.html or "").text.split()
    assert mail["To"] == SAMPLE_EMAIL
    assert mail["From"] == SENDER
    assert mail["Message-ID"] == MESSAGE_ID
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Content-Language"] == language
    assert mail["Date"].datetime == SAMPLE_TIME
    assert mail["Subject"] == message.subject
    assert 0 < len(message.subject) < 60


@every_letter
@every_language
def test_a_page_fetches_nothing_and_runs_nothing(letters: Letters, words: str, language: str) -> None:
    html = composed(letters, sample_letter(words, language)).html or ""
    page = MailPage(html)
    assert not {"img", "link", "script", "iframe", "object", "form", "base"} & set(page.tags)
    assert not {"src", "srcset", "background"} & page.attributes
    assert not re.search(r"url\(|@import|@font-face", html)
    assert "prefers-color-scheme: dark" in html
    assert f'<html lang="{language}"' in html


@every_letter
@every_language
def test_when_and_with_what_it_was_asked_is_told_where_it_is_known(
    letters: Letters, words: str, language: str
) -> None:
    message = composed(letters, sample_letter(words, language))
    on = {"de": "auf", "en": "on", "es": "en", "fr": "sur"}[language]
    for part in (message.body or "", message.html or ""):
        assert (f"Safari {on} iPhone." in part) is ("asked" in SAMPLES[words])
        assert "2001:db8" not in part, "a network means nothing to whoever reads this"


@every_language
def test_a_person_without_a_name_is_greeted_all_the_same(letters: Letters, language: str) -> None:
    message = composed(letters, with_facts("reset-password", language, name=None))
    greeting = {"de": "Guten Tag,\n", "en": "Hello,\n", "es": "Hola:\n", "fr": "Bonjour,\n"}[language]
    assert (message.body or "").startswith(greeting)


@every_language
def test_an_old_address_that_cannot_undo_a_change_is_told_without_a_button(letters: Letters, language: str) -> None:
    known = sample_letter("email-changed", language)
    with_link = composed(letters, known)
    without = composed(letters, Letter(known.words, known.to, language, known.context, None))
    assert without.subject == with_link.subject
    assert "://" not in (without.body or "")
    page = MailPage(without.html or "")
    assert page.targets == []
    assert 'class="button"' not in (without.html or "")
    assert "13:35" in page.text  # when it happened
    assert not re.search(r"26(\.| de)? [Nn]ov", page.text), "no link, so no end of it"


def test_the_last_letter_leads_nowhere(letters: Letters) -> None:
    message = composed(letters, sample_letter("account-closed"))
    assert MailPage(message.html or "").targets == []
    assert "closed and deleted" in (message.body or "")


def test_an_invite_needs_neither_inviter_nor_groups(letters: Letters) -> None:
    body = composed(letters, with_facts("invite", inviter=None, groups=[], app="", message="", name="")).body or ""
    assert body.startswith("Hello,\n")
    assert "You're invited to join Accounts." in body
    assert "groups" not in body


def test_a_browser_that_tells_nothing_leaves_no_empty_brackets(letters: Letters) -> None:
    asked = {"at": datetime(2026, 11, 23, 13, 35, tzinfo=UTC), "network": "", "agent": ""}
    body = composed(letters, with_facts("activate", asked=asked)).body or ""
    assert "Time: 23 November 2026 at 13:35 UTC.\n" in body


def test_a_long_name_of_the_service_does_not_make_a_long_subject() -> None:
    letters = Letters([emails_folder()], "N" * 60, SAMPLE_ORIGIN)
    assert len(composed(letters, sample_letter("invite")).subject) < 60


def test_words_that_do_not_exist_are_named(letters: Letters) -> None:
    with pytest.raises(LetterError, match="no-such-letter"):
        composed(letters, Letter("no-such-letter", SAMPLE_EMAIL, "en", {}))


@pytest.mark.parametrize(("locale", "spoken"), [("it", "en"), ("de-AT", "de"), ("fr_CA", "fr"), ("../x", "en")])
def test_a_letter_falls_back_to_a_language_it_speaks(letters: Letters, locale: str, spoken: str) -> None:
    assert received(composed(letters, sample_letter("activate", locale)))["Content-Language"] == spoken


def test_a_host_says_one_file_differently_and_adds_a_language(tmp_path: Path) -> None:
    own = tmp_path / "activate"
    own.mkdir()
    (own / "en.subject").write_text("Welcome aboard\n")
    for part in ("subject", "txt", "html"):
        (own / f"nl.{part}").write_text("{{ service }} {{ until | moment }} {{ link }}\n")
    letters = Letters([tmp_path, emails_folder()], "Accounts", SAMPLE_ORIGIN)
    assert letters.languages("activate") == ("de", "en", "es", "fr", "nl")
    english = composed(letters, sample_letter("activate"))
    assert english.subject == "Welcome aboard"
    assert "Choose a password" in (english.body or "")
    assert "23 november 2026, 14:05 UTC" in (composed(letters, sample_letter("activate", "nl")).body or "")


def test_umlauts_pass_a_server_that_takes_seven_bits(letters: Letters) -> None:
    message = composed(letters, sample_letter("reset-password", "de"))
    assert not message.as_bytes().isascii()
    assert isinstance(message, LetterMessage)
    message.eight_bit = False
    assert message.as_bytes().isascii()
    text = received(message).get_body(("plain",))
    assert isinstance(text, EmailMessage)
    assert text.get_content().replace("\r\n", "\n") == message.body


def test_a_language_without_date_forms_tells_dates_in_english(tmp_path: Path) -> None:
    (tmp_path / "activate").mkdir()
    for part in ("subject", "txt", "html"):
        (tmp_path / "activate" / f"xx.{part}").write_text("{{ until | moment }}\n")
    letters = Letters([tmp_path, emails_folder()], "Accounts", SAMPLE_ORIGIN)
    assert composed(letters, sample_letter("activate", "xx")).body == "23 November 2026, 14:05 UTC\n"
