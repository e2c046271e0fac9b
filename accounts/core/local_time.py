"""Write moments as people read them: in their language, and in the time zone where they are."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time

UNKNOWN_ZONE = ""
"""Of an account whose zone nobody has told: moments are written in UTC, and say so."""
_AREAS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
_FILES_BESIDE_ZONES = frozenset({"Factory", "localtime", "posixrules"})


@lru_cache
def list_zones() -> frozenset[str]:
    """Return the names of all time zones (IANA Time Zone Database), such as ``Europe/Berlin``."""
    return frozenset(available_timezones()) - _FILES_BESIDE_ZONES


@lru_cache
def group_zones() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the zones to choose from by area, such as ``Europe``; those without one ("") come last.

    Only areas of the world: the database keeps names of before 1993, such as ``US/Eastern``, for old files.
    """
    zones = sorted(each for each in list_zones() if each.partition("/")[0] in _AREAS)
    areas = [(area, tuple(names)) for area, names in groupby(zones, key=lambda name: name.partition("/")[0])]
    return (*areas, ("", ("UTC",)))


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


def format_day(day: date, language: str) -> str:
    """Return a day without its year: ``28 Nov``.

    :param language: as for :func:`format_moment`.
    """
    return format_skeleton("MMMd", day, locale=find_locale(language))


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
