"""A clock that stands still until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import time_machine

from accounts.core.clock import now


@pytest.fixture
def stopped_clock() -> Iterator[time_machine.Traveller]:
    """Stop the clock on a full second, so that moments can be compared. ``shift()`` moves it."""
    with time_machine.travel(now().replace(microsecond=0), tick=False) as clock:
        yield clock
