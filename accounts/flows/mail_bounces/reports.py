"""Define what a report about an email says, however it was written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from accounts.core.foreign_text import scrub

ReportKind = Literal["permanent", "transient", "complaint"]
MAX_REPORT_BYTES = 1024 * 1024
"""Of one request or message. Amazon SNS sends at most 256 KiB, SendGrid collects events up to 768 KiB."""
MAX_REPORTS = 2000
"""Of one request. Further ones are not looked at."""
MAX_SAID_CHARACTERS = 200

_ENHANCED_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])", re.ASCII)
_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])", re.ASCII)


@dataclass(frozen=True, slots=True)
class BounceReport:
    """A report about one email.

    :ivar message_ids: what may be its Message-ID, without angle brackets, likeliest first.
    :ivar status: an enhanced status code (RFC 3463); "" where none is said.
    :ivar said: what the other server said, scrubbed.
    """

    message_ids: tuple[str, ...]
    kind: ReportKind
    status: str = ""
    said: str = ""


def make_report(
    message_ids: Sequence[object], *, said: object = "", status: object = "", is_permanent: bool | None = None
) -> BounceReport:
    """Return the report of a bounce. Whatever is no text is left out.

    :param is_permanent: what its sender says of it; None where only the status tells.
    """
    text = said[:4000] if isinstance(said, str) else ""
    code = find_status(status if isinstance(status, str) else "") or find_status(text)
    if is_permanent is None:
        is_permanent = code.startswith("5") or (not code and _first_reply_class(text) == "5")
    return BounceReport(
        clean_message_ids(message_ids),
        "permanent" if is_permanent else "transient",
        code or ("5.0.0" if is_permanent else "4.0.0"),
        scrub(text, MAX_SAID_CHARACTERS),
    )


def make_complaint(message_ids: Sequence[object], *, said: object = "") -> BounceReport:
    """Return the report that somebody calls an email spam."""
    text = scrub(said, MAX_SAID_CHARACTERS) if isinstance(said, str) else ""
    return BounceReport(clean_message_ids(message_ids), "complaint", "", text)


def find_status(text: str) -> str:
    """Return the first enhanced status code of a text (RFC 3463, section 2); "" where it has none."""
    found = _ENHANCED_STATUS.search(text[:4000])
    return found[1] if found else ""


def _first_reply_class(text: str) -> str:
    found = _REPLY_CODE.search(text)
    return found[1] if found else ""


def clean_message_ids(texts: Sequence[object]) -> tuple[str, ...]:
    """Return Message-IDs without what stands around them; what is none is left out."""
    cleaned = [text.strip().strip("<>") for text in texts if isinstance(text, str) and 3 <= len(text) <= 300]
    return tuple(dict.fromkeys(text for text in cleaned if "@" in text))
