"""Ask for seconds as people count them: a number, and minutes, hours or days."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from accounts.core.messages import PluralText, nN_

UNIT_SECONDS: Mapping[str, int] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86400}
DURATION_TEXTS: Mapping[str, PluralText] = {
    "seconds": nN_("%(count)s second", "%(count)s seconds"),
    "minutes": nN_("%(count)s minute", "%(count)s minutes"),
    "hours": nN_("%(count)s hour", "%(count)s hours"),
    "days": nN_("%(count)s day", "%(count)s days"),
}
NUMBER_PATTERN = re.compile(r"[0-9]{1,9}", re.ASCII)


def split_duration(seconds: Any) -> tuple[Any, str]:
    """Return a number and the largest unit in which a duration is a whole number.

    :param seconds: a number, or what somebody has typed, which is returned as it is where it is none.
    """
    if not isinstance(seconds, int) and not (isinstance(seconds, str) and NUMBER_PATTERN.fullmatch(seconds)):
        return seconds, "minutes"
    number = int(seconds)
    unit = next(unit for unit in reversed([*UNIT_SECONDS]) if number % UNIT_SECONDS[unit] == 0)
    return number // UNIT_SECONDS[unit], unit


def join_duration(number: str, unit: str) -> str:
    """Return a number of a unit in seconds; what is no number, or no unit, as it was typed."""
    text = number.strip()
    if not NUMBER_PATTERN.fullmatch(text) or unit not in UNIT_SECONDS:
        return text
    return str(int(text) * UNIT_SECONDS[unit])
