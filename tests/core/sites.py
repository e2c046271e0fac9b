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


def make_signer(*keys: str, issuer: str = ISSUER) -> TokenSigner:
    return TokenSigner(KeyRing(keys or (KEY,)), issuer)


def make_link_signer(*keys: str) -> LinkSigner:
    return LinkSigner(make_signer(*keys), ISSUER, {})


def make_site(database: str, **changes: Any) -> Site:
    """A house on a migrated database; close its store."""
    values = {"database_url": database, "secret_keys": [KEY]} | changes
    return Site(Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in values.items()}), LINKS)


def run_concurrently(count: int, work: Callable[[int], T]) -> list[T]:
    """What ``count`` threads got that began at the same moment. What one of them raises, this raises."""
    barrier = threading.Barrier(count)

    def run(number: int) -> T:
        barrier.wait(60)
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def outcome_of(uow: UnitOfWork, work: Callable[[UnitOfWork], object]) -> str:
    """ "done", or the name of the problem that was raised."""
    try:
        work(uow)
    except Exception as error:  # noqa: BLE001 - whatever it is, a test compares its name
        return type(error).__name__
    finally:
        uow.close()
    return "done"
