"""Reading pages, and what becomes of links: the pieces that the scans stand on."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest

from accounts.testing.mailscan import pages
from accounts.testing.mailscan.mailed import MailedLink

URL = "https://other.example/l/reset/ab-cd_ef.12-34/go"


def test_a_form_is_read_as_a_browser_would_send_it() -> None:
    page = pages.parse_page(
        "https://h.example/a/b",
        """<title> Two  words </title><form action="c" method=post>
        <input type=hidden name=csrf value=1><input name=who><input type=checkbox name=keep checked>
        <input type=checkbox name=all value=x><input type=password name=secret value=given>
        <select name=lang><option value=en>E<option value=de selected>D</select>
        <textarea name=why>because</textarea><textarea name=more></textarea>
        <input type=submit name=go value=Yes><button name=no value=No></button></form>""",
    )
    (form,) = page.forms
    assert (page.title, form.action, form.method) == ("Two words", "https://h.example/a/c", "POST")
    assert form.submitted_values == {
        "csrf": "1",
        "who": "",
        "keep": "on",
        "secret": "given",
        "lang": "de",
        "why": "because",
        "more": "",
        "go": "Yes",
    }
    assert form.empty_fields == ["who", "more"]


def test_only_what_a_browser_asks_for_by_itself_counts_as_loaded() -> None:
    page = pages.parse_page(
        "https://h.example/",
        """<a href="https://elsewhere.example/">away</a><link rel=canonical href="https://c.example/">
        <link rel=preload href="//p.example/f"><img src="/own.png"><img src="data:image/png;base64,x">
        <form action="https://form.example/"></form><iframe src="http://h.example/other-scheme"></iframe>""",
    )
    assert page.foreign_urls == ["https://p.example/f", "http://h.example/other-scheme", "https://form.example/"]


@pytest.mark.parametrize("html", ["", "<", "<form", "</form></select><option value=1>", "<input name=a>" * 3, "<!--"])
def test_broken_html_is_read_as_far_as_it_goes(html: str) -> None:
    assert pages.parse_page("https://h.example/", html).foreign_urls == []


def test_rewriting_changes_the_spelling_and_never_the_address() -> None:
    rewritten = list(MailedLink.from_url(URL).iter_rewritten())
    assert len({url for _, url in rewritten}) == 4, "percent-escapes have nothing to change here"
    assert {unquote(urlsplit(url).path) for _, url in rewritten} == {urlsplit(URL).path}
    assert URL in [url for _, url in rewritten]
    escaped = MailedLink.from_url("https://other.example/c?t=abcd%2Fefgh%3D")
    assert dict(escaped.iter_rewritten())["percent-escapes in lower case"].endswith("abcd%2fefgh%3d")


def test_cuts_come_from_the_end_and_at_each_dash_and_underscore_of_the_token() -> None:
    cuts = [(how, url.partition("/reset/")[2]) for how, url in MailedLink.from_url(URL).iter_cut()]
    assert cuts[0] == ("1 at the end missing", "ab-cd_ef.12-34/g")
    assert cuts[9] == ("10 at the end missing", "ab-cd_e")
    assert cuts[10:] == [("cut at a '-'", "ab"), ("cut at a '_'", "ab-cd"), ("cut at a '-'", "ab-cd_ef.12")]
    assert all(
        url.startswith("https://h.example/")
        for _, url in MailedLink.from_url("https://h.example/abcdefgh").iter_cut()
    )


def test_the_token_is_the_longest_part_unless_it_is_named() -> None:
    assert MailedLink.from_url("https://h.example/confirm/x?token=abcdefghijk&lang=en").token == "abcdefghijk"
    assert MailedLink.from_url("https://h.example/a-very-long-page-name/abcd1234", "abcd1234").token == "abcd1234"
    assert "abcdefghijk" not in repr(MailedLink.from_url("https://h.example/abcdefghijk"))
