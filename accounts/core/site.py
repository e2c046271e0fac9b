"""Hold the state of one installation: made once for each app, never shared between two."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core.database import schema
from accounts.core.database.store import Store
from accounts.core.link_kinds.kind import LinkKind
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.meters import Meters
from accounts.core.security.foreign_hashes import ForeignSecrets
from accounts.core.security.passwords import Passwords
from accounts.core.security.throttle import Throttle
from accounts.core.signing import known_keys
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import KeyRing
from accounts.core.signing.token_kind import TokenKind
from accounts.core.signing.tokens import TokenSigner

KEY_FILE_NAME = "secret-keys"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class CommittedEvent:
    """Something that has happened to an account, and is durable.

    :ivar kind: as the audit log has it, or ``account.created``.
    :ivar actor_id: the account that did it; None for strangers, for the worker and for the operator.
    """

    kind: str
    account_id: str
    actor_id: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Site:
    """The state of one installation. Making one connects to nothing.

    :param links: the kinds of links that open here.
    :param tokens: all other kinds of tokens that are signed here. No two kinds, link or token, share a purpose.
    :param url_prefix: path under which the pages stand, "" or such as "/auth".
    :param store: a host's own store instead of one on ``settings.database_url``.
    :raises SettingsError: keys that may not be used, a lifetime of an unknown purpose, two kinds of one purpose, no
        folder to count in.
    """

    def __init__(
        self,
        settings: Settings,
        links: Iterable[LinkKind],
        *,
        tokens: Iterable[TokenKind[Any]],
        url_prefix: str = "",
        store: Store | None = None,
    ) -> None:
        self.settings = settings
        self.url_prefix = url_prefix
        self.tokens: Mapping[str, TokenKind[Any]] = _tokens_by_purpose(tokens)
        self.links: Mapping[str, LinkKind] = _links_by_purpose(links, self.tokens)
        _check_lifetimes(settings, self.links)
        self.store = store or Store(settings.database_url)
        keys = settings.secret_keys
        self.ring = KeyRing(keys) if keys else FileKeyRing(settings.instance / KEY_FILE_NAME)
        self.signer = TokenSigner(self.ring, settings.public_origin + url_prefix)
        self.link_signer = LinkSigner(self.signer, settings.public_origin + url_prefix, settings.lifetimes)
        self.meters = Meters(is_wanted=settings.metrics_token is not None)
        self.passwords = Passwords(
            meters=self.meters,
            memory_kib=settings.password_hash_memory_kib,
            passes=settings.password_hash_passes,
            foreign_secrets=ForeignSecrets(
                settings.devise_pepper, settings.flask_security_salt, settings.firebase_signer_key
            ),
        )
        self.throttle = Throttle(self.store, enforced=not settings.development_no_limits)
        self.mail_due = threading.Event()
        """Set after a commit that put mail into the outbox; the worker thread of this process waits for it."""
        self.callbacks_due = threading.Event()
        """The same for callbacks, which have a thread of their own."""
        self.heartbeats: dict[str, float] = {}
        """When each background thread of this process was last seen alive, by its name: seconds since 1970."""
        self.commit_listeners: list[Callable[[Sequence[CommittedEvent]], None]] = []
        """Called after each commit with what has happened in it, if anything has."""
        self._singletons: dict[Any, Any] = {}
        self._singletons_lock = threading.Lock()

    def note_heartbeat(self, name: str) -> None:
        """Note that a background thread of this process is alive."""
        self.heartbeats[name] = moment = time.time()
        self.meters.note_heartbeat(name, moment)

    def get(self, factory: Callable[[Site], T]) -> T:
        """Return the one object of a class that this installation keeps, made on first use as ``factory(site)``."""
        if factory not in self._singletons:
            with self._singletons_lock:
                if factory not in self._singletons:
                    self._singletons[factory] = factory(self)
        return cast(T, self._singletons[factory])


def prepare_site(site: Site) -> None:
    """Migrate the tables, and note that database and key ring belong together.

    :raises NotReady: the database does not answer, is of a newer version, or does not belong to the key ring.
    """
    known_keys.check_before_upgrade(site.store, site.ring)
    schema.upgrade(site.store)
    known_keys.check_ring(site.store, site.ring)
    known_keys.join(site.store, site.ring)


def check_site(site: Site) -> str:
    """Check that the database answers, has tables this code works on, and belongs to the key ring.

    :returns: the version of the tables.
    :raises NotReady: it does not; one line that says what to do.
    """
    revision = schema.check_revision(site.store)
    known_keys.check_ring(site.store, site.ring)
    return revision


def _tokens_by_purpose(tokens: Iterable[TokenKind[Any]]) -> Mapping[str, TokenKind[Any]]:
    by_purpose: dict[str, TokenKind[Any]] = {}
    for kind in tokens:
        if kind.purpose in by_purpose:
            raise SettingsError(f"two kinds of tokens have the purpose {kind.purpose}")
        by_purpose[kind.purpose] = kind
    return by_purpose


def _links_by_purpose(links: Iterable[LinkKind], tokens: Collection[str]) -> Mapping[str, LinkKind]:
    by_purpose: dict[str, LinkKind] = {}
    for link in links:
        if link.purpose in tokens:
            raise SettingsError(f"a link cannot have the purpose {link.purpose}: tokens of the service have it")
        if link.purpose in by_purpose:
            raise SettingsError(f"two kinds of links have the purpose {link.purpose}")
        by_purpose[link.purpose] = link
    return by_purpose


def _check_lifetimes(settings: Settings, links: Mapping[str, LinkKind]) -> None:
    for purpose in settings.lifetimes:
        if purpose not in links:
            name = "ACCOUNTS_LIFETIME_" + purpose.replace("-", "_").upper()
            known = ", ".join(sorted(links))
            raise SettingsError(f"{name} is not a setting; links here are: {known}")
