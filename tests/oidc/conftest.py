"""One provider behind TLS for each module of tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts import Settings, create_app
from accounts.extension import state_of
from tests.conftest import KEY
from tests.oidc.kit import Provider
from tests.oidc.levels import should
from tests.people import Service
from tests.servers.certificates import Authority
from tests.servers.smtp import SmtpSink

__all__ = ["should"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def provider(
    authority: Authority, sqlite_template: Path, sink: SmtpSink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Provider]:
    """A house on SQLite behind TLS, with nothing set up: no app, no key."""
    folder = tmp_path_factory.mktemp("provider")
    shutil.copy(sqlite_template, folder / "accounts.db")
    found = Provider.listening(authority.server_context(), str(authority.certificate))
    given = {
        "ENV": "development",
        "INSTANCE": str(folder),
        "DATABASE_URL": f"sqlite:///{folder}/accounts.db",
        "SECRET_KEYS": [KEY],
        "MAIL_SERVER": sink.host,
        "MAIL_PORT": sink.port,
        "PUBLIC_ORIGIN": found.origin,
    }
    app = create_app(Settings.load({f"ACCOUNTS_{name}": value for name, value in given.items()}))
    found.serve(Service(app, sink))
    yield found
    found.close()
    state_of(app).house.store.close()
