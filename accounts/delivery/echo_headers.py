"""Have mail providers send the Message-ID of an email back with its bounce, where they replace or forget it.

Each has a header of its own for that. It is put on for that provider's server alone, which takes it off again.
"""

from __future__ import annotations

from collections.abc import Mapping

from accounts.flows.mail_bounces.providers import ECHOED_ID

ECHO_HEADERS: Mapping[str, str] = {
    "postmarkapp.com": f"X-PM-Metadata-{ECHOED_ID}",
    "mailjet.com": "X-MJ-CustomID",
    "brevo.com": "X-Mailin-custom",
    "sendinblue.com": "X-Mailin-custom",
    "resend.com": f"X-{ECHOED_ID}",
}
"""By the domain of the mail server: https://postmarkapp.com/support/article/1125-custom-metadata-faq,
https://dev.mailjet.com/smtp-relay/custom-headers/, https://developers.brevo.com/docs/transactional-webhooks,
https://resend.com/docs/dashboard/emails/custom-headers."""


def make_echo_headers(mail_server: str | None, message_id: str) -> dict[str, str]:
    """Return the headers by which the provider of a mail server sends a Message-ID back.

    :param message_id: with its angle brackets, which not every provider keeps.
    """
    server = (mail_server or "").lower().rstrip(".")
    return {
        name: message_id.strip("<>")
        for domain, name in ECHO_HEADERS.items()
        if server == domain or server.endswith(f".{domain}")
    }
