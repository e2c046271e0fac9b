"""Events of mail providers as they document them, about an email whose Message-ID is given, and reports by mail."""

from __future__ import annotations

import json
from typing import Any

SES_MAIL = {
    "timestamp": "2026-01-27T14:59:38.237Z",
    "source": "accounts@example.org",
    "messageId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa0680-000000",
    "destination": ["jane@example.com"],
    "headersTruncated": False,
}
SES_BOUNCE = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "reportingMTA": "dns; email.example.com",
    "bouncedRecipients": [
        {
            "emailAddress": "jane@example.com",
            "status": "5.1.1",
            "action": "failed",
            "diagnosticCode": "smtp; 550 5.1.1 <jane@example.com>... User unknown",
        }
    ],
    "feedbackId": "00000138111222aa-33322211-cccc-cccc-cccc-ddddaaaa068a-000000",
}


def ses(message_id: str, **more: Any) -> dict[str, Any]:
    mail = {**SES_MAIL, "headers": [{"name": "Message-ID", "value": f"<{message_id}>"}]}
    return {"notificationType": "Bounce", "bounce": {**SES_BOUNCE, **more}, "mail": mail}


def sns(message: object) -> dict[str, Any]:
    return {
        "Type": "Notification",
        "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Message": json.dumps(message),
        "SigningCertURL": "https://sns.us-west-2.amazonaws.com/x.pem",
        "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
    }


def postmark(message_id: str, **more: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "ID": 901542550,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": "2706ee8a-737c-4285-b032-ccd317af53ed",
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": "bounce@example.com",
        "Metadata": {"message-id": message_id},
        **more,
    }


def sendgrid(message_id: str, **more: Any) -> dict[str, Any]:
    return {
        "email": "example@test.com",
        "timestamp": 1513299569,
        "smtp-id": f"<{message_id}>",
        "event": "bounce",
        "type": "bounce",
        "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==",
        "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
        "reason": "550 5.1.1 unknown recipient",
        "status": "5.1.1",
        **more,
    }


def mailgun(message_id: str, **more: Any) -> dict[str, Any]:
    event = {
        "event": "failed",
        "severity": "permanent",
        "reason": "bounce",
        "recipient": "alice@example.com",
        "message": {"headers": {"message-id": message_id, "to": "Alice <alice@example.com>"}},
        "delivery-status": {"code": 550, "enhanced-code": "5.1.1", "message": "5.1.1 The account does not exist"},
        **more,
    }
    return {"signature": {"token": "x", "timestamp": "1529006854", "signature": "x"}, "event-data": event}


def brevo(message_id: str, **more: Any) -> dict[str, Any]:
    return {
        "event": "hard_bounce",
        "email": "not-a-user@example.com",
        "ts_epoch": 1520363423000,
        "message-id": f"<{message_id}>",
        "reason": " RecipientError: 550 5.1.1 Requested action not taken: mailbox unavailable.",
        **more,
    }


def mailjet(message_id: str, **more: Any) -> dict[str, Any]:
    return {
        "event": "bounce",
        "time": 1430812195,
        "MessageID": 13792286917004336,
        "email": "bounce@mailjet.com",
        "CustomID": message_id,
        "blocked": False,
        "hard_bounce": True,
        "error_related_to": "recipient",
        "error": "user unknown",
        "comment": "Host or domain name not found. 550 5.1.1",
        **more,
    }


def resend(message_id: str, kind: str = "email.bounced", **more: Any) -> dict[str, Any]:
    data = {
        "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
        "from": "Accounts <accounts@example.org>",
        "to": ["delivered@resend.dev"],
        "message_id": f"<{message_id}>",
        "bounce": {"message": "The address does not exist. 5.1.1", "type": "Permanent", "subType": "General"},
        **more,
    }
    return {"type": kind, "created_at": "2026-11-22T23:41:12.126Z", "data": data}


def own(message_id: str, kind: str = "permanent", **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "message_id": f"<{message_id}>",
        "status": "5.1.1",
        "said": "550 5.1.1 no such user",
        **more,
    }


def dsn(
    message_id: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    code: str = "smtp; 550 5.1.1 <jane@example.com>: Recipient address rejected: User unknown",
    returned: str = "message/rfc822",
    status_encoding: str = "7bit",
    status_body: str = "",
) -> bytes:
    """Return a report as Postfix writes it (RFC 3464, RFC 6522)."""
    fields = status_body or (
        "Reporting-MTA: dns; mail.example.net\r\nX-Postfix-Queue-ID: 4C1A52\r\n"
        "Arrival-Date: Sun, 29 Nov 2026 06:00:00 +0000 (UTC)\r\n\r\n"
        "Final-Recipient: rfc822; jane@example.com\r\nOriginal-Recipient: rfc822;jane@example.com\r\n"
        f"Action: {action}\r\nStatus: {status}\r\nRemote-MTA: dns; mx.example.com\r\nDiagnostic-Code: {code}\r\n"
    )
    header = (
        f"From: accounts@example.org\r\nTo: jane@example.com\r\nSubject: Your link\r\nMessage-ID: <{message_id}>\r\n"
    )
    body = header + ("\r\nThe words of the email.\r\n" if returned == "message/rfc822" else "")
    return (
        "From: MAILER-DAEMON@mail.example.net (Mail Delivery System)\r\nTo: accounts@example.org\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="4C1A52.1/mail.example.net"\r\n'
        "Message-Id: <20261129060000.ABC@mail.example.net>\r\n\r\n"
        "--4C1A52.1/mail.example.net\r\nContent-Description: Notification\r\nContent-Type: text/plain"
        "\r\n\r\nThis is the mail system at host mail.example.net.\r\n\r\n"
        "--4C1A52.1/mail.example.net\r\nContent-Type: message/delivery-status\r\n"
        f"Content-Transfer-Encoding: {status_encoding}\r\n\r\n{fields}\r\n"
        f"--4C1A52.1/mail.example.net\r\nContent-Type: {returned}\r\n\r\n{body}\r\n"
        "--4C1A52.1/mail.example.net--\r\n"
    ).encode()
