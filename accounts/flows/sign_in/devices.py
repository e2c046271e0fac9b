"""Devices that somebody signed in from before. They are not held up when a stranger tries passwords elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.core.signing.token_kind import SignedToken, TokenKind

MAX_ACCOUNTS_PER_DEVICE = 5
DEVICE_COOKIE_SECONDS = 365 * 86400


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device, as its cookie states it: which accounts have signed in on it, latest first, and in which epoch.

    :ivar epochs: the id of an account and its ``auth_epoch`` then. A device is known only while that has not risen:
        whoever takes an account back throws the devices of others out, too.
    """

    epochs: tuple[tuple[str, int], ...] = ()

    def with_account(self, account_id: str, epoch: int) -> KnownDevice:
        """Return the device after a sign-in of an account."""
        others = (each for each in self.epochs if each[0] != account_id)
        return KnownDevice(((account_id, epoch), *others)[:MAX_ACCOUNTS_PER_DEVICE])


def _decode_device(token: SignedToken) -> KnownDevice:
    if not isinstance(token.payload, list):
        raise TypeError("not a list")
    # Cookies from before there were epochs hold ids alone: they know nobody any more.
    pairs = [each for each in token.payload if isinstance(each, list) and len(each) == 2]
    return KnownDevice(tuple((id, epoch) for id, epoch in pairs if isinstance(id, str) and isinstance(epoch, int)))


DEVICE = TokenKind(
    purpose="device",
    payload=KnownDevice,
    encode=lambda device: [list(each) for each in device.epochs],
    decode=_decode_device,
)
"""The device cookie."""
