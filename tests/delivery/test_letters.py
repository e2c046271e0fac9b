from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from html.parser import HTMLParser
from pathlib import Path

import pytest
from flask_mail import Message

from accounts.core.outbox import Letter
from accounts.delivery import filters
from accounts.delivery.letters import LetterError, Letters, emails_folder
from accounts.delivery.message import LetterMessage
from accounts.delivery.samples import SAMPLE_EMAIL, SAMPLE_ORIGIN, SAMPLES, sample_letter

LANGUAGES = ("de", "en")
SENDER = "Accounts <no-reply@example.org>"
MESSAGE_ID = "<Zk3v9QpLw2@accounts.example.org>"
WORDS = sorted(SAMPLES)
OPTIONAL = {"email-changed": {"link"}}
"""Facts without which a letter says something else. Only the first of several old addresses can undo a change."""

every_letter = pytest.mark.parametrize("words", WORDS)
every_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture
def letters() -> Letters:
    return Letters([emails_folder()], "Accounts", SAMPLE_ORIGIN)


def composed(letters: Letters, letter: Letter, sender: str = SENDER) -> Message:
    return letters.compose(letter, sender=sender, message_id=MESSAGE_ID)


def with_facts(words: str, **changed: object) -> Letter:
    known = sample_letter(words)
    return Letter(words, known.to, "en", {**known.context, **changed}, known.link)


def links_of(words: str) -> set[str]:
    return {str(fact) for name, fact in SAMPLES[words].items() if name == "link" or name.endswith("_url")}


