"""The development mailbox: mails that would have been sent. Not there in production, or with a mail server."""

from __future__ import annotations

from typing import Any

from accounts.core.errors import NotFound
from accounts.web.answers.mail import MailboxOut
from accounts.web.kit.context import runtime
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import BOTH, HTML, Routes

routes: Routes = Routes()


@routes.get("/mailbox", formats=BOTH, answers=MailboxOut)
def mailbox() -> Reply:
    """Mails of this process, newest first."""
    return Reply(template="mailbox.html", json=MailboxOut.from_messages(_messages()))


@routes.get("/mailbox/<message_id>", formats=HTML)
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
