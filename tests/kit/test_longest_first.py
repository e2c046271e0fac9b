"""The order in which several workers take the tests."""

from __future__ import annotations

import random

import pytest

from tests.kit.longest_first import deal_longest_first


def test_each_worker_begins_with_long_tests_and_the_others_keep_their_order() -> None:
    limits = dict.fromkeys("abcdefghij", 0.0) | {"c": 300, "f": 600, "j": 480}
    assert "".join(deal_longest_first("abcdefghij", 2, limits.__getitem__)) == "fcabdjeghi"
    assert "".join(deal_longest_first("abcdefghij", 1, limits.__getitem__)) == "fjcabdeghi"


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 16])
@pytest.mark.parametrize("count", [0, 1, 3, 10, 57])
@pytest.mark.parametrize("long", [0.0, 0.2, 1.0])
def test_no_test_is_lost_or_doubled(workers: int, count: int, long: float) -> None:
    chance = random.Random(count)
    limits = [300 * (chance.random() < long) for _ in range(count)]
    assert sorted(deal_longest_first(range(count), workers, limits.__getitem__)) == list(range(count))
