"""What measurements come to: ratios within a round, and what got worse."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness.results import Results, Row, read_results
from quick import find_worse


def results_of(*costs: tuple[float, float]) -> Results:
    """Rounds with the cost of hello, and of a load of ours."""
    rows = []
    for number, (hello, ours) in enumerate(costs):
        rows += [Row("hello", "W1", number, hello), Row("accounts", "W2", number, ours)]
    return Results("quick", {}, rows)


def test_a_ratio_is_taken_within_each_round() -> None:
    # The second round ran on a machine half as fast.
    found = results_of((100, 200), (200, 400), (100, 250)).of_hello("W2")
    assert found is not None
    assert (found.median, found.least, found.most) == (0.5, 0.4, 0.5)


def test_a_round_without_one_of_both_has_no_ratio() -> None:
    results = results_of((100, 200))
    results.rows.append(Row("accounts", "W2", 7, 1000))
    found = results.of_hello("W2")
    assert found is not None
    assert found.most == 0.5
    assert results.of_hello("W3") is None


def test_what_is_dearer_by_more_than_a_tenth_in_its_best_round_got_worse() -> None:
    results = results_of((100, 400), (100, 200))
    assert find_worse(results, {"W2": 0.55}) == []
    assert find_worse(results, {"W2": 0.56}) == ["W2"]
    assert find_worse(results, {"W2": 0.2}) == []


def test_a_load_that_failed_got_worse() -> None:
    assert find_worse(results_of((100, 200)), {"W5": 0.1}) == ["W5"]


def test_what_was_measured_is_written_at_once_but_for_the_warm_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.results.FOLDER", tmp_path)
    results = Results("web", {"rounds": 2})
    results.add(Row("hello", "W1", 0, 100), Row("hello", "W1", 1, 200))
    assert read_results("web") == Results("web", {"rounds": 2}, [Row("hello", "W1", 1, 200)])
    results.add(Row("hello", "W1", 2, 300))
    kept = read_results("web")
    assert kept is not None
    assert kept.values("hello", "W1") == {1: 200, 2: 300}
