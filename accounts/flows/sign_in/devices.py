"""Devices that somebody signed in from before. They are not held up when a stranger tries passwords elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.core.signing.tokens import Unreadable
from accounts.core.site import House

PURPOSE, VERSION = "device", 1
KEPT = 5
LIVES_SECONDS = 365 * 86400


def read(house: House, cookie: str) -> tuple[str, ...]:
    """Ids of the accounts that have signed in on the device with this cookie; none for anything not genuine."""
    try:
        ids = house.envelope.open(PURPOSE, VERSION, cookie).payload
    except Unreadable:
        return ()
    return tuple(each for each in ids if isinstance(each, str)) if isinstance(ids, list) else ()


def seal(house: House, known: Sequence[str], account_id: str) -> str:
    """The cookie of a device on which one more account has signed in."""
    ids = [account_id, *(each for each in known if each != account_id)]
    return house.envelope.seal(PURPOSE, VERSION, ids[:KEPT])
