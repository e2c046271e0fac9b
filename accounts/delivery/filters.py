"""Filter values in the templates of emails: a timestamp, a network, and text that somebody typed."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from jinja2 import pass_context
from jinja2.runtime import Context

from accounts.core.security import typed_text


def plain(value: str | None) -> str:
    """Return typed text (a name, a group, a browser) where it is fit for an email, else "".

    A text that holds the makings of a link is dropped whole (:mod:`accounts.core.security.typed_text`).
    """
    if value is None:
        return ""
    text = typed_text.fold_typed(str(value))  # str() of a missing fact raises
    return text if typed_text.is_plain(text) else ""


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
