"""Signed statements: itsdangerous as it is, with one spelling, bounded leeway and the key that opened it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from accounts.core.clock import LEEWAY, now
from accounts.core.keys import Key, KeyRing

MAX_CHARACTERS = 3500
SHAPE = re.compile(r"\.?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{1,12}\.[A-Za-z0-9_-]{43}", re.ASCII)


class Unreadable(Exception):
    """Not a statement of this purpose, issuer and ring. The text says why and never quotes the token."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A verified statement: what it says, when it was signed, by which key, and a name for it that is safe to log."""

    payload: Any
    issued_at: datetime
    key: Key
    id: str


class Envelope:
    """Signs and opens statements of one installation.

    The salt names issuer, purpose and version: a statement is worth nothing anywhere else, even under a copied key.
    """

    def __init__(self, ring: KeyRing, issuer: str) -> None:
        self.ring = ring
        self._issuer = issuer
        self._serializers: dict[tuple[Key, str, int], URLSafeTimedSerializer] = {}

    def seal(self, purpose: str, version: int, payload: Any, *, key: Key | None = None) -> str:
        """Sign a JSON value; the moment of signing goes with it. Result: ``payload.time.signature``.

        :param key: the key of the ring to sign with, where the payload depends on it; else the one that signs now.
        """
        return str(self._serializer(key or self.ring.signing, purpose, version).dumps(payload))

    def open(self, purpose: str, version: int, token: str) -> Statement:
        """Verify a token and read it. The age is for the caller to judge.

        :raises Unreadable: wrong shape or spelling, signature of no key in the ring, or signed in the future.
        """
        if len(token) > MAX_CHARACTERS or not SHAPE.fullmatch(token):
            raise Unreadable("malformed")
        signed, _, signature = token.rpartition(".")
        # itsdangerous decodes leniently: the last character of a signature has three other spellings that verify.
        if base64_encode(base64_decode(signature)).decode() != signature:
            raise Unreadable("not the canonical spelling")
        for key in self.ring.newest_first():
            try:
                payload, issued_at = self._serializer(key, purpose, version).loads(token, return_timestamp=True)
            except (BadData, ValueError, RecursionError):
                continue
            # No max_age: itsdangerous calls a token of a clock two seconds ahead expired.
            if issued_at > now() + LEEWAY:
                raise Unreadable("from the future")
            return Statement(payload, issued_at, key, self._name(key, signed))
        raise Unreadable("no key of the ring signed this for this purpose")

    def tag(self, key: Key, value: Any, size: int) -> bytes:
        """The first ``size`` bytes of a keyed digest of a JSON value (HMAC-SHA256)."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
        return hmac.digest(key.derive("tag|" + self._issuer), text, hashlib.sha256)[:size]

    def _name(self, key: Key, signed: str) -> str:
        # Of the signed part, never of the whole text: the id must not depend on how the signature is spelled.
        return urlsafe_b64encode(hmac.digest(key.derive("id"), signed.encode(), hashlib.sha256)[:9]).decode()

    def _serializer(self, key: Key, purpose: str, version: int) -> URLSafeTimedSerializer:
        found = self._serializers.get((key, purpose, version))
        if found is None:
            found = self._serializers[key, purpose, version] = URLSafeTimedSerializer(
                key.secret,
                salt=f"{self._issuer}|{purpose}|{version}",
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
        return found
