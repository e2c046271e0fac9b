"""The development mailbox: mails that would have been sent. Not there in production, or with a mail server."""

from __future__ import annotations

from typing import Any

from accounts.core.errors import NotFound
from accounts.web.answers.mail import MailboxOut
from accounts.web.kit.context import runtime
from accounts.web.kit.reply import Reply


def mailbox() -> Reply:
    """Mails of this process, newest first."""
    return Reply(template="mailbox.html", json=MailboxOut.from_messages(_messages()))


def mailbox_message(message_id: str) -> Reply:
    """One mail, as text."""
    message = next((each for each in _messages() if str(each.id) == message_id), None)
    if message is None:
        raise NotFound("no such message")
    return Reply(template="mailbox_message.html", context={"message": message})


def _messages() -> list[Any]:
    box = runtime().mailbox
    if box is None:
        raise NotFound("there is no development mailbox here")
    return list(box.messages)
