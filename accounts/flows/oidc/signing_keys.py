"""Hold the key pairs that sign ID tokens: made on first use, published before they sign, kept after.

There is nothing to set up and nothing that has to happen at a certain moment. A rotation only inserts rows that say
from when on they sign; every process finds out by looking.
"""

from __future__ import annotations

import functools
import itertools
import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.exc import SQLAlchemyError

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.models.apps import OidcKey
from accounts.core.signing import encryption
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey
    from joserfc.jws import JWSRegistry

    SigningKey = RSAKey | ECKey | OKPKey

SIGNING_ALGS = ("RS256", "ES256", "EdDSA")
SIGNING_KEY_USE = "oidc-keys"
JWKS_CACHE_TIME = timedelta(hours=1)
"""How long other apps may keep the published keys before they look again."""
PUBLISH_AHEAD = timedelta(hours=24)
"""How long a new key is published before it signs: many times ``CACHED``, for those who do not heed it."""
EMERGENCY_PUBLISH_AHEAD = timedelta(minutes=2)
"""How long before it signs when that cannot wait: until every process here publishes it."""
RETIRED_KEY_RETENTION = timedelta(days=3)
"""How long a key is published after it signed last. No token signed by it lives longer than a day."""
KEY_CACHE_SECONDS = 30.0
"""Seconds for which a process believes what it has read."""
PUBLISH_RETRY_SECONDS = 5.0
"""Seconds between two attempts to read the keys anew, while those read before are published for want of a store."""


@dataclass(frozen=True, slots=True)
class _CachedKey:
    """One key as this process holds it."""

    row: OidcKey
    key: SigningKey | None


