"""Read mails in which mail servers report: delivery status (RFC 3464), abuse (RFC 5965), and Exim's free text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32
from itertools import count, islice
from typing import Any

from accounts.flows.mail_bounces.reports import BounceReport, make_complaint, make_report

MAX_PARTS = 100
MAX_PARSED_PARTS, MAX_NESTED_PARTS = 20_000, 12
"""Parts and groups of fields made of one mail, and those that may hold others. A report has four."""
MAX_TEXT_CHARACTERS = 64 * 1024
_MESSAGE_ID_LINE = re.compile(r"^[>\s]{0,8}Message-I[Dd]:\s{0,80}(<[^<>\s]{3,300}>)", re.MULTILINE)
_ENDED = frozenset({"failed", "delayed"})
"""Actions of RFC 3464, section 2.3.3, that are no success."""

# Anybody may write to the mailbox of the sender, and so choose all of a mail. Each part is parsed within those around
# it, line by line; and of a long header the parser counts the quotation marks anew at every semicolon.
_NESTED_PART = re.compile(rb"^content-type:\s*(?:multipart|message)/", re.MULTILINE | re.IGNORECASE)
_LONG_TYPE = re.compile(rb"^content-type:(?:[^\n]|\n[ \t]){4000}", re.MULTILINE | re.IGNORECASE)


class _TooManyParts(Exception):
    """Raised where a mail falls into so many parts that it is no report about an email."""


def parse_mail(raw: bytes) -> list[BounceReport]:
    """Return what a mail reports; nothing where it is no report, as an out-of-office reply is none."""
    try:
        return _read_mail(_parse(raw))
    except (_TooManyParts, ValueError, TypeError, LookupError, RecursionError):
        # What the email package raises over character sets that are none, numbers in parameters and the like. A mail
        # that is never read would be brought again and again.
        return []


def _parse(raw: bytes) -> Message:
    """Return a mail in its parts, without a word that was typed in it being looked at.

    The oldest policy of the email package: it parses no header that nobody asks for.

    :raises _TooManyParts: it takes much longer to parse than a report does.
    """
    if _LONG_TYPE.search(raw) or len(_NESTED_PART.findall(raw)) > MAX_NESTED_PARTS:
        raise _TooManyParts
    numbers = count()

    def make_part(policy: Policy[Any] = compat32) -> Message:
        if next(numbers) >= MAX_PARSED_PARTS:
            raise _TooManyParts
        return Message(policy)

    return BytesParser(make_part, policy=compat32).parsebytes(raw)


def _read_mail(mail: Message) -> list[BounceReport]:
    parts = list(islice(_walk(mail), MAX_PARTS))
    message_ids = [found for part in parts for found in _list_returned_ids(part)]
    # Some servers return no header of the email, and refer to it as an answer does.
    message_ids += [found for name in ("References", "In-Reply-To") for found in _header(mail, name).split()]
    if any(part.get_content_type() == "message/feedback-report" for part in parts):
        return [make_complaint(message_ids)]
    status_parts = [part for part in parts if part.get_content_type() in _STATUS_TYPES]
    if status_parts:
        return _read_status(status_parts, message_ids)
    if _header(mail, "X-Failed-Recipients"):
        return [_read_exim(mail, message_ids)]
    return []


_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED_TYPES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"})


def _walk(mail: Message) -> Iterator[Message]:
    """Yield the parts of a report, outermost first; what stands in the returned email is its own affair."""
    waiting = [mail]
    while waiting:
        part = waiting.pop(0)
        yield part
        if part.get_content_maintype() == "multipart":
            waiting += _list_children(part)


def _list_children(part: Message) -> list[Message]:
    # Of text the payload is decoded, by whatever character set the part names.
    payload = part.get_payload() if part.is_multipart() else []
    return [each for each in payload if isinstance(each, Message)] if isinstance(payload, list) else []


def _list_returned_ids(part: Message) -> list[str]:
    """Return the Message-ID of the email that a part returns, whole or by its header."""
    if part.get_content_type() not in _RETURNED_TYPES:
        return []
    if part.is_multipart():
        return [_header(each, "Message-ID") for each in _list_children(part)]
    return _MESSAGE_ID_LINE.findall(_text(part))[:1]


def _read_status(parts: list[Message], message_ids: list[str]) -> list[BounceReport]:
    """Read the fields of each recipient (RFC 3464, section 2.3). An email of ours has one; a list may have more."""
    blocks = [block for part in parts for block in _list_blocks(part)]
    ended = [block for block in blocks if _header(block, "Action").strip().lower() in _ENDED]
    for block in sorted(ended, key=lambda each: _header(each, "Action").strip().lower() != "failed"):
        said = _header(block, "Diagnostic-Code").partition(";")[2] or _header(block, "Diagnostic-Code")
        status = _header(block, "Status")
        has_failed = _header(block, "Action").strip().lower() == "failed"
        # A server that has tried for days gives up with 4.4.7: that says nothing of the address.
        is_permanent = None if status or said else has_failed
        return [
            make_report([*message_ids], said=said, status=status, is_permanent=is_permanent if has_failed else False)
        ]
    return []


def _list_blocks(part: Message) -> list[Message]:
    """Return the groups of fields of a part: first that of the email, then one for each recipient."""
    blocks = _list_children(part)
    if _header(part, "Content-Transfer-Encoding").strip().lower() not in ("base64", "quoted-printable"):
        return blocks
    # Encoded, which RFC 6522 forbids and some servers do: the parser has taken it for fields as it stands.
    whole = Message(policy=compat32)
    whole["Content-Transfer-Encoding"] = part["Content-Transfer-Encoding"]
    whole.set_payload("\n".join(map(_text, blocks)))
    return [_parse(text.encode("latin-1")) for text in re.split(r"\r?\n\r?\n", _text(whole))[:MAX_PARTS]]


def _read_exim(mail: Message, message_ids: list[str]) -> BounceReport:
    """Read a report of Exim that is no multipart: text, then the header of the email."""
    text = "\n".join(_text(part) for part in islice(_walk(mail), MAX_PARTS) if part.get_content_maintype() == "text")
    words, _, _ = text.partition("------ This is a copy")
    is_warning = "warning" in _header(mail, "Subject").lower() or "delayed" in _header(mail, "Subject").lower()
    found = [*_MESSAGE_ID_LINE.findall(text)[:1], *message_ids]
    reason = re.search(r"^  .*\b[45]\d\d\b.*$", words, re.MULTILINE)
    said = reason[0] if reason else ""
    return make_report(found, said=said, is_permanent=False if is_warning else None if said else True)


def _header(part: Message, name: str) -> str:
    """Return a header field as text, whatever stands in it."""
    return "".join(str(part.get(name, ""))[:4000].splitlines())


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    # Latin-1 reads any bytes; what is looked for is ASCII.
    return (
        payload[: 4 * MAX_TEXT_CHARACTERS].decode("latin-1")[:MAX_TEXT_CHARACTERS]
        if isinstance(payload, bytes)
        else ""
    )
