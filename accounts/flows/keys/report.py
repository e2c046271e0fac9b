"""Report on keys: what each has signed, and until when that could be valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
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

KEY_ROTATED_EVENT, KEY_DROPPED_EVENT = "keys.rotated", "keys.dropped"
MAX_SESSION_LIFETIME = max(
    sessions.ABSOLUTE_TIMEOUT, sessions.REMEMBERED_ABSOLUTE_TIMEOUT, sessions.VISITOR_SESSION_TTL
)
"""How long after its last day at work something of a session can live that a key has signed. Cookies are signed anew
as they are used, and not counted when they are; the tokens of forms live as long as their session."""
ACCEPT_SECONDS = 60
"""Between accepting a new key and signing with it: far more than any process takes to notice the file."""


@dataclass(frozen=True, slots=True)
class KeyUseReport:
    """What one key has signed for one purpose. ``alive_until``: when the last of it expires at the latest."""

    purpose: str
    signed: int
    opened: int
    last_opened_at: datetime | None
    alive_until: datetime


@dataclass(frozen=True, slots=True)
class KeyReport:
    """One key of the ring.

    :ivar number: its place, 1 is the oldest.
    :ivar state: ``signs`` now, ``waits`` until it signs, or only ``opens``.
    :ivar signs_from: None is always.
    :ivar ceased_at: when a newer key began to sign; None where none has, or nobody knows when.
    :ivar safe_to_drop_from: from when on dropping it invalidates nothing; None while that cannot be said.
    """

    number: int
    key: Key
    state: Literal["signs", "waits", "opens"]
    signs_from: datetime | None
    ceased_at: datetime | None
    uses: tuple[KeyUseReport, ...]
    safe_to_drop_from: datetime | None

    @property
    def name(self) -> str:
        """The name of the key."""
        return self.key.name

    @property
    def is_safe_to_drop(self) -> bool:
        """Whether it may go now."""
        return self.safe_to_drop_from is not None and self.safe_to_drop_from <= now()


def report_keys(uow: UnitOfWork, entries: Sequence[RingEntry] = ()) -> list[KeyReport]:
    """Return a report of each key of the ring, oldest first.

    :param entries: the ring as it was, instead of as it is.
    """
    entries = entries or uow.site.ring.entries
    key_uses = key_usage.list_key_usage(uow.session)
    return [_build_report(uow.site, entries, number, key_uses) for number in range(len(entries))]


def report_key(uow: UnitOfWork, name: str, entries: Sequence[RingEntry] = ()) -> KeyReport:
    """One key of the ring.

    :raises NotFound: there is none of this name.
    """
    key = _find_key(name, entries or uow.site.ring.entries)
    return next(report for report in report_keys(uow, entries) if report.key == key)


def rotate_key(uow: UnitOfWork, ring: FileKeyRing, wait: int = ACCEPT_SECONDS) -> RingEntry:
    """Add a key that every process accepts at once and signs with in ``wait`` seconds.

    :raises SettingsError: the ring cannot be changed.
    """
    with uow:
        new_entry = ring.add(wait)
        uow.record_event(KEY_ROTATED_EVENT, facts={"key": new_entry.key.name, "signs_from": new_entry.signs_from})
    return new_entry


def drop_key(uow: UnitOfWork, ring: FileKeyRing, name: str, *, force: bool = False) -> None:
    """Take a key out of the ring. Everything that it has signed is invalid.

    :param force: even though something could be valid.
    :raises NotFound: there is no such key.
    :raises Conflict: it is not safe yet, or it is the last one.
    :raises SettingsError: the ring cannot be changed.
    """
    report = report_key(uow, name)
    if not (force or report.is_safe_to_drop):
        raise Conflict(f"key {name} is kept: what it has signed could be alive; drop it all the same with --yes")
    with uow:
        ring.drop(report.key)
        record_key_drop(uow, name, None, emergency=False)


def drop_key_at_once(ring: FileKeyRing, name: str) -> RingEntry | None:
    """Take a key out of the ring before anything else is asked, the store included.

    :returns: the fresh key that signs from now on, where that was the last one.
    :raises NotFound: there is no such key.
    :raises SettingsError: the ring cannot be changed.
    """
    return ring.drop(_find_key(name, ring.entries), allow_last=True)


def record_key_drop(uow: UnitOfWork, name: str, new_entry: RingEntry | None, *, emergency: bool) -> None:
    """Put the dropping of a key into the audit log."""
    facts = {"key": name, "emergency": emergency, "new": new_entry.key.name if new_entry else None}
    uow.record_event(KEY_DROPPED_EVENT, facts=facts)


def _find_key(name: str, entries: Sequence[RingEntry]) -> Key:
    for entry in entries:
        if entry.key.name == name:
            return entry.key
    raise NotFound(f"there is no key {name} in the ring; accounts keys list shows those there are")


def _build_report(site: Site, entries: Sequence[RingEntry], number: int, key_uses: Sequence[KeyUse]) -> KeyReport:
    entry = entries[number]
    signs_from = _to_datetime(entry.signs_from) if entry.signs_from else None
    is_waiting = signs_from is not None and signs_from > now()
    state: Literal["signs", "waits", "opens"] = (
        "signs" if entry == signing_entry(entries) else "waits" if is_waiting else "opens"
    )
    ceased_at = _ceased_at(entries[number + 1 :], key_uses) if state == "opens" else None
    use_reports = tuple(_build_use_report(site, use, ceased_at) for use in key_uses if use.key == entry.key.name)
    safe_to_drop_from = None
    if not use_reports and (state == "waits" or (signs_from and ceased_at and signs_from >= ceased_at)):
        # It has never signed: it waits still, or the one after it was there first.
        safe_to_drop_from = now()
    elif ceased_at is not None:
        safe_to_drop_from = (
            max([ceased_at + MAX_SESSION_LIFETIME, *(use.alive_until for use in use_reports)]) + LEEWAY
        )
    return KeyReport(number + 1, entry.key, state, signs_from, ceased_at, use_reports, safe_to_drop_from)


def _ceased_at(newer: Sequence[RingEntry], key_uses: Sequence[KeyUse]) -> datetime | None:
    """When the first of the newer keys took over. Where the ring has no moments, what was counted tells."""
    start_times = [_to_datetime(entry.signs_from) for entry in newer if entry.signs_from]
    keys_without_start = {entry.key.name for entry in newer if not entry.signs_from}
    start_times += [use.first_signed_at for use in key_uses if use.key in keys_without_start]
    return min((moment for moment in start_times if moment <= now()), default=None)


def _build_use_report(site: Site, key_use: KeyUse, ceased_at: datetime | None) -> KeyUseReport:
    alive_until, lifetime = key_use.alive_until, _find_lifetime(site, key_use.purpose)
    if ceased_at is not None and lifetime is not None:
        alive_until = max(alive_until, ceased_at + lifetime)
    return KeyUseReport(key_use.purpose, key_use.signed, key_use.opened, key_use.last_opened_at, alive_until)


def _find_lifetime(site: Site, purpose: str) -> timedelta | None:
    """Return how long what is signed now for a purpose is good at most, where that is known without its payload."""
    if purpose == sessions.SESSION.purpose:
        return MAX_SESSION_LIFETIME
    if purpose in site.links:
        # Lifetimes may have been raised since: how old a link may be is judged by those of today.
        return site.link_signer.lifetime(site.links[purpose])
    kind = site.tokens.get(purpose)
    return kind.lifetime if kind is not None else None


def _to_datetime(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
