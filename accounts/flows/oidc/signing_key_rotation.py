"""Rotate the key pairs that sign ID tokens: make a new one, and drop one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.errors import NotFound
from accounts.core.models.apps import OidcKey
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.signing_keys import (
    PUBLISH_AHEAD,
    SIGNING_ALGS,
    SigningKeys,
    create_keys,
    list_published_keys,
    schedule_retirements,
)


def signing_key_state(row: OidcKey, rows: Sequence[OidcKey]) -> str:
    """``next`` (published, signs later), ``signs`` or ``kept`` (published for what it has signed)."""
    moment = now()
    if row.not_before > moment:
        return "next"
    usable = [each for each in rows if each.alg == row.alg and each.not_before <= moment]
    return "signs" if row is max(usable, key=lambda each: (each.not_before, each.id)) else "kept"


def rotate_signing_keys(
    uow: UnitOfWork, algs: Sequence[str] = SIGNING_ALGS, *, ahead: timedelta = PUBLISH_AHEAD
) -> list[OidcKey]:
    """Make new keys that take over after ``ahead``; the old ones stay published for what they have signed.

    A key that waits already for its turn is left to it, or has it after ``ahead`` where that is sooner: rotating
    twice is rotating once. The first one of all signs at once, since nobody holds another.
    """
    moment, rows = now(), list_published_keys(uow)
    algs_without_key = [alg for alg in algs if not any(row.alg == alg for row in rows)]
    waiting = [row for row in rows if row.alg in algs and row.not_before > moment]
    keys = create_keys(uow, algs_without_key, moment, spent_ids=())
    algs_done = {row.alg for row in waiting}.union(algs_without_key)
    keys += create_keys(uow, [alg for alg in algs if alg not in algs_done], moment + ahead, spent_ids=())
    keys += _bring_forward(uow, [row.id for row in waiting if row.not_before > moment + ahead], moment + ahead)
    uow.site.get(SigningKeys).invalidate()
    return keys


def _bring_forward(uow: UnitOfWork, ids: Sequence[str], signs_from: datetime) -> list[OidcKey]:
    if not ids:
        return []
    with uow:
        rows = list(uow.session.scalars(select(OidcKey).where(OidcKey.id.in_(ids))))
        for row in rows:
            row.not_before = signs_from
            schedule_retirements(uow, row.alg)
            facts = {"key": row.id, "alg": row.alg, "signs_from": int(signs_from.timestamp())}
            uow.record_event("oidc-key.brought-forward", facts=facts)
    return rows


def drop_signing_key(uow: UnitOfWork, id: str) -> str:
    """Take a key away at once, because somebody else may hold it: whatever it signed verifies nowhere any more.

    Whichever of the others is known longest to be good takes its place: the one before it, as long as that is
    published, or the one that waits. Answers its algorithm.

    :raises NotFound: there is no such key.
    """
    row = uow.session.get(OidcKey, id)
    if row is None:
        raise NotFound("no such key")
    alg = row.alg
    with uow:
        uow.session.delete(row)
        remaining = schedule_retirements(uow, alg)
        uow.record_event("oidc-key.dropped", facts={"key": id, "alg": alg})
    if not remaining:
        create_keys(uow, [alg], now(), spent_ids=())
    uow.site.get(SigningKeys).invalidate()
    return alg
