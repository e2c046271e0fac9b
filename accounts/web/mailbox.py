"""The development mailbox: mails that would have been sent. Not there in production, or with a mail server."""

from __future__ import annotations

from typing import Any

from accounts.core.errors import NotFound
from accounts.web.kit.context import runtime
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, PAGE, Room

room: Room = Room()


@room.get("/mailbox", speaks=BOTH)
def mailbox() -> Reply:
    """Mails of this process, newest first."""
    messages = _messages()
    listed = [
        {"id": each.id, "to": each.to, "subject": each.subject, "at": each.at, "text": each.text} for each in messages
    ]
    return Reply(page="mailbox.html", says={"messages": listed})


@room.get("/mailbox/<message_id>", speaks=PAGE)
def mailbox_message(message_id: str) -> Reply:
    """One mail, as text."""
    found = next((each for each in _messages() if str(each.id) == message_id), None)
    if found is None:
        raise NotFound("no such message")
    return Reply(page="mailbox_message.html", shows={"message": found})


def _messages() -> list[Any]:
    shown = runtime().mailbox
    if shown is None:
        raise NotFound("there is no development mailbox here")
    return list(shown.messages)
