"""Devices that somebody signed in from before. They are not held up when a stranger tries passwords elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.core.signing.token_kind import SignedToken, TokenKind

MAX_ACCOUNTS_PER_DEVICE = 5
DEVICE_COOKIE_SECONDS = 365 * 86400


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device, as its cookie states it: the ids of the accounts that have signed in on it, latest first."""

    account_ids: tuple[str, ...] = ()

    def with_account(self, account_id: str) -> KnownDevice:
        """Return the device after one more account has signed in on it."""
        ids = (account_id, *(each for each in self.account_ids if each != account_id))
        return KnownDevice(ids[:MAX_ACCOUNTS_PER_DEVICE])


def _decode_device(token: SignedToken) -> KnownDevice:
    if not isinstance(token.payload, list):
        raise TypeError("not a list")
    return KnownDevice(tuple(each for each in token.payload if isinstance(each, str)))


DEVICE = TokenKind(
    purpose="device", payload=KnownDevice, encode=lambda device: list(device.account_ids), decode=_decode_device
)
"""The device cookie."""
