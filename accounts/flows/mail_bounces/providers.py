"""Read what mail providers send to a webhook: for each its own small reader, in one table.

A reader returns the reports of one event: none for an event that says nothing about a bounce, and None where the
event is not one of this provider. It looks at Message-IDs and reasons only, at no recipient, and fetches nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from accounts.core.errors import Malformed, UnknownReport
from accounts.flows.mail_bounces import dsn
from accounts.flows.mail_bounces.reports import (
    MAX_REPORTS,
    BounceReport,
    find_status,
    make_complaint,
    make_report,
)

Event = Mapping[str, Any]
Reader = Callable[[Event], list[BounceReport] | None]
ECHOED_ID = "message-id"
"""The name under which :mod:`accounts.delivery.echo_headers` has a provider send the Message-ID back."""


def parse_json(raw: bytes) -> list[BounceReport]:
    """Return the reports in a body of JSON: one event, or a list of them.

    :raises Malformed: it is not JSON.
    :raises UnknownReport: it is JSON of another kind.
    """
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    events = data if isinstance(data, list) else [data]
    reports = [report for event in events[:MAX_REPORTS] for report in read_event(event)]
    return reports[:MAX_REPORTS]


def read_event(event: object) -> list[BounceReport]:
    """Return the reports in one event.

    :raises UnknownReport: no provider of the table sends it.
    """
    if isinstance(event, dict):
        for reader in READERS.values():
            reports = reader(event)
            if reports is not None:
                return reports
    raise UnknownReport("an event of no known provider")


def _read_own(event: Event) -> list[BounceReport] | None:
    """Read the format of this service: docs/bounces.md, "Our own format"."""
    kind = event.get("kind")
    if kind not in ("permanent", "transient", "complaint") or "message_id" not in event:
        return None
    ids = [event["message_id"]]
    if kind == "complaint":
        return [make_complaint(ids, said=event.get("said"))]
    return [make_report(ids, said=event.get("said"), status=event.get("status"), is_permanent=kind == "permanent")]


def _read_ses(event: Event) -> list[BounceReport] | None:
    """Read Amazon SES, raw or wrapped by Amazon SNS.

    https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html: the address in ``SubscribeURL`` is
    never asked. SES replaces the Message-ID; the original one is in the headers, if notifications include them.
    """
    if "TopicArn" in event and isinstance(event.get("Message"), str):
        return _read_ses_mail(_parse_inner(event["Message"])) or []
    return _read_ses_mail(event)


def _parse_inner(text: str) -> Event:
    """Return what a notification of Amazon SNS carries; nothing where that is no JSON, as in a confirmation."""
    try:
        return _dict(json.loads(text))
    except (ValueError, RecursionError):
        return {}


def _read_ses_mail(event: Event) -> list[BounceReport] | None:
    kind, mail = event.get("notificationType", event.get("eventType")), _dict(event.get("mail"))
    if not isinstance(kind, str) or not mail:
        return None
    ids = [_dict(mail.get("commonHeaders")).get("messageId"), *_named_values(mail.get("headers"), "message-id")]
    if kind == "Complaint":
        return [make_complaint(ids, said=_dict(event.get("complaint")).get("complaintFeedbackType"))]
    bounce = _dict(event.get("bounce"))
    if kind != "Bounce" or not bounce:
        return []
    first = _dict(next(iter(_list(bounce.get("bouncedRecipients"))), None))
    is_permanent = bounce.get("bounceType") == "Permanent"
    return [make_report(ids, said=first.get("diagnosticCode"), status=first.get("status"), is_permanent=is_permanent)]


def _read_postmark(event: Event) -> list[BounceReport] | None:
    """Read Postmark: https://postmarkapp.com/developer/webhooks/bounce-webhook.

    ``MessageID`` is Postmark's own; ours comes back in ``Metadata``, or in ``Content``, the bounce itself.
    """
    if not isinstance(event.get("RecordType"), str):
        return None
    content = event.get("Content")
    returned = dsn.parse_mail(content.encode("utf-8", "replace")) if isinstance(content, str) else []
    ids = [_dict(event.get("Metadata")).get(ECHOED_ID), *(id for report in returned for id in report.message_ids)]
    if event["RecordType"] == "SpamComplaint":
        return [make_complaint(ids)]
    if event["RecordType"] != "Bounce" or event.get("Type") in ("AutoResponder", "Subscribe", "Unsubscribe"):
        return []
    is_permanent = event.get("Type") in ("HardBounce", "BadEmailAddress", "ManuallyDeactivated")
    return [make_report(ids, said=event.get("Details"), is_permanent=is_permanent)]


def _read_sendgrid(event: Event) -> list[BounceReport] | None:
    """Read SendGrid: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.

    ``smtp-id`` is the Message-ID that it was given. ``type`` is ``bounce`` or, for now, ``blocked``.
    """
    if "sg_message_id" not in event and "sg_event_id" not in event:
        return None
    ids, kind = [event.get("smtp-id")], event.get("event")
    if kind == "spamreport":
        return [make_complaint(ids)]
    if kind == "deferred":
        return [make_report(ids, said=event.get("response"), is_permanent=False)]
    if kind == "dropped":
        is_permanent = event.get("reason") in ("Bounced Address", "Invalid")
        return [make_report(ids, said=event.get("reason"), is_permanent=is_permanent)]
    if kind != "bounce":
        return []
    is_permanent = event.get("type") != "blocked"
    return [make_report(ids, said=event.get("reason"), status=event.get("status"), is_permanent=is_permanent)]


def _read_mailgun(event: Event) -> list[BounceReport] | None:
    """Read Mailgun: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/webhook-payloads.

    Its signature in the body covers no word of the event, and is not looked at.
    """
    data = _dict(event.get("event-data"))
    if not data:
        return None
    ids = [_dict(_dict(data.get("message")).get("headers")).get("message-id")]
    if data.get("event") == "complained":
        return [make_complaint(ids)]
    if data.get("event") != "failed":
        return []
    status = _dict(data.get("delivery-status"))
    code, words = status.get("code"), status.get("message") or status.get("description")
    said = f"{code} {words}" if isinstance(code, int) else words
    return [
        make_report(
            ids, said=said, status=status.get("enhanced-code"), is_permanent=data.get("severity") == "permanent"
        )
    ]


BREVO_FAILURES = {
    "hard_bounce": True,
    "invalid_email": True,
    "soft_bounce": False,
    "deferred": False,
    "blocked": False,
}


def _read_brevo(event: Event) -> list[BounceReport] | None:
    """Read Brevo: https://developers.brevo.com/docs/transactional-webhooks."""
    if "message-id" not in event or not isinstance(event.get("event"), str):
        return None
    ids = [event.get("X-Mailin-custom"), event["message-id"]]
    if event["event"] in ("spam", "complaint"):
        return [make_complaint(ids)]
    if event["event"] not in BREVO_FAILURES:
        return []
    return [make_report(ids, said=event.get("reason"), is_permanent=BREVO_FAILURES[event["event"]])]


