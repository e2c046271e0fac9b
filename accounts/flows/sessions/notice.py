"""Tell on the next page what an act has done: a signed note of a few minutes, never words in an address."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accounts.core.messages import Message, PluralText
from accounts.core.signing.token_kind import SignedToken, TokenKind

NOTICE_TTL = timedelta(minutes=5)
"""How long a notice waits for the page that shows it: a redirect, perhaps by way of confirming a password."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What was done, or why nothing was.

    :ivar values: of the placeholders, as JSON has them.
    :ivar is_warning: whether nothing was done, and somebody has to do something first.
    """

    text: str
    plural: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    is_warning: bool = False

    @property
    def message(self) -> Message:
        """The text to translate, with its values."""
        return Message(PluralText(self.text, self.plural) if self.plural else self.text, self.values)


def make_notice(text: str | PluralText, /, *, is_warning: bool = False, **values: Any) -> Notice:
    """Return a notice: ``make_notice(N_("Invitation sent to %(email)s."), email=email)``."""
    one, many = text if isinstance(text, PluralText) else (text, "")
    return Notice(one, many, values, is_warning)


def _decode_notice(token: SignedToken) -> Notice:
    text, plural, values, is_warning = token.payload
    if not isinstance(text, str) or not isinstance(plural, str) or not isinstance(values, dict):
        raise TypeError("no notice")
    return Notice(text, plural, values, bool(is_warning))


NOTICE = TokenKind(
    purpose="notice",
    payload=Notice,
    lifetime=NOTICE_TTL,
    encode=lambda notice: [notice.text, notice.plural, notice.values, notice.is_warning],
    decode=_decode_notice,
)
"""What the next page tells. It gives access to nothing."""
