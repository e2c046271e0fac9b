"""Modules of the OpenID Foundation's conformance suite under their own names, with its severities, as a table.

``make conformance`` prints it. "Passed by our own harness": nobody has certified anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

MUST, SHOULD, SKIP = "MUST", "SHOULD", "SKIP"
WARNINGS = pytest.StashKey[list[str]]()
_results: list[tuple[str, str, str, str, str]] = []


def module(name: str, level: str = MUST, plan: str = "basic") -> pytest.MarkDecorator:
    """Mark a test as one module of the suite."""
    return pytest.mark.oidc_module(name, level, plan)


class Should:
    """Notes what the suite only warns about; the module passes, and the table says so."""

    def __init__(self) -> None:
        self.warned: list[str] = []

    def __call__(self, holds: object, what: str) -> None:
        if not holds:
            self.warned.append(what)


@pytest.fixture
def should(request: pytest.FixtureRequest) -> Iterator[Callable[[object, str], None]]:
    found = Should()
    yield found
    request.node.stash[WARNINGS] = found.warned
    if not request.config.getoption("conformance", False):
        assert found.warned == [], "only the table lets them pass"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    mark = item.get_closest_marker("oidc_module")
    if mark is None or (report.when != "call" and report.outcome == "passed"):
        return
    name, level, plan = mark.args
    spec = getattr(item, "callspec", None)
    if spec is not None and spec.params.get("mode") == "form_post":
        plan = f"formpost-{plan}"
    _results.append((plan, name, level, report.outcome, ""))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """After the fixtures, when what was warned about is known."""
    warned = item.stash.get(WARNINGS, [])
    if warned and _results:
        plan, name, level, outcome, _ = _results[-1]
        _results[-1] = (plan, name, level, outcome, "; ".join(warned))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """The table, where it was asked for."""
    if not config.getoption("conformance"):
        return
    plans = list(dict.fromkeys(plan for plan, *_ in _results))
    width = max((len(name) for _, name, *_ in _results), default=10)
    for plan in plans:
        terminalreporter.section(f"oidcc {plan}")
        for _, name, level, outcome, warned in [each for each in _results if each[0] == plan]:
            shown = {"passed": "WARNING" if warned else "PASSED", "skipped": "SKIPPED"}.get(outcome, "FAILED")
            terminalreporter.write_line(f"{name:<{width}}  {level:<6}  {shown}{f'  {warned}' if warned else ''}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance", action="store_true", help="print the table of OpenID Connect modules")