def _read_mailjet(event: Event) -> list[BounceReport] | None:
    """Read Mailjet: https://dev.mailjet.com/email/guides/webhooks/. ``MessageID`` is Mailjet's own, a number."""
    if "MessageID" not in event or not isinstance(event.get("event"), str):
        return None
    ids = [event.get("CustomID")]
    if event["event"] == "spam":
        return [make_complaint(ids, said=event.get("source"))]
    if event["event"] not in ("bounce", "blocked"):
        return []
    words = [each for each in (event.get("error"), event.get("comment")) if isinstance(each, str)]
    return [make_report(ids, said=": ".join(words), is_permanent=event.get("hard_bounce") is True)]


RESEND_FAILURES = frozenset({"bounced", "failed", "delivery_delayed", "suppressed"})


def _read_resend(event: Event) -> list[BounceReport] | None:
    """Read Resend: https://resend.com/docs/webhooks/emails/bounced."""
    family, _, kind = str(event.get("type", "")).partition(".")
    data = _dict(event.get("data"))
    if family != "email" or not data:
        return None
    ids = [*_named_values(data.get("headers"), f"x-{ECHOED_ID}"), data.get("message_id")]
    if kind == "complained":
        return [make_complaint(ids)]
    if kind not in RESEND_FAILURES:
        return []
    bounce = _dict(data.get("bounce"))
    is_permanent = kind == "bounced" and bounce.get("type", "Permanent") == "Permanent"
    codes = [each for each in _list(bounce.get("diagnosticCode")) if isinstance(each, str)]
    status = find_status(" ".join(codes)[:2000])
    return [make_report(ids, said=bounce.get("message"), status=status, is_permanent=is_permanent)]


READERS: Mapping[str, Reader] = {
    "own": _read_own,
    "ses": _read_ses,
    "postmark": _read_postmark,
    "sendgrid": _read_sendgrid,
    "mailgun": _read_mailgun,
    "brevo": _read_brevo,
    "mailjet": _read_mailjet,
    "resend": _read_resend,
}
"""By the name of the provider; the first that knows an event reads it."""


def _dict(value: object) -> Event:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _named_values(headers: object, name: str) -> list[object]:
    """Return the values of the headers of a name, of a list of objects with ``name`` and ``value``."""
    named = [_dict(each) for each in _list(headers)[:200]]
    return [each.get("value") for each in named if str(each.get("name", "")).lower() == name]
