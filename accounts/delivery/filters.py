"""Filter values in the templates of emails: a moment, the time that is left, and text that somebody typed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.units import format_unit
from jinja2 import pass_context
from jinja2.runtime import Context

from accounts.core.security import typed_text

MAX_NAME_IN_SUBJECT = 24
"""Characters of a name (of the service, of an app) in a subject: phones show about twice as many in all."""


def plain(value: str | None) -> str:
    """Return typed text (a name, a group, a browser) where it is fit for an email, else "".

    A text that holds the makings of a link is dropped whole (:mod:`accounts.core.security.typed_text`).
    """
    if value is None:
        return ""
    text = typed_text.fold_typed(str(value))  # str() of a missing fact raises
    return text if typed_text.is_plain(text) else ""


def brief(name: str) -> str:
    """Return a name as a subject has room for it."""
    return name if len(name) <= MAX_NAME_IN_SUBJECT else f"{name[: MAX_NAME_IN_SUBJECT - 1].rstrip()}…"


@pass_context
def moment(context: Context, value: datetime) -> str:
    """Return a moment in the email's language: ``23 November 2026, 14:05 UTC``, or in the account's zone if known.

    :raises ValueError: a datetime without a time zone, which would be shown as UTC without being it.
    """
    return f"{day(context, value)}, {clock_time(context, value)}"


@pass_context
def day(context: Context, value: datetime) -> str:
    """Return the day of a moment: ``23 November 2026``.

    :raises ValueError: a datetime without a time zone.
    """
    return format_date(_local(context, value), "long", locale=_locale(context["language"]))


@pass_context
def clock_time(context: Context, value: datetime, suffix: str = "") -> str:
    """Return the time of a moment: ``14:05``; with UTC where the reader's own zone is not known.

    :param suffix: what the language appends to a time: " Uhr".
    :raises ValueError: a datetime without a time zone.
    """
    time = format_time(_local(context, value), "short", locale=_locale(context["language"]))
    return f"{time}{suffix}" if _zone(context) is not UTC else f"{time}{suffix} UTC"


@pass_context
def remaining(context: Context, value: datetime) -> str:
    """Return how long it is until a moment: ``30 minutes``, never more than there is; "" where it is over.

    :raises ValueError: a datetime without a time zone.
    """
    # Signed a moment before it is written: those seconds are no minute less.
    minutes = round((_local(context, value) - context["now"]).total_seconds() / 60)
    if minutes <= 0:
        return ""
    count, unit = _in_units(minutes)
    return format_unit(count, f"duration-{unit}", "long", locale=_locale(context["language"]))


@pass_context
def is_today(context: Context, value: datetime) -> bool:
    """Return whether a moment is of the day on which the email is written.

    :raises ValueError: a datetime without a time zone.
    """
    return _local(context, value).date() == _local(context, context["now"]).date()


FILTERS: dict[str, Callable[..., Any]] = {
    "plain": plain,
    "brief": brief,
    "moment": moment,
    "day": day,
    "clock": clock_time,
    "remaining": remaining,
}
TESTS: dict[str, Callable[..., bool]] = {"today": is_today}


def _in_units(minutes: int) -> tuple[int, str]:
    if minutes < 60 or (minutes < 120 and minutes % 60):
        return minutes, "minute"
    hours = minutes // 60
    return (hours, "hour") if hours < 48 else (hours // 24, "day")


def _local(context: Context, value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a moment in a letter needs a time zone")
    return value.astimezone(_zone(context))


def _zone(context: Context) -> tzinfo:
    return _find_zone(context["zone"] or "")


@functools.lru_cache(maxsize=64)
def _find_zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (KeyError, OSError, ValueError):
        return UTC  # an email with a name of a zone that nobody knows goes out all the same


def _locale(language: str) -> Locale:
    # Babel's "en" is American, where the day follows the month; the other order is understood everywhere.
    try:
        return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")
