"""A short round on each database (``make faults-quick``): nothing that was acknowledged is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.rounds import run_round

KILLED = ("web group", "worker", "power cut", "web child")


@pytest.mark.faults
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("database", "fault"),
    [
        ("SQLite", "mail server takes 3 letters and hangs up before its yes"),
        pytest.param("PostgreSQL", "all connections broken each second, 10 s", marks=pytest.mark.postgres),
    ],
)
def test_nothing_that_was_acknowledged_is_lost_or_done_twice(database: str, fault: str, tmp_path: Path) -> None:
    result = run_round(database, 1, [*KILLED, fault], tmp_path)
    assert result["broken"] == []
    assert result["counts"]["accounts"] > 0
    assert sum(result["kills"].values()) == 6
