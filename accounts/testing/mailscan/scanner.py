"""``MailScanner``: all scans against one link of one app."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from werkzeug.test import Client

from accounts.testing.mailscan.case import Appearance, ScanCase, ScanOptions
from accounts.testing.mailscan.journeys import SCANS
from accounts.testing.mailscan.mailed import MailedLink
from accounts.testing.mailscan.report import Report, ScanResult, Severity
from accounts.testing.mailscan.scans import Scan

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class ScanImpossible(Exception):
    """Raised where the scan cannot begin: the link does not work, or is none."""


class MailScanner:
    """Replays what mail scanners do to a link.

    :param scans: what to replay, in this order; everything by default.
    """

    def __init__(self, scans: Sequence[Scan] = SCANS) -> None:
        self.scans = tuple(scans)

    def scan(
        self,
        app: WSGIApplication | Client,
        url: str | Callable[[], str],
        *,
        alive: Callable[[], bool] | None = None,
        unchanged: Callable[[], object] | None = None,
        button_is_the_act: bool = False,
        types: Mapping[str, str] | None = None,
        person: Callable[[], Client] | None = None,
        signed_in: Callable[[Client], bool] | None = None,
        token: str | None = None,
    ) -> Report:
        """Do to a link what scanners do, look after each scan whether it has harmed, and let the person finish.

        :param app: a WSGI app, or a test client of one.
        :param url: the whole address as it stands in the mail; or a function that has a fresh link mailed, so that
            each scan gets its own. With one address, what comes after a scan that spent the link is not run.
        :param alive: whether the link still works. The kit also opens it itself, in a fresh browser, and wants to see
            what it saw at first.
        :param unchanged: a snapshot of whatever a scanner must not change, compared before and after.
        :param button_is_the_act: the link asks for nothing but a press of its button, and that is accepted.
        :param types: what the person types into the form in the end, by field name.
        :param person: a fresh client of the person, for links that need them signed in.
        :param signed_in: whether a client is signed in, to see that a robot's press signs nobody else in.
        :param token: the secret part of the link, where it is not the longest part of it.
        :raises ScanImpossible: no such link, or a dead one.
        """
        wsgi = app.application if isinstance(app, Client) else app
        options = ScanOptions(
            alive=alive,
            unchanged=unchanged,
            button_is_the_act=button_is_the_act,
            types=types or {},
            person=person,
            signed_in=signed_in,
        )
        return _ScanRun(wsgi, url, options, token).run_all(self.scans)


class _ScanRun:
    def __init__(
        self, app: WSGIApplication, url: str | Callable[[], str], options: ScanOptions, token: str | None
    ) -> None:
        self._app, self._url, self._options, self._token = app, url, options, token
        self._first_appearance: Appearance | None = None
        self._spent_by = ""
        self._redacted_url = ""

    def run_all(self, scans: Sequence[Scan]) -> Report:
        results = tuple(self._run_scan(scan) for scan in scans)
        return Report(self._redacted_url, results)

    def _run_scan(self, scan: Scan) -> ScanResult:
        if self._spent_by and isinstance(self._url, str):
            reason = f"the link was spent by: {self._spent_by}"
            return ScanResult(scan.name, scan.stands_for, (), (), skip_reason=reason)
        case = self._start_case()
        scan.run(case)
        change = "" if scan.may_spend_link else case.find_change()
        if change:
            case.add_finding("changed", Severity.HARM, change)
            case.is_link_spent = True
        self._first_appearance = case.first_appearance
        if case.is_link_spent:
            self._spent_by = scan.name
        return case.build_result(scan.name, scan.stands_for)

    def _start_case(self) -> ScanCase:
        url = self._url if isinstance(self._url, str) else self._url()
        try:
            mailed = MailedLink.from_url(url, self._token)
        except ValueError as error:
            raise ScanImpossible(str(error)) from None
        if self._options.alive is not None and not self._options.alive():
            raise ScanImpossible("alive() says that the link is dead before anything was done to it")
        self._redacted_url = mailed.redact(mailed.url)
        return ScanCase(self._app, mailed, self._options, self._first_appearance)
