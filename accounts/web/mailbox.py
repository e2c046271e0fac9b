"""The development mailbox: emails that would have been sent. Not there in production, or with a mail server.

Whoever is here by a name that is not ours is not let in: a page anywhere on the web can have its own name lead to
127.0.0.1 (DNS rebinding), and would read the links of whoever develops as if they were its own.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import request

from accounts.config_origin import is_loopback
from accounts.core.errors import ForeignHost, NotFound
from accounts.core.messages import N_, make_message, nN_
from accounts.flows.helpdesk.first_admin import first_admin_url
from accounts.flows.sessions.notice import make_notice
from accounts.web.answers.mail import MailboxOut
from accounts.web.kit.context import runtime, state
from accounts.web.kit.headers import CONTENT_SECURITY_POLICY
from accounts.web.kit.plain_response import PlainResponse
from accounts.web.kit.questions import ask
from accounts.web.kit.reply import Reply
from accounts.web.kit.routes import page_url
from accounts.web.kit.runtime import ReadableMailbox
from accounts.web.routes import MAILBOX_CLEARED

PAGE_CSP = f"{CONTENT_SECURITY_POLICY}; frame-src 'self'"
FRAME_CSP = "; ".join(  # noqa: FLY002 - one directive a line
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src 'self' {origin}",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        # Of no origin, without scripts. Links open in a window of their own, which is no part of the sandbox.
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)
"""Of an email's HTML: whatever its words have become, it can do nothing here, and loads nothing from elsewhere."""


def mailbox() -> Reply:
    """Emails of this process, newest first."""
    messages = _open_mailbox().messages
    return Reply(
        template="mailbox.html",
        json=MailboxOut.from_messages(messages),
        context={"messages": messages, "first_admin_url": _find_first_admin_url()},
    )


def mailbox_message(message_id: str) -> Reply:
    """One email as a mail program shows it, in a frame."""
    message = _find_message(message_id)
    return Reply(
        template="mailbox_message.html",
        context={"message": message, "part": "html"},
        headers={"Content-Security-Policy": PAGE_CSP},
    )


def mailbox_text(message_id: str) -> Reply:
    """One email, as text."""
    return Reply(template="mailbox_message.html", context={"message": _find_message(message_id), "part": "text"})


def mailbox_source(message_id: str) -> Reply:
    """One email as the mail server would have got it."""
    return Reply(template="mailbox_message.html", context={"message": _find_message(message_id), "part": "source"})


def mailbox_html(message_id: str) -> PlainResponse:
    """Return the HTML of one email, for the frame."""
    message = _find_message(message_id)
    html = message.html.replace("<head>", '<head><base target="_blank">', 1)
    csp = FRAME_CSP.format(origin=runtime().site.settings.public_origin)
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Security-Policy", csp)]
    return PlainResponse(html.encode(), 200, [*headers, ("X-Frame-Options", "SAMEORIGIN")])


def mailbox_download(message_id: str) -> PlainResponse:
    """Return the source of one email, as a file."""
    message = _find_message(message_id)
    # By its number: nothing of the email reaches a header.
    disposition = f'attachment; filename="{message.id}.eml"'
    headers = [("Content-Type", "message/rfc822"), ("Content-Disposition", disposition)]
    return PlainResponse(message.source, 200, headers)


def clear_mailbox() -> Reply:
    """Delete all emails of this process."""
    count = _open_mailbox().clear()
    return Reply(status=204, location=page_url("mailbox"), notice=make_notice(MAILBOX_CLEARED, count=count))


def clear_context() -> dict[str, Any]:
    """Return what the page says that asks."""
    count = len(_open_mailbox().messages)
    return ask(
        make_message(nN_("Delete %(count)s email?", "Delete %(count)s emails?"), count=count),
        make_message(N_("The mailbox of this process is emptied. Links in these emails keep working.")),
        button=make_message(N_("Clear mailbox")),
        action=page_url("clear_mailbox_form"),
        back=page_url("mailbox"),
        is_admin=False,
    )


def _find_message(message_id: str) -> Any:
    message = next((each for each in _open_mailbox().messages if str(each.id) == message_id), None)
    if message is None:
        raise NotFound("no such message")
    return message


def _open_mailbox() -> ReadableMailbox:
    box = runtime().mailbox
    if box is None:
        raise NotFound("there is no development mailbox here")
    host = urlsplit(f"//{request.host}").hostname or ""
    if host != urlsplit(runtime().site.settings.public_origin).hostname and not is_loopback(host):
        raise ForeignHost("the mailbox was asked by a host that is not ours")
    return box


def _find_first_admin_url() -> str | None:
    """Return the link that is printed at start, for who reads the console of this machine anyway; else None."""
    is_here = is_loopback(request.remote_addr or "")
    return first_admin_url(state().uow) if is_here and runtime().site.settings.env == "development" else None
