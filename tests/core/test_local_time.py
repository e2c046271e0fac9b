"""Moments as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from accounts.core.local_time import format_day, format_moment, list_zones

AT = datetime(2026, 11, 28, 14, 52, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("language", "zone", "shown"),
    [
        ("en", "", "28 November 2026, 14:52 UTC"),
        ("en", "Europe/Berlin", "28 November 2026, 15:52 CET"),
        ("de", "Europe/Berlin", "28. November 2026, 15:52 CET"),
        ("fr", "America/New_York", "28 novembre 2026, 09:52 EST"),
        ("es", "America/Sao_Paulo", "28 de noviembre de 2026, 11:52 UTC-03"),
        ("en", "Asia/Kolkata", "28 November 2026, 20:22 IST"),
        ("en", "Asia/Kathmandu", "28 November 2026, 20:37 UTC+0545"),
    ],
)
def test_a_moment_is_written_in_a_language_and_a_zone_and_says_which(language: str, zone: str, shown: str) -> None:
    assert format_moment(AT, language, zone) == shown


def test_an_unknown_zone_counts_as_utc_and_an_unknown_language_as_english() -> None:
    for zone in ("Mars/Olympus", "../../etc/passwd", "localtime", "/etc/localtime", "Europe/Berlin\n"):
        assert format_moment(AT, "tlh", zone) == "28 November 2026, 14:52 UTC"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        format_moment(AT.replace(tzinfo=None), "en")


def test_zones_are_those_of_the_database_without_its_other_files() -> None:
    zones = list_zones()
    assert {"UTC", "Europe/Berlin", "America/New_York"} <= zones
    assert not zones & {"localtime", "Factory", "posixrules", ""}
    assert max(map(len, zones)) <= 64  # what the column holds


@pytest.mark.parametrize(
    ("language", "shown"),
    [("en", "28 Nov"), ("de", "28. Nov."), ("fr", "28 nov."), ("es", "28 nov"), ("tlh", "28 Nov")],
)
def test_a_day_is_written_in_the_order_of_its_language(language: str, shown: str) -> None:
    assert format_day(AT.date(), language) == shown
