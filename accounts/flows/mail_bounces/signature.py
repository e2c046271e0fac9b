"""Verify the signature of a webhook by Standard Webhooks 1.0.0: HMAC-SHA256 over id, time and body.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass

from accounts.config_bounce_key import decode_bounce_key
from accounts.core.clock import now
from accounts.core.errors import BadSignature

LEEWAY_SECONDS = 300
"""How old a request may be, and how far ahead of our clock."""
MAX_SIGNATURES = 10
HEADER_PREFIXES = ("webhook", "svix")
"""Those of the standard, and the same by the name of the service that most who sign so send with."""
_ID = re.compile(r"[!-\-/-~]{1,256}", re.ASCII)
"""Without a full stop: those between id, time and body are what keeps the three apart in what is signed."""
_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SignatureHeaders:
    """What the headers of a request say about its signature, as yet unverified.

    :ivar id: of the event; the same whenever it is sent once more.
    :ivar timestamp: in seconds since 1970.
    """

    id: str
    timestamp: str
    signatures: tuple[bytes, ...]


def read_signature_headers(get_header: Callable[[str], str | None]) -> SignatureHeaders:
    """Return what the headers say. Before the body is read: who has no signature shall not be listened to.

    :raises BadSignature: one is missing or malformed, or its time is not now.
    """
    for prefix in HEADER_PREFIXES:
        id, timestamp, signature = (get_header(f"{prefix}-{name}") for name in ("id", "timestamp", "signature"))
        if id is None or timestamp is None or signature is None:
            continue
        if not _ID.fullmatch(id) or not _TIMESTAMP.fullmatch(timestamp):
            raise BadSignature("malformed id or timestamp")
        if abs(now().timestamp() - int(timestamp)) > LEEWAY_SECONDS:
            raise BadSignature(f"{prefix}-timestamp is not now")
        signatures = _decode_signatures(signature)
        if not signatures:
            raise BadSignature("no signature of version v1")
        return SignatureHeaders(id, timestamp, signatures)
    raise BadSignature("not signed")


def _decode_signatures(header: str) -> tuple[bytes, ...]:
    """Return the signatures of a header: several with a space between, where the sender has several keys."""
    decoded = []
    for each in header.split(" ")[:MAX_SIGNATURES]:
        version, _, text = each.partition(",")
        if version == "v1":
            try:
                decoded.append(base64.b64decode(text, validate=True))
            except (binascii.Error, ValueError):
                continue
    return tuple(decoded)


def verify_signature(key: str, headers: SignatureHeaders, body: bytes) -> None:
    """Check that somebody with the key has signed this body, under this id, at this time.

    :raises BadSignature: nobody has.
    """
    signed = b".".join((headers.id.encode(), headers.timestamp.encode(), body))
    expected = hmac.digest(decode_bounce_key(key), signed, hashlib.sha256)
    matches = [hmac.compare_digest(expected, each) for each in headers.signatures]
    if not any(matches):
        raise BadSignature("wrong signature")
