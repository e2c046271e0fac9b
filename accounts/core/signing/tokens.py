"""Sign and verify tokens: itsdangerous, one accepted spelling, bounded leeway of clocks, and the key that signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from datetime import datetime
from typing import Any, TypeVar

from itsdangerous import BadData, TimestampSigner, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode, int_to_bytes

from accounts.core.clock import LEEWAY, now
from accounts.core.signing.keys import Key, KeyRing, RingEntry
from accounts.core.signing.token_kind import BadToken, SignedToken, TokenKind

T = TypeVar("T")

MAX_TOKEN_CHARACTERS = 3500
TOKEN_PATTERN = re.compile(r"\.?[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{1,12}\.[A-Za-z0-9_-]{43}", re.ASCII)
CANONICAL_ENDS = frozenset("AEIMQUYcgkosw048")
"""Last characters of a signature: 43 characters carry 258 bits, of which the last two are zero."""
KEPT_TOKENS = 2048
"""How many verified tokens a signer keeps at least; at most it is twice as many, of about 1 KiB each."""


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

    def dumps_as_of(self, payload: Any, moment: datetime) -> str:
        """Return the token that :meth:`dumps` would have made at a moment."""
        timestamp = base64_encode(int_to_bytes(int(moment.timestamp())))
        text = self.dump_payload(payload) + b"." + timestamp
        return (text + b"." + self._cached_signer.get_signature(text)).decode()


class _VerifiedTokens:
    """Tokens that were verified with the keys of a ring, by a digest: a text that signs in is not kept.

    Two generations: when the newer one is full, the older one goes with all that was not asked for since.
    """

    def __init__(self, entries: tuple[RingEntry, ...]) -> None:
        self.entries = entries
        self._newer: dict[bytes, SignedToken] = {}
        self._older: dict[bytes, SignedToken] = {}

    def find(self, digest: bytes) -> SignedToken | None:
        """Return a token that was verified before."""
        token = self._newer.get(digest)
        if token is None and (token := self._older.get(digest)) is not None:
            self.keep(digest, token)
        return token

    def keep(self, digest: bytes, token: SignedToken) -> None:
        """Keep a token that was verified."""
        if len(self._newer) >= KEPT_TOKENS:
            self._newer, self._older = {}, self._newer
        self._newer[digest] = token


class TokenSigner:
    """Signs and verifies the tokens of one installation.

    The salt names issuer, purpose and version: a token is invalid anywhere else, even under a copied key.
    """

    def __init__(self, ring: KeyRing, issuer: str) -> None:
        self.ring = ring
        self._issuer = issuer
        self._serializers: dict[tuple[Key, str, int], _CachedSignerSerializer] = {}
        self._verified = _VerifiedTokens(ring.entries)

    def sign(self, kind: TokenKind[T], payload: T, *, key: Key | None = None, as_of: datetime | None = None) -> str:
        """Return a signed token of a kind; the moment of signing goes with it.

        :param key: the key of the ring to sign with, where the payload depends on it; else the one that signs now.
        :param as_of: the moment of signing, instead of now.
        """
        if as_of is None:
            return self.sign_payload(kind.purpose, kind.version, kind.to_json(payload), key=key)
        serializer = self._serializer_for(key or self.ring.signing, kind.purpose, kind.version)
        return serializer.dumps_as_of(kind.to_json(payload), as_of)

    def verify(self, kind: TokenKind[T], token: str) -> T:
        """Return what a token of a kind says.

        :raises BadToken: no token of this kind, signed by no key of the ring, or too old.
        """
        signed = (self._verify_once if kind.is_repeated else self._verify_signature)(
            kind.purpose, kind.version, token
        )
        return kind.from_signed(_refuse_future(signed))

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
        return _refuse_future(self._verify_signature(purpose, version, token))

    def _verify_once(self, purpose: str, version: int, token: str) -> SignedToken:
        verified = self._verified
        if verified.entries is not (entries := self.ring.entries):
            # Only of the ring as it is now: a token of a key that was dropped has to be refused.
            verified = self._verified = _VerifiedTokens(entries)
        digest = hashlib.sha256(f"{purpose} {version} {token}".encode(errors="surrogatepass")).digest()
        signed = verified.find(digest)
        if signed is None:
            signed = self._verify_signature(purpose, version, token)
            verified.keep(digest, signed)
        return signed

    def _verify_signature(self, purpose: str, version: int, token: str) -> SignedToken:
        if len(token) > MAX_TOKEN_CHARACTERS or not TOKEN_PATTERN.fullmatch(token):
            raise BadToken("malformed")
        # itsdangerous decodes leniently: the last character of a signature has three other spellings that verify.
        if token[-1] not in CANONICAL_ENDS:
            raise BadToken("not the canonical spelling")
        for key in self.ring.newest_first():
            try:
                payload, issued_at = self._serializer_for(key, purpose, version).loads(token, return_timestamp=True)
            except (BadData, ValueError, RecursionError):
                continue
            return SignedToken(payload, issued_at, key, token.rpartition(".")[0])
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


def _refuse_future(token: SignedToken) -> SignedToken:
    # No max_age: itsdangerous calls a token of a clock two seconds ahead expired.
    if token.issued_at > now() + LEEWAY:
        raise BadToken("from the future")
    return token
