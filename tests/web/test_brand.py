"""How an installation looks: its logo, favicon, colour, style sheet and links, all from its own origin."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from accounts.web.kit.assets import describe_letter_brand
from tests.kit.images import png, svg
from tests.kit.pages import Page
from tests.people import Service
from tests.web import hosts

mount = hosts.mount
MakeService = Callable[..., Service]
IMAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
ASSET_URL = re.compile(r'(?:src|srcset|href)="(/(?:auth/)?assets/[^"]+)"')
HTML = {"Accept": "text/html"}


@pytest.fixture
def brand(tmp_path: Path) -> dict[str, Any]:
    """Settings of an installation with a look of its own."""
    files = {"logo": svg(), "logo_dark": png(64, 64), "favicon": png(32, 32), "stylesheet": b"h1 { color: red; }"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return {name: str(tmp_path / name) for name in files} | {
        "accent": "#0f766e",
        "links": "Privacy=https://example.org/privacy, Imprint=/imprint, Our school=https://example.org/",
        "support": "help@example.org",
        "service_name": "Example & Sons",
    }


def asset_urls(service: Service, path: str = "/sign-in") -> dict[str, str]:
    """The addresses that a page loads from, by their paths below assets."""
    urls = ASSET_URL.findall(service.person().get(path).text)
    return {url.partition("/assets/")[2].partition("?")[0]: url for url in urls}


def test_pages_show_the_logo_by_img_and_load_it_once(make_service: MakeService, brand: dict[str, Any]) -> None:
    service = make_service(**brand)
    page = service.person().get("/sign-in").text
    urls = asset_urls(service)
    assert f'<source srcset="{urls["brand/logo-dark"]}" media="(prefers-color-scheme: dark)">' in page
    assert f'<img src="{urls["brand/logo"]}" alt="" width="32" height="32">' in page
    assert "Example &amp; Sons</a>" in page
    assert "<svg" not in page
    assert f'<link rel="icon" href="{urls["brand/favicon"]}">' in page


def test_a_logo_that_is_the_name_stands_alone(make_service: MakeService, tmp_path: Path) -> None:
    (tmp_path / "wide.svg").write_bytes(svg(size='viewBox="0 0 120 30"'))
    page = make_service(logo=str(tmp_path / "wide.svg"), service_name="Example").person().get("/sign-in").text
    header = page[page.index("<header") : page.index("</header>")]
    assert 'alt="Example" width="120" height="30"' in header
    assert "Example" not in Page(header).text


def test_pictures_are_kept_for_ever_and_can_do_nothing(make_service: MakeService, brand: dict[str, Any]) -> None:
    service = make_service(**brand)
    kinds = {"brand/logo": "image/svg+xml", "brand/logo-dark": "image/png", "brand/favicon": "image/png"}
    urls = asset_urls(service)
    for name, kind in kinds.items():
        response = service.person().get(urls[name])
        assert response.content_type == kind
        assert response.headers["Content-Security-Policy"] == IMAGE_POLICY
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in response.headers
        again = service.person().get(urls[name], headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
    assert service.person().get("/assets/brand/nothing").status_code == 404


def test_the_address_of_a_picture_changes_with_it(make_service: MakeService, tmp_path: Path) -> None:
    urls = []
    for side in (8, 9):
        (tmp_path / "logo.png").write_bytes(png(side, side))
        urls.append(asset_urls(make_service(logo=str(tmp_path / "logo.png")))["brand/logo"])
    assert urls[0] != urls[1]


def test_colour_and_own_rules_come_in_the_one_style_sheet(make_service: MakeService, brand: dict[str, Any]) -> None:
    plain, own = make_service(), make_service(**brand)
    urls = [asset_urls(service)["style.css"] for service in (plain, own)]
    texts = [service.person().get(url, buffered=True).text for service, url in zip((plain, own), urls, strict=True)]
    assert urls[0] != urls[1]
    added = texts[1].removeprefix(texts[0].rstrip("\n"))
    assert "--accent: #0f766e;" in added
    assert "@media (prefers-color-scheme: dark)" in added
    assert added.endswith("h1 { color: red; }")
    assert len([name for name in asset_urls(own) if name.endswith(".css")]) == 1


def test_without_settings_the_favicon_is_ours_in_the_accent(make_service: MakeService) -> None:
    for accent in ("#1d4ed8", "#0f766e"):
        service = make_service(accent=accent)
        response = service.person().get(asset_urls(service)["brand/favicon"])
        assert response.content_type == "image/svg+xml"
        assert f'fill="{accent}"' in response.text


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Privacy", "Legal notice", "Our school", "Help"]),
        ("de", ["Datenschutz", "Impressum", "Our school", "Hilfe"]),
    ],
)
def test_every_page_leads_to_the_links_and_to_help(
    make_service: MakeService, brand: dict[str, Any], language: str, words: list[str]
) -> None:
    service = make_service(**brand)
    for path in ("/sign-in", "/nothing-here", "/api/docs", "/check-email"):
        page = service.person().get(path, headers=HTML | {"Accept-Language": language}).text
        footer = page[page.index('<footer class="foot">') :]
        for word, url in zip(
            words,
            ("https://example.org/privacy", "/imprint", "https://example.org/", "mailto:help@example.org"),
            strict=True,
        ):
            assert f'<a href="{url}">{word}</a>' in footer, path


def test_a_page_loads_nothing_from_elsewhere(make_service: MakeService, brand: dict[str, Any]) -> None:
    page = make_service(**brand).person().get("/sign-in").text
    loaded = re.findall(r'<(?:img|script|source|link)[^>]*(?:src|srcset|href)="([^"]+)"', page)
    assert len(loaded) >= 4
    assert all(url.startswith("/assets/") for url in loaded)


def test_below_a_mount_all_is_served_there(
    mount: Callable[..., Service], brand: dict[str, Any], tmp_path: Path
) -> None:
    service = mount(hosts.make_host(tmp_path / "host", {"own.html": ""}), brand, url_prefix="/auth")
    urls = asset_urls(service, "/auth/sign-in")
    assert set(urls) >= {"brand/logo", "brand/logo-dark", "brand/favicon", "style.css"}
    for url in urls.values():
        assert url.startswith("/auth/assets/")
        response = service.person().get(url, buffered=True)
        assert (response.status_code, response.headers["X-Content-Type-Options"]) == (200, "nosniff")


def test_emails_look_as_pages_do(make_service: MakeService, brand: dict[str, Any]) -> None:
    service = make_service(**brand)
    facts = describe_letter_brand(service.site.settings, service.site.link_signer.page_url)
    assert facts["logo_url"] == "", "mail programs show no SVG"
    assert facts["accent"] == "#0f766e"
    origin = service.site.settings.public_origin
    assert facts["links"] == [
        ("privacy", "https://example.org/privacy"),
        ("imprint", f"{origin}/imprint"),
        ("Our school", "https://example.org/"),
    ]
    service = make_service(**brand | {"logo": brand["logo_dark"], "accent": None})
    facts = describe_letter_brand(service.site.settings, service.site.link_signer.page_url)
    assert "accent" not in facts
    path = str(facts["logo_url"]).removeprefix(service.site.settings.public_origin)
    response = service.person().get(path)
    assert response.content_type == "image/png"
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin", "mail on the web shows it, too"
