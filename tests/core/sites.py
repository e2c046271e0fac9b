"""Houses without a web server, and people who all do one thing at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from accounts.config import Settings
from accounts.core.link_kinds.signer import LinkSigner
from accounts.core.signing.keys import KeyRing
from accounts.core.signing.tokens import TokenSigner
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows import LINKS
from tests.conftest import KEY

T = TypeVar("T")
ISSUER = "https://ac.example.org"


def envelope(*keys: str, issuer: str = ISSUER) -> TokenSigner:
    return TokenSigner(KeyRing(keys or (KEY,)), issuer)


def signer(*keys: str) -> LinkSigner:
    return LinkSigner(envelope(*keys), ISSUER, {})


def house_on(database: str, **changes: Any) -> Site:
    """A house on a migrated database; close its store."""
    given = {"database_url": database, "secret_keys": [KEY]} | changes
    return Site(Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in given.items()}), LINKS)


def at_once(times: int, work: Callable[[int], T]) -> list[T]:
    """What ``times`` threads got that began at the same moment. What one of them raises, this raises."""
    barrier = threading.Barrier(times)

    def begin(number: int) -> T:
        barrier.wait(60)
        return work(number)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(begin, range(times)))


def told(uow: UnitOfWork, work: Callable[[UnitOfWork], object]) -> str:
    """ "done", or the name of the problem that was raised."""
    try:
        work(uow)
    except Exception as wrong:  # noqa: BLE001 - whatever it is, a test compares its name
        return type(wrong).__name__
    finally:
        uow.close()
    return "done"