def received(message: Message) -> EmailMessage:
    parsed = message_from_bytes(message.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


class Page(HTMLParser):
    """What a mail program sees: link targets, text, and what it would have to fetch."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


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
    page = Page(message.html or "")
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
    assert Page(html.get_content()).text.split() == Page(message.html or "").text.split()
    assert mail["To"] == SAMPLE_EMAIL
    assert mail["From"] == SENDER
    assert mail["Message-ID"] == MESSAGE_ID
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Content-Language"] == language
    assert abs(mail["Date"].datetime - datetime.now(UTC)) < timedelta(minutes=1)
    assert mail["Subject"] == message.subject
    assert 0 < len(message.subject) < 60


@every_letter
@every_language
def test_a_page_fetches_nothing_and_runs_nothing(letters: Letters, words: str, language: str) -> None:
    html = composed(letters, sample_letter(words, language)).html or ""
    page = Page(html)
    assert not {"img", "link", "script", "iframe", "object", "form", "base"} & set(page.tags)
    assert not {"src", "srcset", "background"} & page.attributes
    assert not re.search(r"url\(|@import|@font-face", html)
    assert "prefers-color-scheme: dark" in html
    assert f'<html lang="{language}"' in html


@every_letter
@every_language
def test_who_asked_is_told_where_it_is_known(letters: Letters, words: str, language: str) -> None:
    message = composed(letters, sample_letter(words, language))
    told = "2001:db8:7:1::/64 (Firefox on Linux)" in (message.body or "")
    assert told is ("asked" in SAMPLES[words])
    assert told is ("2001:db8:7:1::/64 (Firefox on Linux)" in (message.html or ""))


@every_language
def test_a_person_without_a_name_is_greeted_all_the_same(letters: Letters, language: str) -> None:
    known = sample_letter("reset-password", language)
    message = composed(letters, Letter(known.words, known.to, language, {**known.context, "name": None}, known.link))
    assert (message.body or "").startswith({"en": "Hello,\n", "de": "Guten Tag,\n"}[language])


@every_language
def test_an_old_address_that_cannot_undo_a_change_is_told_without_a_button(letters: Letters, language: str) -> None:
    known = sample_letter("email-changed", language)
    with_link = composed(letters, known)
    without = composed(letters, Letter(known.words, known.to, language, known.context, None))
    assert without.subject == with_link.subject
    assert "://" not in (without.body or "")
    page = Page(without.html or "")
    assert page.targets == []
    assert 'class="button"' not in (without.html or "")
    assert "14:05 UTC" in page.text  # when it happened


def test_the_last_letter_leads_nowhere(letters: Letters) -> None:
    message = composed(letters, sample_letter("account-closed"))
    assert Page(message.html or "").targets == []
    assert "closed and deleted" in (message.body or "")


def test_an_invite_needs_neither_inviter_nor_groups(letters: Letters) -> None:
    body = composed(letters, with_facts("invite", inviter=None, groups=[])).body or ""
    assert "You are invited to Accounts." in body
    assert "groups" not in body


def test_a_browser_that_tells_nothing_leaves_no_empty_brackets(letters: Letters) -> None:
    asked = {"at": datetime(2026, 11, 23, 13, 35, tzinfo=UTC), "network": "", "agent": ""}
    body = composed(letters, with_facts("activate", asked=asked)).body or ""
    assert "Request of 23 November 2026, 13:35 UTC.\n" in body


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
    assert "b" not in Page(message.html or "").tags
    assert "onclick" not in Page(message.html or "").attributes
    assert 'Hello <b onclick="x">Anna & {{ 7*7 }},' in Page(message.html or "").text


@every_letter
def test_no_fact_reaches_the_subject(letters: Letters, words: str) -> None:
    known = sample_letter(words)
    typed = {name: "Urgent\r\nBcc: evil" for name in ("name", "inviter") if name in known.context}
    usual = composed(letters, known)
    assert composed(letters, with_facts(words, **typed)).subject == usual.subject


def test_a_long_name_of_the_service_does_not_make_a_long_subject() -> None:
    letters = Letters([emails_folder()], "N" * 60, SAMPLE_ORIGIN)
    assert len(composed(letters, sample_letter("invite")).subject) < 60


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


def test_words_that_do_not_exist_are_named(letters: Letters) -> None:
    with pytest.raises(LetterError, match="no-such-letter"):
        composed(letters, Letter("no-such-letter", SAMPLE_EMAIL, "en", {}))


@pytest.mark.parametrize(("locale", "spoken"), [("fr", "en"), ("de-AT", "de"), ("de_CH", "de"), ("../x", "en")])
def test_a_letter_falls_back_to_a_language_it_speaks(letters: Letters, locale: str, spoken: str) -> None:
    assert received(composed(letters, sample_letter("activate", locale)))["Content-Language"] == spoken


def test_a_host_says_one_file_differently_and_adds_a_language(tmp_path: Path) -> None:
    own = tmp_path / "activate"
    own.mkdir()
    (own / "en.subject").write_text("Welcome aboard\n")
    for part in ("subject", "txt", "html"):
        (own / f"fr.{part}").write_text("{{ service }} {{ until | moment }} {{ link }}\n")
    letters = Letters([tmp_path, emails_folder()], "Accounts", SAMPLE_ORIGIN)
    assert letters.languages("activate") == ("de", "en", "fr")
    english = composed(letters, sample_letter("activate"))
    assert english.subject == "Welcome aboard"
    assert "Choose a password" in (english.body or "")
    assert "23 novembre 2026, 14:05 UTC" in (composed(letters, sample_letter("activate", "fr")).body or "")


def test_a_subject_of_two_lines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "activate").mkdir()
    (tmp_path / "activate" / "en.subject").write_text("One\nBcc: evil@example.net\n")
    with pytest.raises(LetterError, match="subject"):
        composed(Letters([tmp_path, emails_folder()], "Accounts", SAMPLE_ORIGIN), sample_letter("activate"))


@pytest.mark.parametrize(
    ("language", "shown"), [("en", "23 November 2026, 14:05 UTC"), ("de", "23. November 2026, 14:05 UTC")]
)
def test_a_moment_is_told_in_utc_and_says_so(letters: Letters, language: str, shown: str) -> None:
    elsewhere = datetime(2026, 11, 24, 1, 5, tzinfo=timezone(timedelta(hours=11)))
    known = sample_letter("activate", language)
    letter = Letter(known.words, known.to, language, {**known.context, "until": elsewhere}, known.link)
    assert shown in (composed(letters, letter).body or "")


def test_a_moment_without_a_time_zone_is_refused(letters: Letters) -> None:
    with pytest.raises(ValueError, match="time zone"):
        composed(letters, with_facts("activate", until=datetime(2026, 11, 23, 14, 5)))  # noqa: DTZ001 - the point


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
