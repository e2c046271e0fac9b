"""Devices that somebody signed in from before. They are not held up when a stranger tries passwords elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

PURPOSE, VERSION = "device", 1
KEPT = 5
LIVES_SECONDS = 365 * 86400


def read(house: Site, cookie: str) -> tuple[str, ...]:
    """Ids of the accounts that have signed in on the device with this cookie; none for anything not genuine."""
    try:
        ids = house.signer.verify(PURPOSE, VERSION, cookie).payload
    except BadToken:
        return ()
    return tuple(each for each in ids if isinstance(each, str)) if isinstance(ids, list) else ()


def seal(house: Site, known: Sequence[str], account_id: str) -> str:
    """The cookie of a device on which one more account has signed in."""
    ids = [account_id, *(each for each in known if each != account_id)]
    return house.signer.sign(PURPOSE, VERSION, ids[:KEPT])
