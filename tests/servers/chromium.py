"""A real browser: the system's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

PATIENCE = 60_000
"""Milliseconds until a page that does not show what is expected has failed; Playwright has 5 seconds."""

QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Nothing outside of this machine is asked, by us or by the browser.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE *.localhost, EXCLUDE 127.0.0.1",
)


class ChromiumMissing(RuntimeError):
    """There is no Chromium here; the message says how to get one."""


def executable() -> str:
    """The path of the system's Chromium. Raises ``ChromiumMissing``."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise ChromiumMissing(
        f"NO BROWSER TESTS: none of {', '.join(NAMES)} is on PATH. "
        "Debian: apt install chromium; Fedora: dnf install chromium; macOS: brew install --cask chromium."
    )


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser. Each test opens a context of its own in it. Raises ``ChromiumMissing``."""
    path = executable()
    expect.set_options(timeout=PATIENCE)
    # Chromium's sandbox needs user namespaces of somebody who is not root.
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=[*QUIET, *root])
        try:
            yield browser
        finally:
            browser.close()
