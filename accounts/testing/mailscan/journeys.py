"""What becomes of a link on its way, and the person who comes in the end."""

from __future__ import annotations

from urllib.parse import urlsplit

from accounts.testing.mailscan.browser import Answer
from accounts.testing.mailscan.case import Case, look_of
from accounts.testing.mailscan.pages import Form
from accounts.testing.mailscan.report import Severity
from accounts.testing.mailscan.scans import AtOnce, Head, NoCookies, Preview, Robot, Sandbox, Scan, Twice

HARM, WEAK, NOTE = Severity.HARM, Severity.WEAK, Severity.NOTE


class Rewritten(Scan):
    """A link that a gateway has respelled must still open, and be the same one."""

    name = "rewritten link"
    stands_for = "a URL rewriting gateway wraps the link, respells it, and adds parameters"

    def run(self, case: Case) -> None:
        for how, url in case.mailed.rewritten():
            answer = case.browser().follow(url)
            if look_of(answer) != case.first_look:
                case.tell("rewritten-lost", HARM, f"the link does not survive being rewritten ({how}): {answer}")


class Cut(Scan):
    """A link that lost its end is refused, and one with punctuation after it is not mistaken."""

    name = "cut link"
    stands_for = "a mail program ends the link too early, or takes punctuation of the text into it"

    def run(self, case: Case) -> None:
        for how, url in case.mailed.cut():
            answer = case.browser().follow(url)
            opened = look_of(answer) == case.first_look
            if opened and not case.mailed.stands_in(url):
                case.tell("cut-opened", HARM, f"the link opens without its whole token ({how}): {answer}")
            elif not opened and not _refused(answer):
                case.tell("cut-not-refused", WEAK, f"the cut link is not answered with 4xx ({how}): {answer}")
        for how, url in case.mailed.with_tail():
            answer = case.browser().follow(url)
            if not _refused(answer) and look_of(answer) != case.first_look:
                case.tell("cut-not-refused", WEAK, f"neither opened nor answered with 4xx ({how}): {answer}")


def _refused(answer: Answer) -> bool:
    # A server error is a finding of its own.
    return answer.status >= 400


class SecondDevice(Scan):
    """Opening on one device must not bind the link to it."""

    name = "second device"
    stands_for = "the telephone shows the mail, the computer is where the person goes on"

    def run(self, case: Case) -> None:
        for _ in range(2):
            answer = case.browser().follow(case.mailed.url)
            if look_of(answer) != case.first_look:
                case.tell("second-device", HARM, f"another device is shown something else: {answer}")


class Person(Scan):
    """After all that, the link does what it was mailed for: opened on one device, finished on another."""

    name = "the person finishes"
    stands_for = "whoever the mail was for, on their second device"
    acts = True

    def run(self, case: Case) -> None:
        case.browser().follow(case.mailed.url)
        person = case.person()
        page = person.follow(case.mailed.url).page
        form = _form_to_finish(page.url, page.forms, set(case.claims.types))
        if form is None:
            return case.tell("not-finished", NOTE, "there is no form for the person; did person=... sign in?")
        if set(form.empty) - set(case.claims.types) and not case.claims.types:
            return case.tell("not-finished", NOTE, "nobody said what the person types: types=...")
        answer = person.press(form, case.claims.types)
        if answer.status >= 400:
            return case.tell("dead-for-person", HARM, f"the person cannot finish: {answer}")
        case.spent = bool(case.changed())
        asked = case.claims.alive or case.claims.unchanged
        if asked and not case.host_says_changed():
            case.tell("dead-for-person", HARM, f"the person finished, and nothing came of it: {answer}")
        return None


def _form_to_finish(url: str, forms: list[Form], typed: set[str]) -> Form | None:
    posts = [form for form in forms if form.method == "POST" and typed <= set(form.values)]
    here = [form for form in posts if urlsplit(form.action).path == urlsplit(url).path]
    return next(iter(here + posts), None)


SCANS: tuple[Scan, ...] = (
    Preview(),
    Head(),
    Twice(),
    AtOnce(),
    NoCookies(),
    Sandbox(),
    Rewritten(),
    Cut(),
    SecondDevice(),
    Robot(),
    Person(),
)
"""In this order: what may spend the link comes last."""
