"""No text is longer than its place: on the smallest telephone, in every language, and from right to left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from accounts.config import LOCALES
from tests.pictures.stage import Stage, open_stage
from tests.pictures.states import STATES

pytestmark = pytest.mark.e2e

SMALLEST_PHONE = {"width": 320, "height": 640}
"""In CSS pixels: 1280 at 400 % (WCAG 2.2, 1.4.10 Reflow)."""
CUT_OFF = """() => [...document.querySelectorAll("body *")].filter(each => {
    const box = each.getBoundingClientRect(), width = document.documentElement.clientWidth;
    // Headings of tables, and what is read out only, are one pixel wide on purpose. Code may scroll in its box.
    if (box.width <= 1 || each.closest("thead, .skip, pre, option, svg")) return false;
    const holdsWords = each.matches("button, .button, label, h1, h2, h3, dt, dd, .tag, nav a, summary");
    // What is inline has no width of its own.
    const clipped = holdsWords && each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1;
    return box.right > width + 1 || box.left < -1 || clipped;
}).map(each => each.outerHTML.slice(0, 160))"""
PSEUDO_LOCALE = """() => {
    document.documentElement.dir = "rtl";
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const letters = "אבגדהוזחטיכלמנסעפצקרשת";
    while (texts.nextNode()) {
        let number = 0;
        // A third longer, as translations are.
        const longer = texts.currentNode.data.replace(/[A-Za-zÀ-ÿ]+/g, word => word + word.slice(0, word.length / 3));
        texts.currentNode.data = longer.replace(/[A-Za-zÀ-ÿ]/g, () => letters[number++ % letters.length]);
    }
}"""


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_stage() as opened:
        yield opened


def pages_of(stage: Stage, browser: Browser) -> dict[str, Page]:
    people = {"visitor": None, "member": stage.member, "admin": stage.admin}
    return {who: stage.context(browser, person, viewport=SMALLEST_PHONE).new_page() for who, person in people.items()}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("language", LOCALES)
def test_no_text_sticks_out_of_the_smallest_phone(stage: Stage, browser: Browser, language: str) -> None:
    pages, found = pages_of(stage, browser), {}
    for state in STATES:
        page = pages[state.who]
        state.show(page, stage, language)
        assert page.get_attribute("html", "lang") == language or state.name == "not-found"
        found[state.name] = page.evaluate(CUT_OFF)
    assert {name: cut_off for name, cut_off in found.items() if cut_off} == {}


@pytest.mark.timeout(300)
def test_nothing_sticks_out_from_right_to_left(stage: Stage, browser: Browser) -> None:
    pages, found = pages_of(stage, browser), {}
    for state in STATES:
        page = pages[state.who]
        state.show(page, stage)
        page.evaluate(PSEUDO_LOCALE)
        found[state.name] = page.evaluate(CUT_OFF)
    assert {name: cut_off for name, cut_off in found.items() if cut_off} == {}
