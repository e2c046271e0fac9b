"""What becomes of a link on its way, and the person who comes in the end."""

from __future__ import annotations

from urllib.parse import urlsplit

from accounts.testing.mailscan.browser import RecordedResponse
from accounts.testing.mailscan.case import ScanCase, appearance_of
from accounts.testing.mailscan.pages import HtmlForm
from accounts.testing.mailscan.report import Severity
from accounts.testing.mailscan.scans import (
    HeadRequest,
    LinkPreview,
    ParallelGet,
    RedirectsWithoutCookies,
    RepeatedGet,
    RobotPress,
    SandboxSubmit,
    Scan,
)

HARM, WEAK, NOTE = Severity.HARM, Severity.WEAK, Severity.NOTE


class RewrittenLink(Scan):
    """A link that a gateway has respelled must still open, and be the same one."""

    name = "rewritten link"
    stands_for = "a URL rewriting gateway wraps the link, respells it, and adds parameters"

    def run(self, case: ScanCase) -> None:
        """Open the link as rewriting gateways hand it on."""
        for variant, url in case.mailed.iter_rewritten():
            response = case.new_scanner().follow(url)
            if appearance_of(response) != case.first_appearance:
                case.add_finding(
                    "rewritten-lost", HARM, f"the link does not survive being rewritten ({variant}): {response}"
                )


class CutLink(Scan):
    """A link that lost its end is refused, and one with punctuation after it is not mistaken."""

    name = "cut link"
    stands_for = "a mail program ends the link too early, or takes punctuation of the text into it"

    def run(self, case: ScanCase) -> None:
        """Open the link with its end missing."""
        for variant, url in case.mailed.iter_cut():
            response = case.new_scanner().follow(url)
            opened = appearance_of(response) == case.first_appearance
            if opened and not case.mailed.is_token_in(url):
                case.add_finding(
                    "cut-opened", HARM, f"the link opens without its whole token ({variant}): {response}"
                )
            elif not opened and not _is_refused(response):
                case.add_finding(
                    "cut-not-refused", WEAK, f"the cut link is not answered with 4xx ({variant}): {response}"
                )
        for variant, url in case.mailed.iter_with_punctuation():
            response = case.new_scanner().follow(url)
            if not _is_refused(response) and appearance_of(response) != case.first_appearance:
                case.add_finding(
                    "cut-not-refused", WEAK, f"neither opened nor answered with 4xx ({variant}): {response}"
                )


def _is_refused(response: RecordedResponse) -> bool:
    # A server error is a finding of its own.
    return response.status >= 400


class SecondDevice(Scan):
    """Opening on one device must not bind the link to it."""

    name = "second device"
    stands_for = "the telephone shows the mail, the computer is where the person goes on"

    def run(self, case: ScanCase) -> None:
        """Open the link twice, on other devices."""
        for _ in range(2):
            response = case.new_scanner().follow(case.mailed.url)
            if appearance_of(response) != case.first_appearance:
                case.add_finding("second-device", HARM, f"another device is shown something else: {response}")


class RecipientFinishes(Scan):
    """After all that, the link does what it was mailed for: opened on one device, finished on another."""

    name = "the person finishes"
    stands_for = "whoever the mail was for, on their second device"
    may_spend_link = True

    def run(self, case: ScanCase) -> None:
        """Open the link as a scanner, then finish as the person."""
        case.new_scanner().follow(case.mailed.url)
        recipient = case.new_recipient()
        page = recipient.follow(case.mailed.url).page
        form = _find_final_form(page.url, page.forms, set(case.options.types))
        if form is None:
            return case.add_finding("not-finished", NOTE, "there is no form for the person; did person=... sign in?")
        if set(form.empty_fields) - set(case.options.types) and not case.options.types:
            return case.add_finding("not-finished", NOTE, "nobody said what the person types: types=...")
        response = recipient.submit(form, case.options.types)
        if response.status >= 400:
            return case.add_finding("dead-for-person", HARM, f"the person cannot finish: {response}")
        case.is_link_spent = bool(case.find_change())
        host_can_tell = case.options.alive or case.options.unchanged
        if host_can_tell and not case.find_change_by_host():
            case.add_finding("dead-for-person", HARM, f"the person finished, and nothing came of it: {response}")
        return None


def _find_final_form(url: str, forms: list[HtmlForm], typed_names: set[str]) -> HtmlForm | None:
    posts = [form for form in forms if form.method == "POST" and typed_names <= set(form.values)]
    same_page = [form for form in posts if urlsplit(form.action).path == urlsplit(url).path]
    return next(iter(same_page + posts), None)


SCANS: tuple[Scan, ...] = (
    LinkPreview(),
    HeadRequest(),
    RepeatedGet(),
    ParallelGet(),
    RedirectsWithoutCookies(),
    SandboxSubmit(),
    RewrittenLink(),
    CutLink(),
    SecondDevice(),
    RobotPress(),
    RecipientFinishes(),
)
"""In this order: what may spend the link comes last."""
