"""Keep what a browser has asked an email for: the page that follows says which address, and can ask once more.

Signed and kept by the browser that typed the address, in no one else's sight. Nothing is looked up for it, so that it
is the same for addresses with and without an account.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from accounts.core.signing.token_kind import TokenKind

ASKED_MAIL_TTL = timedelta(minutes=30)
"""How long the page may be opened again; about as long as most of these links hold."""


@dataclass(frozen=True, slots=True)
class AskedMail:
    """The email that was asked for.

    :ivar purpose: the kind of its link.
    :ivar seconds: how long such a link works.
    :ivar email: the address that was typed; "" where nobody typed one.
    :ivar next: where to go once the link was used.
    :ivar account_id: the account that asked, where somebody was signed in.
    :ivar link_id: the link for several people by which somebody wants to join.
    """

    purpose: str
    seconds: int
    email: str = ""
    next: str = ""
    account_id: str = ""
    link_id: str = ""


ASKED_MAIL = TokenKind(purpose="mail-asked", payload=AskedMail, lifetime=ASKED_MAIL_TTL)
"""Which email a browser has asked for. It gives access to nothing."""