class SigningKeys:
    """The keys of one installation: ``site.get(SigningKeys)``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._keys: tuple[_CachedKey, ...] = ()
        self._jwk_set = b""
        self._loaded_at = float("-inf")
        self._load_lock = threading.Lock()
        self._publish_again_at = float("-inf")

    @property
    def is_stale(self) -> bool:
        """Whether the next use asks the store first."""
        return time.monotonic() - self._loaded_at > KEY_CACHE_SECONDS

    def public_jwks(self) -> list[dict[str, Any]]:
        """Return the public parts, as a JWK set has them (RFC 7517). The first call ever makes the keys."""
        return _public_parts(self._current_keys())

    def jwk_set(self) -> bytes:
        """Return the JWK set as it is published: encoded once for what was read, not for each request.

        While the store is away it is the one that was read last. Only to be published: nothing is signed or verified
        with keys that could have been dropped meanwhile.

        :raises SQLAlchemyError: the store is away, and this process has never read any keys.
        """
        if not self._jwk_set or time.monotonic() >= self._publish_again_at:
            try:
                self._current_keys()
            except SQLAlchemyError:
                if not self._jwk_set:
                    raise
                # Not at each request: one that waits for a store that does not answer holds up all others.
                self._publish_again_at = time.monotonic() + PUBLISH_RETRY_SECONDS
        return self._jwk_set

    def sign(self, alg: str, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """Return a signed JWT. Slow enough (RSA) to belong outside of any transaction."""
        # Imported here: joserfc takes 95 ms of every start.
        from joserfc import jwt

        id, key = self._signing_key(alg)
        return jwt.encode({"alg": alg, "kid": id, "typ": typ}, dict(claims), key, registry=_jws_registry())

    def verify(self, token: str) -> Mapping[str, Any] | None:
        """Return the claims of a JWT of ours, however old; None for everything that no published key has signed."""
        # Imported here: joserfc takes 95 ms of every start.
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set({"keys": self.public_jwks()})
        try:
            claims: Mapping[str, Any] = jwt.decode(token, keys, registry=_jws_registry()).claims
        except (JoseError, ValueError):
            return None
        return claims

    def invalidate(self) -> None:
        """Look again at the next use: something was changed here."""
        self._loaded_at = float("-inf")

    def _signing_key(self, alg: str) -> tuple[str, SigningKey]:
        moment = now()
        usable = [
            (known.row.not_before, known.row.id, known.key)
            for known in self._current_keys()
            if known.row.alg == alg and known.key is not None and known.row.not_before <= moment
        ]
        if not usable:
            create_keys(UnitOfWork(self._site), [alg], moment, spent_ids=())
            self.invalidate()
            return self._signing_key(alg)
        _, id, key = max(usable, key=lambda each: each[:2])
        return id, key

    def _current_keys(self) -> tuple[_CachedKey, ...]:
        if self.is_stale:
            with self._load_lock:
                if self.is_stale:
                    self._keys = self._load()
                    self._jwk_set = json.dumps({"keys": _public_parts(self._keys)}).encode()
                    self._loaded_at = time.monotonic()
        return self._keys

    def _load(self) -> tuple[_CachedKey, ...]:
        uow = UnitOfWork(self._site)
        try:
            rows = list_published_keys(uow)
            missing = [alg for alg in SIGNING_ALGS if not any(row.alg == alg for row in rows)]
            if missing:
                create_keys(uow, missing, now(), spent_ids=[f"{SIGNING_KEY_USE}:{alg}" for alg in missing])
                rows = list_published_keys(uow)
            return tuple(_CachedKey(row, _decrypt_key(uow, row)) for row in rows)
        finally:
            uow.close()


def _public_parts(keys: Iterable[_CachedKey]) -> list[dict[str, Any]]:
    return [{**known.row.public, "use": "sig", "alg": known.row.alg} for known in keys]


def list_published_keys(uow: UnitOfWork) -> list[OidcKey]:
    """Return the keys that are published, in the order in which they sign."""
    rows = list(uow.session.scalars(_select_published()))
    uow.close()
    return rows


def _select_published() -> Select[Any]:
    is_published = OidcKey.retired_at.is_(None) | (OidcKey.retired_at > now() - RETIRED_KEY_RETENTION)
    return select(OidcKey).where(is_published).order_by(OidcKey.not_before, OidcKey.id)


def schedule_retirements(uow: UnitOfWork, alg: str) -> list[OidcKey]:
    """Retire each published key of an algorithm when the next one signs, and return them.

    The last one never retires, and the first one signs by now.
    """
    uow.session.flush()
    rows = list(uow.session.scalars(_select_published().where(OidcKey.alg == alg)))
    for row, successor in itertools.zip_longest(rows, rows[1:]):
        row.retired_at = successor.not_before if successor else None
    if rows:
        rows[0].not_before = min(rows[0].not_before, now())
    return rows


def create_keys(
    uow: UnitOfWork, algs: Sequence[str], signs_from: datetime, *, spent_ids: Sequence[str]
) -> list[OidcKey]:
    """Make new keys that sign from a moment on, and return them.

    :param spent_ids: are used up with it; none is made where one of them was used before.
    """
    # Made before the transaction: an RSA key takes a tenth of a second or more.
    keys = [(alg, _generate_key(alg)) for alg in algs]
    with uow:
        # Two first starts at once agree on one set: whoever spends the marks second finds the keys of the first.
        spent = [uow.spend(spent_id, FOR_EVER) for spent_id in spent_ids]
        if not all(spent):
            return []
        rows = [_build_key_row(uow, alg, key, signs_from) for alg, key in keys]
        uow.session.add_all(rows)
        for row in rows:
            schedule_retirements(uow, row.alg)
            facts = {"key": row.id, "alg": row.alg, "signs_from": int(signs_from.timestamp())}
            uow.record_event("oidc-key.made", facts=facts)
        uow.session.execute(delete(OidcKey).where(OidcKey.retired_at < now() - RETIRED_KEY_RETENTION))
    return rows


def _build_key_row(uow: UnitOfWork, alg: str, key: SigningKey, signs_from: datetime) -> OidcKey:
    private = json.dumps(key.as_dict(private=True))
    id = key.thumbprint()
    return OidcKey(
        id=id,
        alg=alg,
        public={**key.as_dict(private=False), "kid": id},
        sealed=encryption.encrypt(uow.site.ring, SIGNING_KEY_USE, private),
        not_before=signs_from,
    )


def _generate_key(alg: str) -> SigningKey:
    # Imported here: joserfc takes 95 ms of every start.
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if alg == "RS256":
        return RSAKey.generate_key(2048)
    return ECKey.generate_key("P-256") if alg == "ES256" else OKPKey.generate_key("Ed25519")


def _decrypt_key(uow: UnitOfWork, row: OidcKey) -> SigningKey | None:
    """Return the pair; None where the ring has lost the key it was encrypted with."""
    # Imported here: joserfc takes 95 ms of every start.
    from joserfc.jwk import JWKRegistry

    ring = uow.site.ring
    try:
        private = encryption.decrypt(ring, SIGNING_KEY_USE, row.sealed)
    except encryption.DecryptionFailed:
        return None
    if encryption.needs_reencryption(ring, row.sealed):
        with uow:
            encrypted = encryption.encrypt(ring, SIGNING_KEY_USE, private)
            uow.session.execute(update(OidcKey).where(OidcKey.id == row.id).values(sealed=encrypted))
    key: SigningKey = JWKRegistry.import_key(json.loads(private))  # type: ignore[assignment] # never an octet key: see _new_pair
    return key


@functools.cache
def _jws_registry() -> JWSRegistry:
    # Imported here: joserfc takes 95 ms of every start.
    from joserfc.jws import JWSRegistry

    class Allowed(JWSRegistry):
        """Accepts these algorithms and no other, whatever a token's header says."""

        def get_alg(self, name: str) -> Any:
            if name == "EdDSA":
                # It warns that RFC 9864 has a new name for this algorithm, which hardly any app knows yet.
                return self.algorithms[name]
            return super().get_alg(name)

    return Allowed(algorithms=SIGNING_ALGS)
