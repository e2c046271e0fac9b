"""Whether time tells who has an account: what the measurements come to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from harness.timing_requests import JSON, PAGE, SHORT_PASSWORD, Client, Endpoint
from harness.timing_store import FOREIGN_HASHES, SECRETS, make_email, timed_service
from timing import Comparison, Timing, area_under_curve

from accounts.core.security.foreign_hashes import parse_hash


@pytest.mark.parametrize(
    ("first", "second", "area"),
    [([1, 2, 3], [4, 5, 6], 1.0), ([4, 5, 6], [1, 2, 3], 1.0), ([1, 3], [2, 4], 0.75), ([1, 4], [2, 3], 0.5)],
)
def test_the_area_says_how_often_one_group_is_the_slower_one(first: Any, second: Any, area: float) -> None:
    assert area_under_curve(first, second) == area


def test_a_goal_is_missed_by_one_address_whose_long_passwords_take_longer() -> None:
    timing = Timing("active", PAGE, ("a", "b"))
    for email, long in (("a", 10.4), ("b", 10.6)):
        timing.short[email], timing.long[email] = [10.0] * 3, [long] * 3
    assert not timing.reached
    timing.long["b"] = [9.6] * 3
    assert timing.reached


def test_a_goal_is_missed_where_accounts_are_told_apart_or_answered_otherwise() -> None:
    ticks = [float(tick) for tick in range(100)]
    endpoint = Endpoint("sign in", JSON, lambda email: {})
    alike = Comparison(endpoint, ticks, ticks, ticks, {401})
    assert alike.reached
    assert not replace(alike, known=[tick + 20 for tick in ticks]).reached
    assert not replace(alike, statuses={401, 404}).reached


@pytest.mark.parametrize("name", FOREIGN_HASHES)
def test_hashes_of_other_systems_are_computed_and_refuse_the_password(name: str) -> None:
    assert parse_hash(FOREIGN_HASHES[name]()).matches(SHORT_PASSWORD, SECRETS) is False


def test_every_endpoint_answers_strangers_and_accounts_alike() -> None:
    with timed_service() as service:
        client = Client(service)
        endpoints = client.endpoints()
        assert len({endpoint.name for endpoint in endpoints}) == 9
        for endpoint in endpoints:
            emails = [service.emails[name][1] for name in ("active", "locked", "no password", "bcrypt")]
            emails += [make_email()] if endpoint.knows_addresses else []
            statuses = {client.measure(endpoint.build(email))[1] for email in emails}
            assert len(statuses) == 1, (endpoint.name, endpoint.format)
            assert statuses < {200, 202, 303, 401}
