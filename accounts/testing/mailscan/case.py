"""One scan of one link: who asks, what was found, and whether anything has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from werkzeug.test import Client

from accounts.testing.mailscan.browser import Answer, Browser
from accounts.testing.mailscan.mailed import Mailed
from accounts.testing.mailscan.report import Finding, ScanResult, Severity

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SCANNER = "Mozilla/5.0 (compatible; MailScanner/1.0)"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
Look = tuple[int, str, tuple[object, ...]]
_networks = count(1)


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What the host says about its link. See :meth:`accounts.testing.mailscan.scanner.MailScanner.scan`."""

    alive: Callable[[], bool] | None = None
    unchanged: Callable[[], object] | None = None
    button_is_the_act: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    person: Callable[[], Client] | None = None
    signed_in: Callable[[Client], bool] | None = None


def look_of(answer: Answer) -> Look:
    """What a person sees of an answer: all that stays the same from one showing to the next."""
    page = answer.page
    return answer.status, page.title, tuple(form.shape for form in page.forms)


@dataclass
class Case:
    """One scan on one link, with everything it needs and everything it finds.

    :ivar first_look: what the link showed when it was opened for the first time.
    """

    app: WSGIApplication
    mailed: Mailed
    claims: Claims
    first_look: Look | None = None
    findings: list[Finding] = field(default_factory=list)
    browsers: list[Browser] = field(default_factory=list)
    spent: bool = False
    _before: object = None

    def __post_init__(self) -> None:
        self._before = self.claims.unchanged() if self.claims.unchanged else None

    def browser(self, *, keeps_cookies: bool = True) -> Browser:
        """A scanner that has never been here."""
        number = next(_networks)
        network = f"198.51.{100 + number // 250 % 100}.{number % 250 + 1}"
        self.browsers.append(Browser(self.app, agent=SCANNER, network=network, keeps_cookies=keeps_cookies))
        return self.browsers[-1]

    def person(self) -> Browser:
        """A browser of the person the link was mailed to."""
        self.browsers.append(self._visitor(self.claims.person() if self.claims.person else None))
        return self.browsers[-1]

    def _visitor(self, client: Client | None) -> Browser:
        return Browser(self.app, agent=PERSON, network=f"203.0.113.{next(_networks) % 250 + 1}", client=client)

    def tell(self, code: str, severity: Severity, says: str) -> None:
        """Note a finding, once."""
        found = Finding(code, severity, self.mailed.blot(says))
        if found not in self.findings:
            self.findings.append(found)

    def look(self) -> Answer:
        """What somebody sees who opens the link now, in a browser of their own. Not among the scan's requests."""
        return self._visitor(None).follow(self.mailed.url)

    def host_says_changed(self) -> str:
        """What the host itself says has changed; "" where it says nothing has, or was not asked."""
        if self.claims.alive is not None and not self.claims.alive():
            return "alive() says that the link is dead"
        if self.claims.unchanged is not None:
            after = self.claims.unchanged()
            if after != self._before:
                return f"unchanged() gives something else: {_brief(self._before)} became {_brief(after)}"
        return ""

    def changed(self) -> str:
        """What has changed since the scan began, in a sentence; "" for nothing."""
        told = self.host_says_changed()
        if told:
            return told
        answer = self.look()
        seen = look_of(answer)
        if answer.broke:
            return f"opening the link now fails: {answer}"
        if self.first_look is not None and seen != self.first_look:
            return f"the link shows something else now: {_worded(self.first_look)} became {_worded(seen)}"
        return ""

    def settle(self, scan_name: str, stands_for: str) -> ScanResult:
        """The result, with what every scan is judged by: no answer may be a server error."""
        steps = [step for browser in self.browsers for step in browser.steps]
        for step in steps:
            if step.broke:
                self.tell("broke", Severity.HARM, f"the app answers with a server error: {step}")
        did = tuple(self.mailed.blot(str(step)) for step in steps)
        return ScanResult(scan_name, stands_for, did, tuple(self.findings))


def _brief(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _worded(look: Look) -> str:
    status, title, forms = look
    return f"{status} {title!r} with {len(forms)} form{'' if len(forms) == 1 else 's'}"
