"""Devices that somebody signed in from before. They are not held up when a stranger tries passwords elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.core.signing.tokens import BadToken
from accounts.core.site import Site

DEVICE_PURPOSE, DEVICE_VERSION = "device", 1
MAX_ACCOUNTS_PER_DEVICE = 5
DEVICE_COOKIE_SECONDS = 365 * 86400


def read_device_cookie(site: Site, cookie: str) -> tuple[str, ...]:
    """Ids of the accounts that have signed in on the device with this cookie; none for anything not genuine."""
    try:
        ids = site.signer.verify(DEVICE_PURPOSE, DEVICE_VERSION, cookie).payload
    except BadToken:
        return ()
    return tuple(each for each in ids if isinstance(each, str)) if isinstance(ids, list) else ()


def sign_device_cookie(site: Site, account_ids: Sequence[str], account_id: str) -> str:
    """The cookie of a device on which one more account has signed in."""
    ids = [account_id, *(each for each in account_ids if each != account_id)]
    return site.signer.sign(DEVICE_PURPOSE, DEVICE_VERSION, ids[:MAX_ACCOUNTS_PER_DEVICE])
