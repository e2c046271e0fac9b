"""What may go wrong with a message that is sent, as exceptions."""

from __future__ import annotations

from typing import Literal

Step = Literal["connect", "ehlo", "starttls", "auth", "mail", "rcpt", "data"]
"""Where in a conversation (RFC 5321 3) something went wrong; ``data``: the command, and the answer to the message."""

STEPS_BEFORE_RECIPIENT: frozenset[Step] = frozenset({"connect", "ehlo", "starttls", "auth", "mail"})
"""Where nobody but this service was named yet."""


class DeliveryError(Exception):
    """Raised where a message was not accepted. The text may be stored: no link, no words of the message.

    :ivar step: how far the conversation with the mail server was; None where there was none.
    """

    def __init__(self, text: str, step: Step | None = None) -> None:
        super().__init__(text)
        self.step = step


class PermanentFailure(DeliveryError):
    """Not accepted for good: the server said so about its recipient, or there is not exactly one address."""


class TransientFailure(DeliveryError):
    """Not accepted for now, this message alone: tried again later."""


class RefusesUs(TransientFailure):
    """Refused for what this service is, says or asks for: any other letter would be refused as well.

    Whether it is to be believed depends on :attr:`step`, see :class:`~accounts.delivery.refusals.RefusalWatch`.
    """


class TimedOut(TransientFailure):
    """The server was there, and then no answer came in time. It may be this letter: others should not wait for it."""
