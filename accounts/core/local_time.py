"""Write moments as people read them: in their language, and in the time zone where they are."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time

UNKNOWN_ZONE = ""
"""Of an account whose zone nobody has told: moments are written in UTC, and say so."""
_FILES_BESIDE_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@lru_cache
def list_zones() -> frozenset[str]:
    """Return the names of all time zones (IANA Time Zone Database), such as ``Europe/Berlin``."""
    return frozenset(available_timezones()) - _FILES_BESIDE_ZONES


def format_moment(at: datetime, language: str, zone: str = UNKNOWN_ZONE) -> str:
    """Return date and time: ``28 November 2026, 15:52 CET``.

    :param language: such as "en"; one that is unknown is written as English is.
    :param zone: an IANA name; one that is unknown counts as UTC.
    :raises ValueError: a datetime without a time zone, which would be shown as UTC without being it.
    """
    if at.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    local = at.astimezone(ZoneInfo(zone if zone in list_zones() else "UTC"))
    locale = find_locale(language)
    day, hour = format_date(local, "long", locale=locale), format_time(local, "short", locale=locale)
    return f"{day}, {hour} {_zone_label(local)}"


def find_locale(language: str) -> Locale:
    """Return what Babel knows of a language, or of English."""
    # Babel's "en" is American, where the day follows the month; the other order is understood everywhere.
    try:
        return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")


def _zone_label(local: datetime) -> str:
    # "CET", "EST"; where the place has no such name the database says "-03".
    name = local.tzname() or "UTC"
    return name if name.isalpha() else f"UTC{name}"
