"""One scan of one link: who asks, what was found, and whether anything has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from werkzeug.test import Client

from accounts.testing.mailscan.browser import RecordedResponse, ScanBrowser
from accounts.testing.mailscan.mailed import MailedLink
from accounts.testing.mailscan.report import Finding, ScanResult, Severity

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SCANNER_USER_AGENT = "Mozilla/5.0 (compatible; MailScanner/1.0)"
RECIPIENT_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
Appearance = tuple[int, str, tuple[object, ...]]
_network_numbers = count(1)


@dataclass(frozen=True, kw_only=True)
class ScanOptions:
    """What the host says about its link. See :meth:`accounts.testing.mailscan.scanner.MailScanner.scan`."""

    alive: Callable[[], bool] | None = None
    unchanged: Callable[[], object] | None = None
    button_is_the_act: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    person: Callable[[], Client] | None = None
    signed_in: Callable[[Client], bool] | None = None


def appearance_of(response: RecordedResponse) -> Appearance:
    """Return what a person sees of an answer: all that stays the same from one showing to the next."""
    page = response.page
    return response.status, page.title, tuple(form.shape for form in page.forms)


@dataclass
class ScanCase:
    """One scan on one link, with everything it needs and everything it finds.

    :ivar first_appearance: what the link showed when it was opened for the first time.
    """

    app: WSGIApplication
    mailed: MailedLink
    options: ScanOptions
    first_appearance: Appearance | None = None
    findings: list[Finding] = field(default_factory=list)
    browsers: list[ScanBrowser] = field(default_factory=list)
    is_link_spent: bool = False
    _snapshot: object = None

    def __post_init__(self) -> None:
        self._snapshot = self.options.unchanged() if self.options.unchanged else None

    def new_scanner(self, *, keeps_cookies: bool = True) -> ScanBrowser:
        """Return a scanner that has never been here."""
        number = next(_network_numbers)
        network = f"198.51.{100 + number // 250 % 100}.{number % 250 + 1}"
        self.browsers.append(
            ScanBrowser(self.app, user_agent=SCANNER_USER_AGENT, network=network, keeps_cookies=keeps_cookies)
        )
        return self.browsers[-1]

    def new_recipient(self) -> ScanBrowser:
        """Return a browser of the person the link was mailed to."""
        self.browsers.append(self._make_browser(self.options.person() if self.options.person else None))
        return self.browsers[-1]

    def _make_browser(self, client: Client | None) -> ScanBrowser:
        return ScanBrowser(
            self.app,
            user_agent=RECIPIENT_USER_AGENT,
            network=f"203.0.113.{next(_network_numbers) % 250 + 1}",
            client=client,
        )

    def add_finding(self, code: str, severity: Severity, message: str) -> None:
        """Note a finding, once."""
        finding = Finding(code, severity, self.mailed.redact(message))
        if finding not in self.findings:
            self.findings.append(finding)

    def open_link(self) -> RecordedResponse:
        """Return what a person sees who opens the link now. Not among the scan's requests."""
        return self._make_browser(None).follow(self.mailed.url)

    def find_change_by_host(self) -> str:
        """Return what the host itself says has changed; "" where it says nothing has, or was not asked."""
        if self.options.alive is not None and not self.options.alive():
            return "alive() says that the link is dead"
        if self.options.unchanged is not None:
            new_snapshot = self.options.unchanged()
            if new_snapshot != self._snapshot:
                return f"unchanged() gives something else: {_shorten(self._snapshot)} became {_shorten(new_snapshot)}"
        return ""

    def find_change(self) -> str:
        """Return what has changed since the scan began, in a sentence; "" for nothing."""
        change = self.find_change_by_host()
        if change:
            return change
        response = self.open_link()
        appearance = appearance_of(response)
        if response.is_server_error:
            return f"opening the link now fails: {response}"
        if self.first_appearance is not None and appearance != self.first_appearance:
            before, after = _describe_appearance(self.first_appearance), _describe_appearance(appearance)
            return f"the link shows something else now: {before} became {after}"
        return ""

    def build_result(self, scan_name: str, stands_for: str) -> ScanResult:
        """Return the result, with what every scan is judged by: no answer may be a server error."""
        responses = [response for browser in self.browsers for response in browser.responses]
        for response in responses:
            if response.is_server_error:
                self.add_finding("broke", Severity.HARM, f"the app answers with a server error: {response}")
        requests = tuple(self.mailed.redact(str(response)) for response in responses)
        return ScanResult(scan_name, stands_for, requests, tuple(self.findings))


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _describe_appearance(appearance: Appearance) -> str:
    status, title, forms = appearance
    return f"{status} {title!r} with {len(forms)} form{'' if len(forms) == 1 else 's'}"
