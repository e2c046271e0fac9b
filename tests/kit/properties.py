"""How many examples a property is tried with, on machines however loaded."""

from __future__ import annotations

from hypothesis import HealthCheck, settings


def examples(count: int) -> settings:
    """Return settings for ``count`` examples. Neither an example nor their making fails by being slow."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])
