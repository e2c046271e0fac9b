"""Take reports about emails that came back, from whoever has the key: by Standard Webhooks, without a session.

Whatever is right is answered alike, whether or not an email is known.
"""

from __future__ import annotations

from accounts.core.errors import NotFound
from accounts.flows.mail_bounces import record
from accounts.flows.mail_bounces.signature import read_signature_headers, verify_signature
from accounts.web.kit import context
from accounts.web.kit.plain_response import PlainResponse


def take_bounces() -> PlainResponse:
    """Record what mail servers report of emails that were sent from here."""
    state = context.state()
    state.format = "json"
    key = state.site.settings.mail_bounce_key
    if key is None:
        raise NotFound("ACCOUNTS_MAIL_BOUNCE_KEY is not set")
    headers = read_signature_headers(state.request.headers.get)
    body = state.request.get_data(cache=True)
    verify_signature(key, headers, body)
    record.take_request(state.uow, headers.id, record.parse_reports(state.request.mimetype, body))
    return PlainResponse(b"", 204, [("Cache-Control", "no-store")])
