"""The files of other systems, and another database to copy to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.config import Settings
from accounts.core.site import Site
from accounts.flows import LINKS, TOKENS
from accounts.flows.moving.check_rows import ImportReport, check_rows
from accounts.flows.moving.rows import ImportOptions
from tests.flows.moving.files import Read
from tests.servers.postgres import Postgres


@pytest.fixture
def read(settings: Callable[..., Settings]) -> Read:
    """The judged rows of a file; settings and how to read it by name."""

    def make(path: Path, source: str = "plain", *, secrets: dict[str, str] | None = None, **how: Any) -> Any:
        site = Site(settings(**(secrets or {})), LINKS, tokens=TOKENS)
        return list(check_rows(site, path, ImportOptions(source=source, **how), ImportReport()))

    return make


@pytest.fixture
def other(request: pytest.FixtureRequest, tmp_path: Path, to: str) -> Iterator[str]:
    """The URL of another database, which has no tables yet."""
    if to == "sqlite":
        yield f"sqlite:///{tmp_path / 'other.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres_server")
    yield server.create_database("copied")
    server.drop_database("copied")
