"""The key pairs that vouch for people in other apps: made on first use, published before they sign, kept after.

There is nothing to set up and nothing that has to happen at a certain moment. A rotation only inserts rows that say
from when on they sign; every process finds out by looking.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, delete, select, update

from accounts.core.clock import now
from accounts.core.database.spent import FOR_EVER
from accounts.core.models.apps import OidcKey
from accounts.core.signing import encryption
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, OKPKey, RSAKey
    from joserfc.jws import JWSRegistry

    Pair = RSAKey | ECKey | OKPKey

ALGS = ("RS256", "ES256", "EdDSA")
USE = "oidc-keys"
CACHED = timedelta(hours=1)
"""How long other apps may keep the published keys before they look again."""
AHEAD = timedelta(hours=24)
"""How long a new key is published before it signs: many times ``CACHED``, for those who do not heed it."""
AT_ONCE = timedelta(minutes=2)
"""How long before it signs when that cannot wait: until every process here publishes it."""
KEPT = timedelta(days=3)
"""How long a key is published after it signed last. No token signed by it lives longer than a day."""
LOOKED_AT = 30.0
"""Seconds for which a process believes what it has read."""


@dataclass(frozen=True, slots=True)
class _Known:
    """One key as this process holds it."""

    row: OidcKey
    pair: Pair | None


class Keys:
    """The keys of one installation: ``house.kept(Keys)``."""

    def __init__(self, house: Site) -> None:
        self._house = house
        self._known: tuple[_Known, ...] = ()
        self._read_at = float("-inf")
        self._reading = threading.Lock()

    @property
    def look_is_due(self) -> bool:
        """Whether the next use asks the store first."""
        return time.monotonic() - self._read_at > LOOKED_AT

    def published(self) -> list[dict[str, Any]]:
        """The public parts, as a JWK set has them. The first call ever makes the keys."""
        return [{**known.row.public, "use": "sig", "alg": known.row.alg} for known in self._current()]

    def sign(self, alg: str, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """A signed JWT. Slow enough (RSA) to belong outside of any transaction."""
        from joserfc import jwt

        id, pair = self._signing(alg)
        return jwt.encode({"alg": alg, "kid": id, "typ": typ}, dict(claims), pair, registry=_registry())

    def read(self, token: str) -> Mapping[str, Any] | None:
        """What a JWT of ours says, however old; None for everything that none of the published keys has signed."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys = KeySet.import_key_set({"keys": self.published()})
        try:
            claims: Mapping[str, Any] = jwt.decode(token, keys, registry=_registry()).claims
        except (JoseError, ValueError):
            return None
        return claims

    def forget(self) -> None:
        """Look again at the next use: something was changed here."""
        self._read_at = float("-inf")

    def _signing(self, alg: str) -> tuple[str, Pair]:
        moment = now()
        able = [
            (known.row.not_before, known.row.id, known.pair)
            for known in self._current()
            if known.row.alg == alg and known.pair is not None and known.row.not_before <= moment
        ]
        if not able:
            make(UnitOfWork(self._house), [alg], moment, marks=())
            self.forget()
            return self._signing(alg)
        _, id, pair = max(able, key=lambda each: each[:2])
        return id, pair

    def _current(self) -> tuple[_Known, ...]:
        if self.look_is_due:
            with self._reading:
                if self.look_is_due:
                    self._known = self._look()
                    self._read_at = time.monotonic()
        return self._known

    def _look(self) -> tuple[_Known, ...]:
        uow = UnitOfWork(self._house)
        try:
            rows = published_rows(uow)
            missing = [alg for alg in ALGS if not any(row.alg == alg for row in rows)]
            if missing:
                make(uow, missing, now(), marks=[f"{USE}:{alg}" for alg in missing])
                rows = published_rows(uow)
            return tuple(_Known(row, _opened(uow, row)) for row in rows)
        finally:
            uow.close()


