"""Take pictures: those of the docs, or of every state in every language, to be looked at side by side."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, ViewportSize

from accounts.config import LOCALES
from accounts.core.outbox import Letter
from tests.pictures.emails import list_letters, render_html
from tests.pictures.stage import Stage, open_stage
from tests.pictures.states import STATES
from tests.servers.chromium import chromium

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
DESKTOP, PHONE, EMAIL = (
    ViewportSize(width=width, height=height) for width, height in ((1280, 800), (390, 844), (640, 700))
)
PAGES = (
    "sign-in-for-app", "check-email", "account", "sessions", "consent", "overview", "account-of-user", "invitations",
    "app", "audit-log",
)  # fmt: skip
"""Pages in the docs."""
EMAILS = ("activate", "invite", "reset-password", "sign-in", "password-changed")
"""Emails in the docs."""
LOGO = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><circle cx="20" cy="20" r="20" fill="#0f766e"/>'
    '<path d="M10 27l10-15 10 15z" fill="#fff"/></svg>'
)
LINKS = "Privacy=https://example.org/privacy, Imprint=https://example.org/imprint"


def main() -> None:
    """Run ``make screenshots``."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--sheet", type=Path, metavar="FOLDER", help="every state and email in every language")
    parser.add_argument("--phone", action="store_true", help="as a telephone shows them")
    parser.add_argument("--dark", action="store_true", help="in the dark scheme")
    options = parser.parse_args()
    with open_stage() as stage, chromium() as browser:
        if options.sheet:
            take_sheets(
                browser, stage, options.sheet, viewport=PHONE if options.phone else DESKTOP, dark=options.dark
            )
        else:
            take_pictures(browser, stage)
    if not options.sheet:
        take_branded_picture()


def take_pictures(browser: Browser, stage: Stage) -> None:
    """Write the pictures of the docs: ten pages and five emails."""
    FOLDER.mkdir(exist_ok=True)
    pages = open_pages(browser, stage, DESKTOP, dark=False)
    for state in STATES:
        if state.name in PAGES:
            state.show(pages[state.who], stage)
            pages[state.who].screenshot(path=FOLDER / f"{state.name}.png", animations="disabled")
    reader = browser.new_context(viewport=EMAIL).new_page()
    for letter in list_letters("en"):
        if letter.words in EMAILS:
            _show_email(reader, stage, letter)
            reader.screenshot(path=FOLDER / f"email-{letter.words}.png", full_page=True)


def take_branded_picture() -> None:
    """Write the picture of a page with a logo and a colour of its own."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        logo = Path(folder, "logo.svg")
        logo.write_text(LOGO, "utf-8")
        with open_stage(service_name="Example School", logo=str(logo), accent="#0f766e", links=LINKS) as stage:
            page = open_pages(browser, stage, DESKTOP, dark=False)["visitor"]
            page.goto("/sign-in")
            page.screenshot(path=FOLDER / "branded.png", animations="disabled")


def take_sheets(browser: Browser, stage: Stage, folder: Path, *, viewport: ViewportSize, dark: bool) -> None:
    """Write every state and email in every language, and sheets with the languages of each side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = open_pages(browser, stage, viewport, dark=dark)
    for language in LOCALES:
        for state in STATES:
            state.show(pages[state.who], stage, language)
            pages[state.who].screenshot(path=folder / f"{state.name}.{language}.png", full_page=True)
    reader = browser.new_context(viewport=EMAIL, color_scheme="dark" if dark else "light").new_page()
    names = [state.name for state in STATES]
    for language in LOCALES:
        for letter in list_letters(language):
            _show_email(reader, stage, letter)
            reader.screenshot(path=folder / f"email-{letter.words}.{language}.png", full_page=True)
            names += [f"email-{letter.words}"] * (language == LOCALES[0])
    sheet = browser.new_context(viewport=ViewportSize(width=2000, height=800)).new_page()
    for number, start in enumerate(range(0, len(names), 4)):
        (folder / "sheet.html").write_text(_sheet_html(names[start : start + 4]), "utf-8")
        sheet.goto((folder / "sheet.html").as_uri())
        sheet.screenshot(path=folder / f"sheet-{number:02}.png", full_page=True)


def open_pages(browser: Browser, stage: Stage, viewport: ViewportSize, *, dark: bool) -> dict[str, Page]:
    """Return a browser for each kind of person."""
    people = {"visitor": None, "member": stage.member, "admin": stage.admin}
    scheme = "dark" if dark else "light"
    return {
        who: stage.context(browser, person, viewport=viewport, color_scheme=scheme, locale="en-GB").new_page()
        for who, person in people.items()
    }


def _show_email(page: Page, stage: Stage, letter: Letter) -> None:
    page.set_content(render_html(stage.service, letter))


def _sheet_html(names: list[str]) -> str:
    rows = "".join(
        f"<h2>{name}</h2><div>{''.join(f'<img src={name}.{language}.png>' for language in LOCALES)}</div>"
        for name in names
    )
    style = "div{display:grid;grid-template-columns:repeat(4,1fr);gap:8px;align-items:start}"
    return f"<style>{style}img{{width:100%;max-height:900px;object-fit:contain;object-position:top}}</style>{rows}"


if __name__ == "__main__":
    main()
