"""``make relying-parties`` prints what came of each library as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

HEADINGS = ("library", "registration", "configuration", "result", "")
_rows: list[tuple[str, ...]] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    if report.outcome == "passed" and report.when != "call":
        return
    noted = {name: str(value) for name, value in item.user_properties}
    detail = report.longrepr[2].removeprefix("Skipped: ") if report.skipped else noted.get("learned", "")
    result = {"passed": "signed in", "skipped": "SKIPPED"}.get(report.outcome, "FAILED")
    facts = (noted.get("library", item.name), noted.get("registered", ""), noted.get("configured", ""))
    _rows.append((*facts, result, detail))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table."""
    rows = [HEADINGS, *_rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS) - 1)]
    terminalreporter.section("relying parties")
    for row in rows:
        texts = [text.ljust(width) for text, width in zip(row, [*widths, 0], strict=True)]
        terminalreporter.write_line("  ".join(texts).rstrip())
