"""Filter values in the templates of emails: a timestamp, a network, and text that somebody typed."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from datetime import UTC, datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import pass_context
from jinja2.runtime import Context

MAX_TYPED_CHARACTERS = 60
"""Characters of typed text that an email shows at most."""

_LINK_CHARACTERS = re.compile(r"[/\\:@。]|\.(?![\s]|$)|www", re.IGNORECASE)
_MAX_DIGITS = 7


def plain(value: str | None) -> str:
    """Return typed text (a name, a group, a browser) where it is fit for an email, else "".

    Such text reaches readers its author has never met, under our sender: "Your parcel: evil.example" as a name
    would be a mail from us. Mail programs make links out of bare host names, addresses and telephone
    numbers, so a text that holds the makings of one is dropped whole: what is broken up can be put together
    again by the next program. Compatibility forms (U+FF0E, U+2024 for a dot) are judged by what they fold to.
    A dot that ends a word ("J. Smith", "Jr.") is no link.
    """
    if value is None:
        return ""
    folded = unicodedata.normalize("NFKC", str(value))  # str() of a missing fact raises
    spaced = "".join(" " if char.isspace() else char for char in folded)
    # Everything in C (controls, bidi overrides, zero-width, private) can hide or turn around what is read.
    visible = "".join(char for char in spaced if unicodedata.category(char)[0] != "C")
    text = " ".join(visible.split())
    digits = sum(char.isdigit() for char in text)
    if len(text) > MAX_TYPED_CHARACTERS or digits >= _MAX_DIGITS or _LINK_CHARACTERS.search(text):
        return ""
    return text


def network(value: str | None) -> str:
    """Return an address or network in its usual form (``203.0.113.7``, ``2001:db8::/64``), "" for anything else.

    Behind a misconfigured proxy this is whatever a client wrote into a header.
    """
    try:
        parsed = ipaddress.ip_network(value or "", strict=False)
    except ValueError:
        return ""
    return str(parsed.network_address) if parsed.num_addresses == 1 else str(parsed)


@pass_context
def moment(context: Context, value: datetime) -> str:
    """Return a timestamp in the email's language: ``23 November 2026, 14:05 UTC``.

    :raises ValueError: a datetime without a time zone, which would be shown as UTC without being it.
    """
    if value.tzinfo is None:
        raise ValueError("a moment in a letter needs a time zone")
    in_utc = value.astimezone(UTC)
    return f"{format_date(in_utc, 'long', locale=_locale(context['language']))}, {in_utc:%H:%M} UTC"


def _locale(language: str) -> Locale:
    # Babel's "en" is American, where the day follows the month; the other order is understood everywhere.
    try:
        return Locale.parse("en_GB" if language == "en" else language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")
