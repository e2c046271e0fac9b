"""What scanners do: each scan in a class of its own, with the kind of product that does so."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import ClassVar
from urllib.parse import urlsplit

from accounts.testing.mailscan.browser import Answer, Browser
from accounts.testing.mailscan.case import Case, look_of
from accounts.testing.mailscan.report import Severity

HARM, WEAK, NOTE = Severity.HARM, Severity.WEAK, Severity.NOTE
LEAKING_POLICIES = frozenset({"", "unsafe-url", "no-referrer-when-downgrade"})
AT_ONCE = 8


class Scan(ABC):
    """One thing that scanners do to links.

    :cvar acts: whether the link may be spent after it; whatever else changes a thing is harm.
    """

    name: ClassVar[str]
    stands_for: ClassVar[str]
    acts: ClassVar[bool] = False

    @abstractmethod
    def run(self, case: Case) -> None:
        """Do it. What changed is looked at by whoever runs it."""


class Preview(Scan):
    """Also looks at how the page guards the token: it is the first to see it."""

    name = "link preview"
    stands_for = "a mail program or chat fetches the page to show a preview of it"

    def run(self, case: Case) -> None:
        browser = case.browser()
        answer = browser.follow(case.mailed.url)
        if case.first_look is None:
            case.first_look = look_of(answer)
        if answer.status >= 400:
            case.tell("not-opened", HARM, f"the link does not open: {answer}")
        elif answer.page.submits_itself:
            case.tell("submits-itself", HARM, "a script on the page submits a form without anybody pressing a button")
        _guards(case, browser)


class Head(Scan):
    """Asking for the headers only is looking, too."""

    name = "HEAD"
    stands_for = "a link checker asks whether the address is there"

    def run(self, case: Case) -> None:
        case.browser().follow(case.mailed.url, "HEAD")


class Twice(Scan):
    """Looking once must not take anything from who looks next."""

    name = "GET twice"
    stands_for = "a sandbox detonation after a link preview, or a person who reloads"

    def run(self, case: Case) -> None:
        browser = case.browser()
        first, second = (look_of(browser.follow(case.mailed.url)) for _ in range(2))
        if first != second:
            case.tell("second-look", HARM, "the second time, the same browser is shown something else")


class AtOnce(Scan):
    """Those who look at the same moment must not take anything from each other."""

    name = "parallel GET"
    stands_for = "several engines of one gateway detonate the link at the same moment"

    def run(self, case: Case) -> None:
        gate = threading.Barrier(AT_ONCE)
        answers: list[Answer] = []

        def go(browser: Browser) -> None:
            gate.wait(timeout=30)
            answers.append(browser.follow(case.mailed.url))

        threads = [threading.Thread(target=go, args=(case.browser(),)) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if len({look_of(answer) for answer in answers}) > 1:
            case.tell("parallel-differs", HARM, "browsers that come at the same moment are shown different things")


class NoCookies(Scan):
    """Whoever comes without cookies may be turned away, but must not use the link up."""

    name = "redirects without cookies"
    stands_for = "a URL rewriting gateway that resolves redirects, each request with an empty jar"

    def run(self, case: Case) -> None:
        case.browser(keeps_cookies=False).follow(case.mailed.url)


class Sandbox(Scan):
    """A form that was sent empty must not use the link up."""

    name = "sandbox"
    stands_for = "sandbox detonation: a browser with scripts loads the page and sends every form left empty"

    def run(self, case: Case) -> None:
        browser = case.browser()
        answer = browser.follow(case.mailed.url)
        if answer.page.refresh and urlsplit(answer.page.refresh)[:2] == urlsplit(case.mailed.url)[:2]:
            answer = browser.follow(answer.page.refresh)
        for form in answer.page.forms:
            if form.empty or form.method != "POST":
                browser.press(form)


class Robot(Scan):
    """The known limit: nothing tells a robot's press from a person's. So its press must at least do no harm."""

    name = "robot presses the button"
    stands_for = "sandbox detonation that presses buttons"
    acts = True

    def run(self, case: Case) -> None:
        signed_in = case.claims.signed_in
        person = case.person()
        person.follow(case.mailed.url)
        was_in = signed_in(person.client) if signed_in else False
        robot = case.browser()
        page = robot.follow(case.mailed.url).page
        buttons = [form for form in page.forms if form.method == "POST" and not form.empty]
        before = len(robot.steps)
        for form in buttons:
            robot.press(form)
        told = case.changed() if buttons else ""
        if not told:
            return
        case.spent = True
        known = case.claims.button_is_the_act
        says = "declared: pressing the button is the act" if known else f"pressing the button did the act; {told}"
        case.tell("presses-button", NOTE if known else HARM, says)
        if signed_in and (signed_in(person.client) != was_in or signed_in(case.person().client) != was_in):
            case.tell("opens-session", HARM, "the robot's press changed who is signed in in another browser")
        for step in robot.steps[before:]:
            if case.mailed.stands_in(step.leads_to + step.text):
                case.tell("token-after-act", WEAK, f"what follows the act shows the token: {step}")
        _later_click(case)


def _later_click(case: Case) -> None:
    answer = case.look()
    if answer.broke:
        case.tell("later-click", HARM, f"whoever clicks after the robot gets a server error: {answer}")
    elif answer.status not in (200, 409, 410):
        says = f"whoever clicks after the robot is not told that it was done already: {answer}"
        case.tell("later-click-unclear", WEAK, says)


def _guards(case: Case, browser: Browser) -> None:
    """How the token is guarded from whoever stands beside the page: history, caches, Referer, other origins."""
    *hops, last = browser.steps
    if case.mailed.stands_in(last.url):
        case.tell("token-in-address", WEAK, "the page that is shown has the token in its address")
    if any(case.mailed.stands_in(hop.leads_to) for hop in hops):
        case.tell("token-in-location", WEAK, "a redirect repeats the token in its Location")
    if case.mailed.stands_in(last.text):
        case.tell("token-in-page", WEAK, "the token stands in the page")
    for step in browser.steps:
        if "no-store" not in step.headers.get("Cache-Control", "").lower():
            case.tell("cacheable", WEAK, f"no Cache-Control: no-store: {step}")
        policies = [each.strip().lower() for each in step.headers.get("Referrer-Policy", "").split(",")]
        if policies[-1] in LEAKING_POLICIES:
            case.tell("referrer", WEAK, f"no Referrer-Policy that keeps the address in: {step}")
    for url in last.page.foreign:
        case.tell("third-party", WEAK, f"the page asks another origin: {urlsplit(url).netloc}")
