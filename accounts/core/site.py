"""What one installation has in common over all requests: made once per app, never shared between two."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from accounts.config import Settings, SettingsError
from accounts.core.database.store import Store
from accounts.core.link_kinds.signer import Signer
from accounts.core.links.link import Link
from accounts.core.security.foreign_hashes import OldSecrets
from accounts.core.security.passwords import Passwords
from accounts.core.security.throttle import Throttle
from accounts.core.signing.key_file import FileRing
from accounts.core.signing.keys import KeyRing
from accounts.core.signing.tokens import Envelope

RING_FILE = "secret-keys"
T = TypeVar("T")


class House:
    """State per app. Making one connects to nothing.

    :param links: the kinds of links that open here; purposes must differ.
    :param mount: path under which the pages stand, "" or such as "/auth".
    :param store: a host's own store instead of one on ``settings.database_url``.
    :raises SettingsError: keys that may not be used, a lifetime of an unknown purpose, two links of one purpose.
    """

    def __init__(
        self, settings: Settings, links: Iterable[Link], *, mount: str = "", store: Store | None = None
    ) -> None:
        self.settings = settings
        self.mount = mount
        self.links: Mapping[str, Link] = _by_purpose(links)
        _check_lifetimes(settings, self.links)
        self.store = store or Store(settings.database_url)
        keys = settings.secret_keys
        self.ring = KeyRing(keys) if keys else FileRing(settings.instance / RING_FILE)
        self.envelope = Envelope(self.ring, settings.public_origin + mount)
        self.signer = Signer(self.envelope, settings.public_origin + mount, settings.lifetimes)
        self.passwords = Passwords(
            old=OldSecrets(settings.devise_pepper, settings.flask_security_salt, settings.firebase_signer_key)
        )
        self.throttle = Throttle(self.store)
        self.mail_due = threading.Event()
        """Set after a commit that put mail into the outbox; the worker thread of this process waits for it."""
        self.calls_due = threading.Event()
        """The same for what other apps have to be told, which has a thread of its own."""
        self._kept: dict[Any, Any] = {}
        self._making = threading.Lock()

    def kept(self, kind: Callable[[House], T]) -> T:
        """The one object of its kind that this installation keeps, made on first use as ``kind(house)``."""
        if kind not in self._kept:
            with self._making:
                if kind not in self._kept:
                    self._kept[kind] = kind(self)
        return cast(T, self._kept[kind])


def _by_purpose(links: Iterable[Link]) -> Mapping[str, Link]:
    found: dict[str, Link] = {}
    for link in links:
        if link.purpose in found:
            raise SettingsError(f"two kinds of links have the purpose {link.purpose}")
        found[link.purpose] = link
    return found


def _check_lifetimes(settings: Settings, links: Mapping[str, Link]) -> None:
    for purpose in settings.lifetimes:
        if purpose not in links:
            name = "ACCOUNTS_LIFETIME_" + purpose.replace("-", "_").upper()
            known = ", ".join(sorted(links))
            raise SettingsError(f"{name} is not a setting; links here are: {known}")
