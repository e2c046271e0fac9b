"""Signed statements: itsdangerous as it is, with one spelling, bounded leeway and the key that opened it."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from accounts.core.clock import LEEWAY, now
from accounts.core.signing.keys import Key, KeyRing

MAX_CHARACTERS = 3500
SHAPE = re.compile(r"\.?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{1,12}\.[A-Za-z0-9_-]{43}", re.ASCII)


class Unreadable(Exception):
    """Not a statement of this purpose, issuer and ring. The text says why and never quotes the token."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A verified statement: what it says, when it was signed, and by which key.

    :ivar signed: the signed part of its text. Never the whole: a name must not depend on how a signature is spelled.
    """

    payload: Any
    issued_at: datetime
    key: Key
    signed: str = field(repr=False)

    @property
    def id(self) -> str:
        """A name for it that is safe to log."""
        name = hmac.digest(self.key.derive("id"), self.signed.encode(), hashlib.sha256)
        return urlsafe_b64encode(name[:9]).decode()


class _Signer(TimestampSigner):
    """Derives its key once: it has but one."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._derived = super().derive_key()

    def derive_key(self, secret_key: Any = None) -> bytes:
        return self._derived


class _Serializer(URLSafeTimedSerializer):
    """Makes its signer once, where itsdangerous makes one for every token. They hold no state."""

    def __init__(self, *given: Any, **options: Any) -> None:
        super().__init__(*given, **options)
        self._kept = _Signer(self.secret_keys, salt=self.salt, **self.signer_kwargs)

    def make_signer(self, salt: Any = None) -> _Signer:
        return self._kept


class Envelope:
    """Signs and opens statements of one installation.

    The salt names issuer, purpose and version: a statement is worth nothing anywhere else, even under a copied key.
    """

    def __init__(self, ring: KeyRing, issuer: str) -> None:
        self.ring = ring
        self._issuer = issuer
        self._serializers: dict[tuple[Key, str, int], _Serializer] = {}

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
            return Statement(payload, issued_at, key, signed)
        raise Unreadable("no key of the ring signed this for this purpose")

    def tag(self, key: Key, value: Any, size: int) -> bytes:
        """The first ``size`` bytes of a keyed digest of a JSON value (HMAC-SHA256)."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
        return hmac.digest(key.derive("tag|" + self._issuer), text, hashlib.sha256)[:size]

    def _serializer(self, key: Key, purpose: str, version: int) -> _Serializer:
        found = self._serializers.get((key, purpose, version))
        if found is None:
            found = self._serializers[key, purpose, version] = _Serializer(
                key.secret,
                salt=f"{self._issuer}|{purpose}|{version}",
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
        return found
