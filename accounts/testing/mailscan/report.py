"""What a scan found, readable where a test fails. The token of the link stands nowhere in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is."""

    HARM = "harm"
    """A scanner breaks the link for its owner, or acts in their name."""
    WEAK = "weak"
    """Nothing happened now, but the token or the person is less well guarded than it could be."""
    NOTE = "note"
    """Worth knowing; never fails a test."""


class Harmful(AssertionError):
    """A scan found harm. Its text is the whole report."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    :ivar code: stable; what ``assert_harmless(accept=...)`` takes.
    :ivar message: what happened, in a sentence.
    """

    code: str
    severity: Severity
    message: str


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one scan did and found.

    :ivar stands_for: the kind of product that does so.
    :ivar requests: its requests and their answers, in order.
    :ivar skip_reason: why it did not run; "" where it did.
    """

    name: str
    stands_for: str
    requests: tuple[str, ...]
    findings: tuple[Finding, ...]
    skip_reason: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All scans of one link.

    :ivar link: its address with the token blotted out.
    """

    link: str
    scans: tuple[ScanResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all scans."""
        return tuple(finding for scan in self.scans for finding in scan.findings)

    @property
    def codes(self) -> frozenset[str]:
        """Codes of what would fail a test."""
        return frozenset(each.code for each in self.findings if each.severity is not Severity.NOTE)

    def scan(self, name: str) -> ScanResult:
        """Return the result of one scan.

        :raises KeyError: there is none of this name.
        """
        for each in self.scans:
            if each.name == name:
                return each
        raise KeyError(name)

    def assert_harmless(self, *, accept: Collection[str] = ()) -> None:
        """Fail the test unless the link came through.

        :param accept: codes of findings that this host knows of and lives with.
        :raises Harmful: something was found that is no mere note.
        """
        __tracebackhide__ = True  # pytest shows the test, not this
        if self.codes - set(accept):
            raise Harmful(str(self))

    def __str__(self) -> str:
        failed_count = sum(any(each.severity is not Severity.NOTE for each in scan.findings) for scan in self.scans)
        lines = [
            f"mail scanners against {self.link}: {failed_count or 'none'} of {len(self.scans)} scans found something"
        ]
        for scan in self.scans:
            lines += _format_scan(scan)
        return "\n".join(lines)


def _format_scan(scan: ScanResult) -> list[str]:
    if scan.skip_reason:
        return [f"  -     {scan.name}: not run, {scan.skip_reason}"]
    if not scan.findings:
        return [f"  ok    {scan.name}"]
    worst_severity = min(scan.findings, key=lambda each: list(Severity).index(each.severity)).severity
    lines = [f"  {worst_severity.value:5} {scan.name} ({scan.stands_for})"]
    lines += [f"          {each.severity.value} [{each.code}] {each.message}" for each in scan.findings]
    return lines + [f"          did: {step}" for step in _abbreviate(scan.requests)]


def _abbreviate(requests: tuple[str, ...]) -> tuple[str, ...]:
    return requests if len(requests) <= 12 else (*requests[:6], f"... {len(requests) - 12} more ...", *requests[-6:])
