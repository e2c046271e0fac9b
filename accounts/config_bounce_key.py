"""Check the key with which reports about bounced emails are signed."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator

BOUNCE_KEY_PREFIX = "whsec_"
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64
"""Of a key of Standard Webhooks, "Webhook signing and security": from 192 to 512 random bits."""


def decode_bounce_key(value: str) -> bytes:
    """Return the bytes of a key as Standard Webhooks writes it: ``whsec_`` and base64.

    :raises ValueError: it is not written so, or too short.
    """
    try:
        key = base64.b64decode(value.removeprefix(BOUNCE_KEY_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not value.startswith(BOUNCE_KEY_PREFIX) or not MIN_KEY_BYTES <= len(key) <= MAX_KEY_BYTES:
        raise ValueError(
            f"must be {BOUNCE_KEY_PREFIX} and {MIN_KEY_BYTES} to {MAX_KEY_BYTES} random bytes in base64; "
            f'make one: echo "{BOUNCE_KEY_PREFIX}$(openssl rand -base64 32)"'
        )
    return key


def check_bounce_key(value: str) -> str:
    """Return a key that can be used.

    :raises ValueError: it cannot.
    """
    decode_bounce_key(value)
    return value


BounceKey = Annotated[str, AfterValidator(check_bounce_key)]
