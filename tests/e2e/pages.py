"""Pages in a browser: forms are sent and links followed until the next page has come."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def follow(page: Page, target: str | Locator) -> None:
    """
    Click a link or button that leads to another page, and wait until that page has loaded.

    A click alone may return while the browser is still at the old page: what looks at "the page" then sees the old
    one, or one that is torn down under its eyes, and what goes elsewhere cancels the form.

    :param target: the link or button, or a selector of it as Playwright has them.
    """
    button = page.locator(target) if isinstance(target, str) else target
    with page.expect_event("load"):
        button.first.click()


def send(page: Page, **fields: str) -> None:
    """
    Fill in fields by their names, press the button of their form, and wait for the answer: mail is due by then.

    Without fields the first main button of the page is pressed.
    """
    for name, value in fields.items():
        if page.locator(f"select[name={name}]").count():
            page.select_option(f"select[name={name}]", value)
        else:
            page.fill(f"[name={name}]", value)
    form = page.locator("main")
    if fields:
        form = page.locator("form", has=page.locator(f"[name={next(iter(fields))}]"))
    follow(page, form.locator(".primary"))
