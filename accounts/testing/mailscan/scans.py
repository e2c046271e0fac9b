"""What scanners do: each scan in a class of its own, with the kind of product that does so."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import ClassVar
from urllib.parse import urlsplit

from accounts.testing.mailscan.browser import RecordedResponse, ScanBrowser
from accounts.testing.mailscan.case import ScanCase, appearance_of
from accounts.testing.mailscan.report import Severity

HARM, WEAK, NOTE = Severity.HARM, Severity.WEAK, Severity.NOTE
LEAKING_REFERRER_POLICIES = frozenset({"", "unsafe-url", "no-referrer-when-downgrade"})
PARALLEL_BROWSERS = 8


class Scan(ABC):
    """One thing that scanners do to links.

    :cvar acts: whether the link may be spent after it; whatever else changes a thing is harm.
    """

    name: ClassVar[str]
    stands_for: ClassVar[str]
    may_spend_link: ClassVar[bool] = False

    @abstractmethod
    def run(self, case: ScanCase) -> None:
        """Do it. What changed is looked at by whoever runs it."""


class LinkPreview(Scan):
    """Also looks at how the page guards the token: it is the first to see it."""

    name = "link preview"
    stands_for = "a mail program or chat fetches the page to show a preview of it"

    def run(self, case: ScanCase) -> None:
        """Do what a link preview does."""
        browser = case.new_scanner()
        response = browser.follow(case.mailed.url)
        if case.first_appearance is None:
            case.first_appearance = appearance_of(response)
        if response.status >= 400:
            case.add_finding("not-opened", HARM, f"the link does not open: {response}")
        elif response.page.auto_submits:
            case.add_finding(
                "submits-itself", HARM, "a script on the page submits a form without anybody pressing a button"
            )
        _check_token_exposure(case, browser)


class HeadRequest(Scan):
    """Asking for the headers only is looking, too."""

    name = "HEAD"
    stands_for = "a link checker asks whether the address is there"

    def run(self, case: ScanCase) -> None:
        """Ask by HEAD."""
        case.new_scanner().follow(case.mailed.url, "HEAD")


class RepeatedGet(Scan):
    """Looking once must not take anything from who looks next."""

    name = "GET twice"
    stands_for = "a sandbox detonation after a link preview, or a person who reloads"

    def run(self, case: ScanCase) -> None:
        """Open the link again and again in one browser."""
        browser = case.new_scanner()
        first, second = (appearance_of(browser.follow(case.mailed.url)) for _ in range(2))
        if first != second:
            case.add_finding("second-look", HARM, "the second time, the same browser is shown something else")


class ParallelGet(Scan):
    """Those who look at the same moment must not take anything from each other."""

    name = "parallel GET"
    stands_for = "several engines of one gateway detonate the link at the same moment"

    def run(self, case: ScanCase) -> None:
        """Open the link in several browsers at once."""
        barrier = threading.Barrier(PARALLEL_BROWSERS)
        responses: list[RecordedResponse] = []

        def go(browser: ScanBrowser) -> None:
            barrier.wait(timeout=30)
            responses.append(browser.follow(case.mailed.url))

        threads = [threading.Thread(target=go, args=(case.new_scanner(),)) for _ in range(PARALLEL_BROWSERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len({appearance_of(response) for response in responses}) > 1:
            case.add_finding(
                "parallel-differs", HARM, "browsers that come at the same moment are shown different things"
            )


class RedirectsWithoutCookies(Scan):
    """Whoever comes without cookies may be turned away, but must not use the link up."""

    name = "redirects without cookies"
    stands_for = "a URL rewriting gateway that resolves redirects, each request with an empty jar"

    def run(self, case: ScanCase) -> None:
        """Follow the redirects without keeping cookies."""
        case.new_scanner(keeps_cookies=False).follow(case.mailed.url)


class SandboxSubmit(Scan):
    """A form that was sent empty must not use the link up."""

    name = "sandbox"
    stands_for = "sandbox detonation: a browser with scripts loads the page and sends every form left empty"

    def run(self, case: ScanCase) -> None:
        """Submit forms as a sandbox does."""
        browser = case.new_scanner()
        response = browser.follow(case.mailed.url)
        if (
            response.page.refresh_target
            and urlsplit(response.page.refresh_target)[:2] == urlsplit(case.mailed.url)[:2]
        ):
            response = browser.follow(response.page.refresh_target)
        for form in response.page.forms:
            if form.empty_fields or form.method != "POST":
                browser.submit(form)


class RobotPress(Scan):
    """The known limit: nothing tells a robot's press from a person's. So its press must at least do no harm."""

    name = "robot presses the button"
    stands_for = "sandbox detonation that presses buttons"
    may_spend_link = True

    def run(self, case: ScanCase) -> None:
        """Press the button as a robot does."""
        signed_in = case.options.signed_in
        recipient = case.new_recipient()
        recipient.follow(case.mailed.url)
        was_signed_in = signed_in(recipient.client) if signed_in else False
        robot = case.new_scanner()
        page = robot.follow(case.mailed.url).page
        buttons = [form for form in page.forms if form.method == "POST" and not form.empty_fields]
        responses_before = len(robot.responses)
        for form in buttons:
            robot.submit(form)
        change = case.find_change() if buttons else ""
        if not change:
            return
        case.is_link_spent = True
        is_declared = case.options.button_is_the_act
        message = (
            "declared: pressing the button is the act"
            if is_declared
            else f"pressing the button did the act; {change}"
        )
        case.add_finding("presses-button", NOTE if is_declared else HARM, message)
        if signed_in and (
            signed_in(recipient.client) != was_signed_in or signed_in(case.new_recipient().client) != was_signed_in
        ):
            case.add_finding("opens-session", HARM, "the robot's press changed who is signed in in another browser")
        for response in robot.responses[responses_before:]:
            if case.mailed.is_token_in(response.redirect_target + response.text):
                case.add_finding("token-after-act", WEAK, f"what follows the act shows the token: {response}")
        _check_later_click(case)


def _check_later_click(case: ScanCase) -> None:
    response = case.open_link()
    if response.is_server_error:
        case.add_finding("later-click", HARM, f"whoever clicks after the robot gets a server error: {response}")
    elif response.status not in (200, 409, 410):
        message = f"whoever clicks after the robot is not told that it was done already: {response}"
        case.add_finding("later-click-unclear", WEAK, message)


def _check_token_exposure(case: ScanCase, browser: ScanBrowser) -> None:
    """How the token is guarded from whoever stands beside the page: history, caches, Referer, other origins."""
    *redirects, final_response = browser.responses
    if case.mailed.is_token_in(final_response.url):
        case.add_finding("token-in-address", WEAK, "the page that is shown has the token in its address")
    if any(case.mailed.is_token_in(redirect.redirect_target) for redirect in redirects):
        case.add_finding("token-in-location", WEAK, "a redirect repeats the token in its Location")
    if case.mailed.is_token_in(final_response.text):
        case.add_finding("token-in-page", WEAK, "the token stands in the page")
    for response in browser.responses:
        if "no-store" not in response.headers.get("Cache-Control", "").lower():
            case.add_finding("cacheable", WEAK, f"no Cache-Control: no-store: {response}")
        policies = [each.strip().lower() for each in response.headers.get("Referrer-Policy", "").split(",")]
        if policies[-1] in LEAKING_REFERRER_POLICIES:
            case.add_finding("referrer", WEAK, f"no Referrer-Policy that keeps the address in: {response}")
    for url in final_response.page.foreign_urls:
        case.add_finding("third-party", WEAK, f"the page asks another origin: {urlsplit(url).netloc}")
