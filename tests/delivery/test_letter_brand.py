"""How emails look: colours that can be read, alarms in the colour of danger, and the marks of whoever runs it."""

from __future__ import annotations

import re

import pytest

from accounts.config_colours import contrast
from accounts.delivery.brand import LetterBrand
from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_ORIGIN, SAMPLES, sample_letter
from tests.delivery.sample_letters import MailPage, composed, every_letter

ALARMS = {
    "close-account",
    "close-refused",
    "email-changed",
    "identity-connected",
    "identity-disconnected",
    "password-changed",
}
AA = 4.5
"""Contrast of text (WCAG 2.2, 1.4.3)."""
BRAND = LetterBrand(
    name="Example School",
    logo_url=f"{SAMPLE_ORIGIN}/brand/logo.png",
    accent="#0f766e",
    accent_dark="#5eead4",
    support="help@example.org",
    links=(("Privacy", "https://example.org/privacy"), ("Imprint", "https://example.org/imprint")),
)


def colours(html: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return text and ground of the parts of a letter, in light and in dark."""
    light: dict[str, str] = {}
    for name, tag in (("page", "body"), ("card", r'table [^>]*class="card"'), ("button", r'td class="button[^"]*"')):
        found = re.search(rf"<{tag}[^>]*background-color: (#\w+)", html)
        if found:
            light[name] = found[1]
    for name, tag in (("h1", "h1"), ("quiet", r'p class="hint"'), ("foot", r'td class="foot"')):
        found = re.search(rf"<{tag}[^>]*[; \"]color: (#\w+)", html)
        if found:
            light[name] = found[1]
    found = re.search(r"<td class=\"button[^>]*>\s*<a[^>]*[; \"]color: (#\w+)", html)
    if found:
        light["label"] = found[1]
    found = re.search(r"<p class=\"hint[^>]*>[^<]*<br>\s*<a[^>]*[; \"]color: (#\w+)", html)
    if found:
        light["link"] = found[1]
    style = html.partition("prefers-color-scheme: dark")[2].partition("</style>")[0]

    def dark_of(selector: str, what: str) -> str:
        rules = re.findall(r"([^{}]+)\{([^}]*)\}", style.partition("{")[2])
        values = [
            re.search(rf"(?:^|[; ]){what}: (#\w+)", body)
            for selectors, body in rules
            if selector in [each.strip() for each in selectors.split(",")]
        ]
        return next(value[1] for value in values if value)

    danger = 'class="button danger"' in html
    dark = {
        "page": dark_of("body", "background-color"),
        "card": dark_of(".card", "background-color"),
        "h1": dark_of("h1", "color"),
        "quiet": dark_of(".hint", "color"),
        "foot": dark_of(".foot", "color"),
        "link": dark_of(".hint a", "color"),
        "button": dark_of(".danger" if danger else ".button", "background-color"),
        "label": dark_of(".danger a" if danger else ".button a", "color"),
    }
    return light, dark


@every_letter
def test_everything_can_be_read_in_light_and_in_dark(letters: Letters, words: str) -> None:
    light, dark = colours(composed(letters, sample_letter(words)).html or "")
    assert {"page", "card", "h1", "foot"} <= light.keys()
    assert ("label" in light) is ("button" in light) is ("link" in light)
    for scheme in (light, dark):
        pairs = [("h1", "card"), ("foot", "page")]
        if "label" in light:
            pairs += [("label", "button"), ("quiet", "card"), ("link", "card")]
        for text, ground in pairs:
            assert contrast(scheme[text], scheme[ground]) >= AA, (text, scheme[text], scheme[ground])


@every_letter
def test_a_button_that_raises_an_alarm_has_the_colour_of_danger(letters: Letters, words: str) -> None:
    html = composed(letters, sample_letter(words)).html or ""
    assert ('class="button danger"' in html) is (words in ALARMS)
    assert ('bgcolor="#b42318"' in html) is (words in ALARMS)


def test_every_letter_has_a_reason() -> None:
    kinds = (emails_folder() / "kinds.txt").read_text("utf-8")
    assert set(re.findall(r'"([a-z-]+)": "', kinds)) == set(SAMPLES)
    assert set(SAMPLES) >= ALARMS


def test_without_a_brand_the_name_of_the_service_stands_in_the_head(letters: Letters) -> None:
    page = MailPage(composed(letters, sample_letter("activate")).html or "")
    assert "img" not in page.tags
    assert page.text.count("Accounts") >= 2


def test_a_brand_has_logo_colours_help_and_links() -> None:
    letters = Letters([emails_folder()], "Accounts", SAMPLE_ORIGIN, BRAND)
    message = composed(letters, sample_letter("activate"))
    html = message.html or ""
    page = MailPage(html)
    assert page.tags.count("img") == 1
    (logo,) = re.findall("<img[^>]*>", html)
    assert f'src="{BRAND.logo_url}"' in logo
    assert 'alt="Example School"' in logo
    assert 'bgcolor="#0f766e"' in html
    assert "#5eead4" in html
    assert not re.search("#1d4ed8|#9ab8ff", html)
    assert {"mailto:help@example.org", "https://example.org/privacy", "https://example.org/imprint"} <= set(
        page.targets
    )
    assert "Need help? Contact: help@example.org\n" in (message.body or "")
    assert "Privacy: https://example.org/privacy\nImprint: https://example.org/imprint\n" in (message.body or "")


@pytest.mark.parametrize(
    ("support", "leads_to"),
    [
        ("help@example.org", "mailto:help@example.org"),
        ("https://example.org/help", "https://example.org/help"),
        ("Room 12, every Friday", ""),
        ("javascript:alert(1)", ""),
        ('a@b" onclick=x', ""),
        ("", ""),
    ],
)
def test_help_is_a_link_where_it_is_one(support: str, leads_to: str) -> None:
    assert LetterBrand(support=support).support_url == leads_to


@pytest.mark.parametrize("accent", ["#0f766e", "#fde047", "#000000", "#ffffff", "#808080", "#1d4ed8", "#9ab8ff"])
def test_text_on_an_accent_can_be_read(accent: str) -> None:
    brand = LetterBrand(accent=accent, accent_dark=accent)
    assert contrast(brand.on_accent, accent) >= 4.2  # what the best of two does on any colour
    assert brand.on_accent == brand.on_accent_dark


@pytest.mark.parametrize(
    "given",
    [
        {"accent": "red"},
        {"accent": "#12345"},
        {"accent_dark": "#1d4ed8; background: url(//evil)"},
        {"logo_url": "/logo.png"},
        {"logo_url": "data:image/png;base64,AA"},
        {"logo_url": 'https://example.org/"onerror=x'},
        {"links": [("Privacy", "javascript:alert(1)")]},
        {"links": [("Privacy", "example.org")]},
    ],
)
def test_a_brand_that_would_do_more_than_it_says_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="is no"):
        LetterBrand(**given)  # type: ignore[arg-type] # what a setting may hold
