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
    :ivar says: what happened, in a sentence.
    """

    code: str
    severity: Severity
    says: str


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What one scan did and found.

    :ivar stands_for: the kind of product that does so.
    :ivar did: its requests and their answers, in order.
    :ivar skipped: why it did not run; "" where it did.
    """

    name: str
    stands_for: str
    did: tuple[str, ...]
    findings: tuple[Finding, ...]
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All scans of one link.

    :ivar link: its address with the token blotted out.
    """

    link: str
    scans: tuple[ScanResult, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for scan in self.scans for finding in scan.findings)

    @property
    def codes(self) -> frozenset[str]:
        """Codes of what would fail a test."""
        return frozenset(each.code for each in self.findings if each.severity is not Severity.NOTE)

    def scan(self, name: str) -> ScanResult:
        """The result of one scan.

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
        bad = sum(any(each.severity is not Severity.NOTE for each in scan.findings) for scan in self.scans)
        lines = [f"mail scanners against {self.link}: {bad or 'none'} of {len(self.scans)} scans found something"]
        for scan in self.scans:
            lines += _told(scan)
        return "\n".join(lines)


def _told(scan: ScanResult) -> list[str]:
    if scan.skipped:
        return [f"  -     {scan.name}: not run, {scan.skipped}"]
    if not scan.findings:
        return [f"  ok    {scan.name}"]
    worst = min(scan.findings, key=lambda each: list(Severity).index(each.severity)).severity
    lines = [f"  {worst.value:5} {scan.name} ({scan.stands_for})"]
    lines += [f"          {each.severity.value} [{each.code}] {each.says}" for each in scan.findings]
    return lines + [f"          did: {step}" for step in _short(scan.did)]


def _short(did: tuple[str, ...]) -> tuple[str, ...]:
    return did if len(did) <= 12 else (*did[:6], f"... {len(did) - 12} more ...", *did[-6:])
