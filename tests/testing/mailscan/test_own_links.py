"""Every link of ours comes through what mail scanners do to it."""

from __future__ import annotations

import pytest

from accounts.core.link_kinds.kind import EmptyModel
from accounts.core.links.link import Link
from accounts.flows import LINKS
from accounts.testing.mailscan import MailScanner, Report, Severity
from accounts.testing.mailscan.journeys import SCANS
from tests.people import Service
from tests.testing.mailscan.recipes import RECIPES, is_alive, is_signed_in_at, stored

every_purpose = pytest.mark.parametrize("link", LINKS, ids=lambda link: link.purpose)
PRESSED = [link for link in LINKS if link.form is EmptyModel and not link.needs_session]


def scanned(service: Service, link: Link, scanner: MailScanner) -> Report:
    assert link.purpose in RECIPES, f"say in recipes.py how a {link.purpose} link gets into a mail"
    mailed = RECIPES[link.purpose](service)
    return scanner.scan(
        service.app,
        mailed.url,
        alive=lambda: is_alive(service, link.purpose, mailed.url),
        unchanged=lambda: stored(service),
        button_is_the_act=link in PRESSED,
        types=mailed.types,
        person=mailed.person,
        signed_in=lambda client: is_signed_in_at(mailed.url, client),
    )


@every_purpose
def test_a_link_comes_through_mail_scanners_and_a_robot_that_presses_its_button(service: Service, link: Link) -> None:
    report = scanned(service, link, MailScanner())
    report.assert_harmless()
    pressed = "presses-button" in {finding.code for finding in report.findings}
    assert pressed == (link in PRESSED), "only links that ask for nothing can be used up by a robot"


@every_purpose
def test_a_link_still_does_its_work_for_the_person_after_mail_scanners(service: Service, link: Link) -> None:
    scanner = MailScanner([scan for scan in SCANS if scan.name != "robot presses the button"])
    report = scanned(service, link, scanner)
    report.assert_harmless()
    finished = report.scan("the person finishes")
    assert not finished.skip_reason
    assert not [finding for finding in finished.findings if finding.severity is Severity.NOTE], "and finished it"
    assert any(step.startswith("POST") for step in finished.requests)


def test_every_purpose_is_asked_for_at_least_once() -> None:
    assert {link.purpose for link in LINKS} == set(RECIPES)
