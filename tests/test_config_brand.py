"""How pages look, by settings: what is taken, and how the rest is refused in one line."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.config import Settings
from accounts.config_brand import FooterLink
from accounts.config_colours import (
    DARK_CONTRAST,
    DARK_GROUND,
    INK,
    LIGHT_GROUND,
    MIN_CONTRAST,
    WHITE,
    Accent,
    contrast,
    format_ratio,
    parse_accent,
)
from accounts.config_sources import SettingsError
from accounts.web.kit.templates import STATIC_FOLDER
from tests.kit.images import png, svg

MakeSettings = Callable[..., Settings]


def load(**values: Any) -> Settings:
    """Settings of a service by itself, with these among its environment."""
    return Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in values.items()})


def refusal(**values: Any) -> str:
    """What is said at start where they are not taken: one line."""
    with pytest.raises(SettingsError) as caught:
        load(**values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        # Pairs whose ratios are published: WCAG's own extremes, and those of WebAIM's contrast checker.
        ("#ffffff", "#000000", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#ffffff", "#777777", 4.48),
        ("#ffffff", "#767676", 4.54),
        ("#ffffff", "#949494", 3.03),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 4.0),
        ("#ffff00", "#ffffff", 1.07),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.005)


def test_a_ratio_is_never_written_as_more_than_it_is() -> None:
    assert format_ratio(4.4999) == "4.49:1"
    assert format_ratio(4.5) == "4.5:1"


def test_an_accent_that_cannot_be_read_is_refused_with_its_ratio_and_one_that_can() -> None:
    message = refusal(accent="#ffcc00")
    assert message.startswith("ACCOUNTS_ACCENT: #ffcc00 has a contrast of 1.38:1")
    (nearest,) = re.findall(r"nearest colour that has it is (#[0-9a-f]{6})$", message)
    assert load(accent=nearest).accent is not None
    assert "must be a colour such as" in refusal(accent="blue")
    assert "must be a colour such as" in refusal(accent="#12345")


@pytest.mark.parametrize("colour", ["#1d4ed8", "#0f766e", "#b91c1c", "#000000", "#5b21b6", "#707070", "#886d00"])
def test_all_shades_of_an_accent_can_be_read(colour: str) -> None:
    accent = parse_accent(colour.upper())
    assert isinstance(accent, Accent)
    assert accent.light == colour
    assert contrast(accent.light, LIGHT_GROUND) >= MIN_CONTRAST
    assert contrast(accent.light_strong, LIGHT_GROUND) >= MIN_CONTRAST
    assert contrast(accent.dark, DARK_GROUND) >= DARK_CONTRAST
    for ground in (accent.light, accent.light_strong):
        assert contrast(WHITE, ground) >= MIN_CONTRAST
    for ground in (accent.dark, accent.dark_strong):
        assert contrast(INK, ground) >= MIN_CONTRAST


def test_the_grounds_are_those_of_the_style_sheet_where_an_accent_stands_out_least() -> None:
    rules = (STATIC_FOLDER / "style.css").read_text("utf-8")
    light, dark = rules.split("@media (prefers-color-scheme: dark)", 1)
    for text, ground in ((light, LIGHT_GROUND), (dark[: dark.index("}")], DARK_GROUND)):
        colours = re.findall(r"--(?:ground|surface|hover): (#[0-9a-f]{3,6});", text)
        full = ["#" + "".join(2 * letter for letter in each[1:]) if len(each) == 4 else each for each in colours]
        assert len(full) == 3
        accent = "#1d4ed8" if ground == LIGHT_GROUND else "#9ab8ff"
        assert min(full, key=lambda each: contrast(accent, each)) == ground


def test_pictures_are_read_at_start(tmp_path: Path) -> None:
    (tmp_path / "logo.svg").write_bytes(svg())
    (tmp_path / "icon.png").write_bytes(png())
    settings = load(logo=str(tmp_path / "logo.svg"), favicon=str(tmp_path / "icon.png"))
    assert settings.logo is not None
    assert settings.favicon is not None
    assert (settings.logo.image.content_type, settings.favicon.image.content_type) == ("image/svg+xml", "image/png")
    assert str(settings.logo) == str(tmp_path / "logo.svg")


@pytest.mark.parametrize("name", ["logo", "logo_dark", "favicon"])
def test_a_picture_that_cannot_be_shown_is_one_line_at_start(name: str, tmp_path: Path) -> None:
    path = tmp_path / "logo"
    setting = f"ACCOUNTS_{name.upper()}"
    assert refusal(**{name: str(path)}) == f"{setting}: cannot read {path}: No such file or directory"
    assert "cannot read" in refusal(**{name: str(tmp_path)})
    assert "cannot read" in refusal(**{name: "a\x00b"})
    path.write_text("<html><script>alert(1)</script></html>", "utf-8")
    assert refusal(**{name: str(path)}) == f"{setting}: {path} is no PNG, WebP or SVG"
    path.write_bytes(svg("<!--" + "x" * 200_000 + "-->"))
    assert refusal(**{name: str(path)}) == f"{setting}: {path} is larger than 200 kB"


def test_a_style_sheet_is_read_at_start(tmp_path: Path) -> None:
    path = tmp_path / "own.css"
    path.write_text("h1 { letter-spacing: 0; }", "utf-8")
    settings = load(stylesheet=str(path))
    assert settings.stylesheet is not None
    assert settings.stylesheet.text == "h1 { letter-spacing: 0; }"
    path.write_bytes(b"\xff\xfe")
    assert refusal(stylesheet=str(path)) == f"ACCOUNTS_STYLESHEET: {path} is not UTF-8"
    assert "cannot read" in refusal(stylesheet=str(tmp_path / "missing.css"))


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("", []),
        ("Privacy=https://example.org/privacy", [("privacy", "https://example.org/privacy")]),
        (
            "privacy=/p, Imprint=https://example.org/?a=b&c=d,Terms=/t , Our school=https://example.org/",
            [
                ("privacy", "/p"),
                ("imprint", "https://example.org/?a=b&c=d"),
                ("terms", "/t"),
                ("Our school", "https://example.org/"),
            ],
        ),
        ({"Impressum": "/imprint"}, [("Impressum", "/imprint")]),
    ],
)
def test_links_below_each_page(value: Any, links: list[tuple[str, str]]) -> None:
    assert load(links=value).links == tuple(FooterLink(*each) for each in links)


@pytest.mark.parametrize(
    "value",
    [
        "https://example.org/",
        "Privacy",
        "Privacy=",
        "=https://example.org/",
        "Privacy=http://example.org/",
        "Privacy=javascript:alert(1)",
        "Privacy=//example.org/",
        "Privacy=/\\example.org/",
        "Privacy=https://user@example.org/",
        "Privacy=https://example.org/a b",
        "Privacy=https://",
        "Privacy=https://example.org:0/",
        f"{'x' * 41}=/x",
        ",".join(f"Link {number}=/{number}" for number in range(9)),
        {"a\nb": "/x"},
    ],
)
def test_links_that_lead_nowhere_are_refused(value: Any) -> None:
    assert refusal(links=value).startswith("ACCOUNTS_LINKS: ")
