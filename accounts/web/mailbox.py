"""The development mailbox: mails that would have been sent. Not there in production, or with a mail server.

Whoever is here by a name that is not ours is not let in: a page anywhere on the web can have its own name lead to
127.0.0.1 (DNS rebinding), and would read the links of whoever develops as if they were its own.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import request

from accounts.config_origin import is_loopback
from accounts.core.errors import ForeignHost, NotFound
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
    host = urlsplit(f"//{request.host}").hostname or ""
    if host != urlsplit(runtime().site.settings.public_origin).hostname and not is_loopback(host):
        raise ForeignHost("the mailbox was asked by a host that is not ours")
    return list(box.messages)
