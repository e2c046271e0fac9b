"""What emails say in four languages: subjects that differ, previews, how long links work, and whose time it is."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from itertools import combinations

import pytest

from accounts.config import LOCALES
from accounts.core.outbox import Letter
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_ORIGIN, SAMPLE_TIME, SAMPLES, sample_letter
from tests.delivery.sample_letters import (
    LANGUAGES,
    WORDS,
    MailPage,
    composed,
    every_language,
    every_letter,
    with_facts,
)

NO_BREAK_SPACE = "\u00a0"
LONG_WORDS = re.compile(r"\b(somebody|mail|mails|anew)\b", re.IGNORECASE)
WITH_LINK = [words for words in WORDS if "link" in SAMPLES[words]]


def preheader_of(html: str) -> str:
    found = re.search(r'<div class="preheader"[^>]*aria-hidden="true"[^>]*>([^<]*)</div>', html)
    return re.sub(r"[\s\u00a0\u034f\u200c]+$", "", unescape(found[1])) if found else ""


def test_all_languages_of_the_service_are_spoken() -> None:
    assert set(LANGUAGES) == set(LOCALES)


@every_language
def test_every_subject_differs_from_every_other(letters: Letters, language: str) -> None:
    subjects = {words: composed(letters, sample_letter(words, language)).subject for words in WORDS}
    assert len(set(subjects.values())) == len(WORDS), subjects


@every_letter
def test_a_subject_is_not_left_in_another_language(letters: Letters, words: str) -> None:
    if words == "host-link":
        return  # Its subject is the host's.
    subjects = [composed(letters, sample_letter(words, language)).subject for language in LANGUAGES]
    for one, other in combinations(subjects, 2):
        assert one != other


@every_letter
@every_language
def test_a_long_name_of_the_service_does_not_make_a_long_subject(words: str, language: str) -> None:
    letters = Letters([emails_folder()], "N" * 60, SAMPLE_ORIGIN)
    assert len(composed(letters, sample_letter(words, language)).subject) < 72


@every_language
def test_inboxes_show_a_preview_that_is_neither_greeting_nor_title(letters: Letters, language: str) -> None:
    previews = {}
    for words in WORDS:
        message = composed(letters, sample_letter(words, language))
        preview = previews[words] = preheader_of(message.html or "")
        title = re.search(r"<title>(.*)</title>", message.html or "")
        assert title is not None
        assert 20 <= len(preview) <= 100, (words, preview)
        assert preview not in (message.subject, title[1])
        assert preview not in (message.body or ""), "the text says it already"
    assert len(set(previews.values())) == len(WORDS)


@pytest.mark.parametrize("words", WITH_LINK)
@pytest.mark.parametrize(
    ("language", "soon", "later"),
    [
        ("en", "expires in 30 minutes, at 14:05 UTC.", "expires in 3 days, on 26 November 2026 at 13:35 UTC."),
        ("de", "30 Minuten gültig, bis 14:05 Uhr UTC.", "3 Tage gültig, bis zum 26. November 2026 um 13:35 Uhr UTC."),
        ("fr", "expire dans 30 minutes, à 14:05 UTC.", "expire dans 3 jours, le 26 novembre 2026 à 13:35 UTC."),
        (
            "es",
            "caduca en 30 minutos, a las 14:05 UTC.",
            "caduca en 3 días, el 26 de noviembre de 2026 a las 13:35 UTC.",
        ),
    ],
)
def test_every_link_says_how_long_it_works(
    letters: Letters, words: str, language: str, soon: str, later: str
) -> None:
    for lasts, shown in ((timedelta(minutes=30), soon), (timedelta(hours=72), later)):
        message = composed(letters, with_facts(words, language, until=SAMPLE_TIME + lasts))
        for part in (message.body or "", MailPage(message.html or "").text):
            assert shown in part.replace(NO_BREAK_SPACE, " ")


@pytest.mark.parametrize(
    ("lasts", "shown"),
    [
        (timedelta(minutes=15), "15 minutes"),
        (timedelta(minutes=30) - timedelta(seconds=2), "30 minutes"),
        (timedelta(minutes=60), "1 hour"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(hours=47, minutes=59), "47 hours"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=14) - timedelta(hours=1), "13 days"),
    ],
)
def test_what_is_left_is_never_more_than_there_is(letters: Letters, lasts: timedelta, shown: str) -> None:
    body = composed(letters, with_facts("activate", until=SAMPLE_TIME + lasts)).body or ""
    assert f"expires in {shown}," in body


def test_a_link_that_is_over_is_not_said_to_last(letters: Letters) -> None:
    body = composed(letters, with_facts("activate", until=SAMPLE_TIME - timedelta(days=1))).body or ""
    assert "expires on 22 November 2026 at 13:35 UTC." in body


@every_language
def test_moments_are_told_in_the_zone_of_the_account(letters: Letters, language: str) -> None:
    tokyo = composed(letters, with_facts("password-changed", language, zone="Asia/Tokyo"))
    for part in (tokyo.body or "", MailPage(tokyo.html or "").text):
        assert "22:35" in part
        assert "UTC" not in part


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "../../etc/passwd", "x" * 400])
def test_without_a_zone_that_is_known_moments_are_in_utc_and_say_so(letters: Letters, zone: str | None) -> None:
    assert "on 23 November 2026 at 13:35 UTC." in (
        composed(letters, with_facts("password-changed", zone=zone)).body or ""
    )


def test_today_is_a_day_in_the_readers_zone(letters: Letters) -> None:
    late = datetime(2026, 11, 23, 14, 50, tzinfo=UTC)
    letter = with_facts("activate", zone="Asia/Tokyo", until=late + timedelta(minutes=30))
    body = letters.compose(letter, sender="a@example.org", message_id="<a@example.org>", at=late).body or ""
    assert "expires in 30 minutes, on 24 November 2026 at 00:20." in body


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", "on 23 November 2026 at 14:05 UTC"),
        ("de", "am 23. November 2026 um 14:05 Uhr UTC"),
        ("fr", "le 23 novembre 2026 à 14:05 UTC"),
        ("es", "el 23 de noviembre de 2026 a las 14:05 UTC"),
    ],
)
def test_a_moment_is_told_as_the_language_has_it(letters: Letters, language: str, shown: str) -> None:
    elsewhere = datetime(2026, 11, 24, 1, 5, tzinfo=timezone(timedelta(hours=11)))
    assert shown in (composed(letters, with_facts("password-changed", language, at=elsewhere)).body or "")


@every_letter
def test_english_is_plain(letters: Letters, words: str) -> None:
    message = composed(letters, sample_letter(words))
    for part in (
        message.subject,
        message.body or "",
        MailPage(message.html or "").text,
        preheader_of(message.html or ""),
    ):
        text = re.sub(r"https?://\S+", "", part)
        assert not LONG_WORDS.search(text), LONG_WORDS.search(text)


@every_letter
def test_french_has_its_own_marks(letters: Letters, words: str) -> None:
    message = composed(letters, sample_letter(words, "fr"))
    own = re.sub(
        r"https?://\S+|O'Neill", "", f"{message.subject}\n{message.body}\n{preheader_of(message.html or '')}"
    )
    assert not re.search(r"[^\u00a0\d][:;?!»](\s|$)|«[^\u00a0]|'", own)


@every_letter
@every_language
def test_the_foot_says_who_sent_it_to_whom_and_why(letters: Letters, words: str, language: str) -> None:
    known = sample_letter(words, language)
    foot = {
        "de": f"Accounts hat diese E-Mail an {known.to} gesendet, ",
        "en": f"Accounts sent this email to {known.to} ",
        "es": f"Accounts envió este correo a {known.to} ",
        "fr": f"Accounts a envoyé cet e-mail à {known.to} ",
    }[language]
    message = composed(letters, known)
    for part in (message.body or "", MailPage(message.html or "").text):
        assert len(part.partition(foot)[2].partition(".")[0]) > 10


def test_a_letter_of_a_host_has_a_reason_too(letters: Letters) -> None:
    known = sample_letter("host-link")
    letter = Letter("join-newsletter", known.to, "en", known.context, known.link, default_words="host-link")
    assert "because this address was entered there." in (composed(letters, letter).body or "")
