"""Sign and verify tokens: itsdangerous, one accepted spelling, bounded leeway of clocks, and the key that signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any, TypeVar

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from accounts.core.clock import LEEWAY, now
from accounts.core.signing.keys import Key, KeyRing
from accounts.core.signing.token_kind import BadToken, SignedToken, TokenKind

T = TypeVar("T")

MAX_TOKEN_CHARACTERS = 3500
TOKEN_PATTERN = re.compile(r"\.?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{1,12}\.[A-Za-z0-9_-]{43}", re.ASCII)


class _CachedKeySigner(TimestampSigner):
    """Derives its key once: it has only one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._derived_key = super().derive_key()

    def derive_key(self, secret_key: Any = None) -> bytes:
        """Return the derived key."""
        return self._derived_key


class _CachedSignerSerializer(URLSafeTimedSerializer):
    """Makes its signer once, where itsdangerous makes one for every token. They hold no state."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cached_signer = _CachedKeySigner(self.secret_keys, salt=self.salt, **self.signer_kwargs)

    def make_signer(self, salt: Any = None) -> _CachedKeySigner:
        """Return the one signer."""
        return self._cached_signer


class TokenSigner:
    """Signs and verifies the tokens of one installation.

    The salt names issuer, purpose and version: a token is invalid anywhere else, even under a copied key.
    """

    def __init__(self, ring: KeyRing, issuer: str) -> None:
        self.ring = ring
        self._issuer = issuer
        self._serializers: dict[tuple[Key, str, int], _CachedSignerSerializer] = {}

    def sign(self, kind: TokenKind[T], payload: T, *, key: Key | None = None) -> str:
        """Return a signed token of a kind; the moment of signing goes with it.

        :param key: the key of the ring to sign with, where the payload depends on it; else the one that signs now.
        """
        return self.sign_payload(kind.purpose, kind.version, kind.to_json(payload), key=key)

    def verify(self, kind: TokenKind[T], token: str) -> T:
        """Return what a token of a kind says.

        :raises BadToken: no token of this kind, signed by no key of the ring, or too old.
        """
        return kind.from_signed(self.verify_payload(kind.purpose, kind.version, token))

    def read(self, kind: TokenKind[T], token: str) -> T | None:
        """Return what a token of a kind says, or None for anything that :meth:`verify` refuses."""
        try:
            return self.verify(kind, token)
        except BadToken:
            return None

    def sign_payload(self, purpose: str, version: int, payload: Any, *, key: Key | None = None) -> str:
        """Sign a JSON value; the moment of signing goes with it. Result: ``payload.time.signature``."""
        return str(self._serializer_for(key or self.ring.signing, purpose, version).dumps(payload))

    def verify_payload(self, purpose: str, version: int, token: str) -> SignedToken:
        """Verify a token and read its JSON value. The age is for the caller to judge.

        :raises BadToken: wrong shape or spelling, signature of no key in the ring, or signed in the future.
        """
        if len(token) > MAX_TOKEN_CHARACTERS or not TOKEN_PATTERN.fullmatch(token):
            raise BadToken("malformed")
        signed_part, _, signature = token.rpartition(".")
        # itsdangerous decodes leniently: the last character of a signature has three other spellings that verify.
        if base64_encode(base64_decode(signature)).decode() != signature:
            raise BadToken("not the canonical spelling")
        for key in self.ring.newest_first():
            try:
                payload, issued_at = self._serializer_for(key, purpose, version).loads(token, return_timestamp=True)
            except (BadData, ValueError, RecursionError):
                continue
            # No max_age: itsdangerous calls a token of a clock two seconds ahead expired.
            if issued_at > now() + LEEWAY:
                raise BadToken("from the future")
            return SignedToken(payload, issued_at, key, signed_part)
        raise BadToken("no key of the ring signed this for this purpose")

    def tag(self, key: Key, value: Any, size: int) -> bytes:
        """Return the first ``size`` bytes of a keyed digest of a JSON value (HMAC-SHA256)."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode()
        return hmac.digest(key.derive("tag|" + self._issuer), text, hashlib.sha256)[:size]

    def _serializer_for(self, key: Key, purpose: str, version: int) -> _CachedSignerSerializer:
        serializer = self._serializers.get((key, purpose, version))
        if serializer is None:
            serializer = self._serializers[key, purpose, version] = _CachedSignerSerializer(
                key.secret,
                salt=f"{self._issuer}|{purpose}|{version}",
                signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
            )
        return serializer