def published_rows(uow: UnitOfWork) -> list[OidcKey]:
    """The keys that are published, in the order in which they sign."""
    found = list(uow.session.scalars(_published()))
    uow.close()
    return found


def _published() -> Select[Any]:
    kept = OidcKey.retired_at.is_(None) | (OidcKey.retired_at > now() - KEPT)
    return select(OidcKey).where(kept).order_by(OidcKey.not_before, OidcKey.id)


def line_up(uow: UnitOfWork, alg: str) -> list[OidcKey]:
    """Have each published key of an algorithm retire when the next one signs, the last one never, and the first one
    sign by now. Answers them."""
    uow.session.flush()
    rows = list(uow.session.scalars(_published().where(OidcKey.alg == alg)))
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        row.retired_at = after.not_before if after else None
    if rows:
        rows[0].not_before = min(rows[0].not_before, now())
    return rows


def make(uow: UnitOfWork, algs: Sequence[str], signs_from: datetime, *, marks: Sequence[str]) -> list[OidcKey]:
    """New keys that sign from a moment on.

    :param marks: are spent with it; none is made where one of them was spent before.
    """
    # Made before the transaction: an RSA key takes a tenth of a second or more.
    pairs = [(alg, _new_pair(alg)) for alg in algs]
    with uow:
        # Two first starts at once agree on one set: whoever spends the marks second finds the keys of the first.
        won = [uow.spend(mark, FOR_EVER) for mark in marks]
        if not all(won):
            return []
        made = [_row(uow, alg, pair, signs_from) for alg, pair in pairs]
        uow.session.add_all(made)
        for row in made:
            line_up(uow, row.alg)
            facts = {"key": row.id, "alg": row.alg, "signs_from": int(signs_from.timestamp())}
            uow.record_event("oidc-key.made", facts=facts)
        uow.session.execute(delete(OidcKey).where(OidcKey.retired_at < now() - KEPT))
    return made


def _row(uow: UnitOfWork, alg: str, pair: Pair, signs_from: datetime) -> OidcKey:
    private = json.dumps(pair.as_dict(private=True))
    id = pair.thumbprint()
    return OidcKey(
        id=id,
        alg=alg,
        public={**pair.as_dict(private=False), "kid": id},
        sealed=encryption.encrypt(uow.site.ring, USE, private),
        not_before=signs_from,
    )


def _new_pair(alg: str) -> Pair:
    from joserfc.jwk import ECKey, OKPKey, RSAKey

    if alg == "RS256":
        return RSAKey.generate_key(2048)
    return ECKey.generate_key("P-256") if alg == "ES256" else OKPKey.generate_key("Ed25519")


def _opened(uow: UnitOfWork, row: OidcKey) -> Pair | None:
    """The pair; None where the ring has lost the key it was sealed with. It verifies still, and signs no more."""
    from joserfc.jwk import JWKRegistry

    ring = uow.site.ring
    try:
        private = encryption.decrypt(ring, USE, row.sealed)
    except encryption.DecryptionFailed:
        return None
    if encryption.needs_reencryption(ring, row.sealed):
        with uow:
            anew = encryption.encrypt(ring, USE, private)
            uow.session.execute(update(OidcKey).where(OidcKey.id == row.id).values(sealed=anew))
    pair: Pair = JWKRegistry.import_key(json.loads(private))  # type: ignore[assignment] # never an octet key: see _new_pair
    return pair


@functools.cache
def _registry() -> JWSRegistry:
    from joserfc.jws import JWSRegistry

    class Allowed(JWSRegistry):
        """These algorithms and no other, whatever a token's header says."""

        def get_alg(self, name: str) -> Any:
            if name == "EdDSA":
                # It warns that RFC 9864 has a new name for this algorithm, which hardly any app knows yet.
                return self.algorithms[name]
            return super().get_alg(name)

    return Allowed(algorithms=ALGS)
