"""Mails as they came to the SMTP server of the tests, and how the transaction of each ended."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import pairwise
from typing import Final

CUT: Final = "cut"
"""Where the connection ended after the final dot, and before the answer to it."""


@dataclass(slots=True, eq=False)
class Received:
    """One mail as it came in.

    :ivar came: its place among everything that the server has taken and answered.
    :ivar answer: what was written to the open connection after the final dot, or ``CUT``; "" until one of them.
    :ivar ended: the place of that answer, or of the end of the connection; 0 until then.
    """

    message: EmailMessage
    sender: str
    recipients: tuple[str, ...]
    encrypted: bool
    user: str | None
    helo: str
    raw: bytes = field(repr=False)
    came: int = 0
    answer: str = ""
    ended: int = 0

    @property
    def is_acknowledged(self) -> bool:
        """Whether the server has said yes to it."""
        return self.answer.startswith("250")

    def fits(self, to: str | None, subject: str | None) -> bool:
        """Whether it came to this address, with these words in the subject; None stands for any."""
        return (to is None or to in self.recipients) and (subject is None or subject in str(self.message["Subject"]))

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])


def list_copies(mails: Iterable[Received]) -> dict[str, list[Received]]:
    """Return the mails that came more than once, by Message-ID, each in the order of coming."""
    found: defaultdict[str, list[Received]] = defaultdict(list)
    for mail in mails:
        found[mail.message_id].append(mail)
    return {id: sorted(copies, key=lambda mail: mail.came) for id, copies in found.items() if len(copies) > 1}


def list_needless_copies(mails: Iterable[Received]) -> list[str]:
    """Return the Message-IDs of mails that came again while the server was still about the one before.

    That is never right. A sender may send again what the server has not said yes to, and one that died may not have
    heard the yes: both only after the answer, or after the end of the connection.
    """
    return [
        id
        for id, copies in list_copies(mails).items()
        if any(not before.ended or before.ended > after.came for before, after in pairwise(copies))
    ]


def links(message: EmailMessage) -> list[str]:
    """The http and https addresses in the plain text part, in order."""
    text = message.get_body(("plain",))
    if text is None:
        return []
    return [found.rstrip(".,;:!?)]") for found in re.findall(r"https?://[^\s<>\"]+", text.get_content())]


def find_link(message: EmailMessage, purpose: str) -> str | None:
    """Return the first link of one purpose in a mail, or None."""
    return next((url for url in links(message) if f"/l/{purpose}/" in url), None)
