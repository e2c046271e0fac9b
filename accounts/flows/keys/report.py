"""The life of keys: what each has signed, until when that could be alive, and what dies when one is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from accounts.core.clock import LEEWAY, now
from accounts.core.errors import Conflict, NotFound
from accounts.core.models.counters import KeyUse
from accounts.core.signing import key_usage
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import Key, RingEntry, signing_entry
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.sessions import session as sessions

ROTATED, DROPPED = "keys.rotated", "keys.dropped"
SESSION = max(sessions.ABSOLUTE, sessions.ABSOLUTE_REMEMBERED, sessions.VISIT)
"""How long after its last day at work something of a session can live that a key has signed. Cookies are signed anew
as they are used, and not counted when they are; the tokens of forms live as long as their session."""
ACCEPT_SECONDS = 60
"""Between accepting a new key and signing with it: far more than any process takes to notice the file."""


@dataclass(frozen=True, slots=True)
class Use:
    """What one key has signed for one purpose. ``alive_until``: when the last of it is dead of age at the latest."""

    purpose: str
    signed: int
    opened: int
    last_opened_at: datetime | None
    alive_until: datetime


@dataclass(frozen=True, slots=True)
class KeyLife:
    """One key of the ring.

    :ivar number: its place, 1 is the oldest.
    :ivar state: ``signs`` now, ``waits`` until it signs, or only ``opens``.
    :ivar signs_from: None is ever since.
    :ivar ceased_at: when a newer key began to sign; None where none has, or nobody knows when.
    :ivar safe_from: from when on dropping it ends nothing that is alive; None while that cannot be said.
    """

    number: int
    key: Key
    state: Literal["signs", "waits", "opens"]
    signs_from: datetime | None
    ceased_at: datetime | None
    uses: tuple[Use, ...]
    safe_from: datetime | None

    @property
    def name(self) -> str:
        return self.key.name

    @property
    def is_safe(self) -> bool:
        """Whether it may go now."""
        return self.safe_from is not None and self.safe_from <= now()


def lives(uow: UnitOfWork, entries: Sequence[RingEntry] = ()) -> list[KeyLife]:
    """The keys of the ring, oldest first.

    :param entries: the ring as it was, instead of as it is.
    """
    entries = entries or uow.site.ring.entries
    counted = key_usage.list_key_usage(uow.session)
    return [_life(uow.site, entries, number, counted) for number in range(len(entries))]


def find(uow: UnitOfWork, name: str, entries: Sequence[RingEntry] = ()) -> KeyLife:
    """One key of the ring.

    :raises NotFound: there is none of this name.
    """
    key = _named(name, entries or uow.site.ring.entries)
    return next(life for life in lives(uow, entries) if life.key == key)


def rotate(uow: UnitOfWork, ring: FileKeyRing, wait: int = ACCEPT_SECONDS) -> RingEntry:
    """Add a key that every process accepts at once and signs with in ``wait`` seconds.

    :raises SettingsError: the ring cannot be changed.
    """
    with uow:
        fresh = ring.add(wait)
        uow.record_event(ROTATED, facts={"key": fresh.key.name, "signs_from": fresh.signs_from})
    return fresh


def drop(uow: UnitOfWork, ring: FileKeyRing, name: str, *, anyway: bool = False) -> None:
    """Take a key out of the ring. Everything that it has signed is dead.

    :param anyway: though something could be alive.
    :raises NotFound: there is no such key.
    :raises Conflict: it is not safe yet, or it is the last one.
    :raises SettingsError: the ring cannot be changed.
    """
    life = find(uow, name)
    if not (anyway or life.is_safe):
        raise Conflict(f"key {name} is kept: what it has signed could be alive; drop it all the same with --yes")
    with uow:
        ring.drop(life.key)
        note_drop(uow, name, None, emergency=False)


def drop_at_once(ring: FileKeyRing, name: str) -> RingEntry | None:
    """Take a key out of the ring before anything else is asked, the store included.

    :returns: the fresh key that signs from now on, where that was the last one.
    :raises NotFound: there is no such key.
    :raises SettingsError: the ring cannot be changed.
    """
    return ring.drop(_named(name, ring.entries), allow_last=True)


def note_drop(uow: UnitOfWork, name: str, fresh: RingEntry | None, *, emergency: bool) -> None:
    """Put the dropping of a key into the audit log."""
    facts = {"key": name, "emergency": emergency, "new": fresh.key.name if fresh else None}
    uow.record_event(DROPPED, facts=facts)


def _named(name: str, entries: Sequence[RingEntry]) -> Key:
    for entry in entries:
        if entry.key.name == name:
            return entry.key
    raise NotFound(f"there is no key {name} in the ring; accounts keys shows those there are")


def _life(house: Site, entries: Sequence[RingEntry], number: int, counted: Sequence[KeyUse]) -> KeyLife:
    entry = entries[number]
    signs_from = _moment(entry.signs_from) if entry.signs_from else None
    waits = signs_from is not None and signs_from > now()
    state: Literal["signs", "waits", "opens"] = (
        "signs" if entry == signing_entry(entries) else "waits" if waits else "opens"
    )
    ceased_at = _ceased_at(entries[number + 1 :], counted) if state == "opens" else None
    its_uses = tuple(_use(house, use, ceased_at) for use in counted if use.key == entry.key.name)
    safe_from = None
    if not its_uses and (state == "waits" or (signs_from and ceased_at and signs_from >= ceased_at)):
        # It has never signed: it waits still, or the one after it was there first.
        safe_from = now()
    elif ceased_at is not None:
        safe_from = max([ceased_at + SESSION, *(use.alive_until for use in its_uses)]) + LEEWAY
    return KeyLife(number + 1, entry.key, state, signs_from, ceased_at, its_uses, safe_from)


def _ceased_at(newer: Sequence[RingEntry], counted: Sequence[KeyUse]) -> datetime | None:
    """When the first of the newer keys took over. Where the ring has no moments, what was counted tells."""
    began = [_moment(entry.signs_from) for entry in newer if entry.signs_from]
    unsaid = {entry.key.name for entry in newer if not entry.signs_from}
    began += [use.first_signed_at for use in counted if use.key in unsaid]
    return min((moment for moment in began if moment <= now()), default=None)


def _use(house: Site, use: KeyUse, ceased_at: datetime | None) -> Use:
    alive_until = use.alive_until
    if ceased_at is not None and use.purpose == sessions.PURPOSE:
        alive_until = max(alive_until, ceased_at + SESSION)
    elif ceased_at is not None and use.purpose in house.links:
        # Lifetimes may have been raised since: how old a link may be is judged by those of today.
        alive_until = max(alive_until, ceased_at + house.link_signer.lifetime(house.links[use.purpose]))
    return Use(use.purpose, use.signed, use.opened, use.last_opened_at, alive_until)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
