"""A provider behind TLS: the server stays, the service in it is made anew for every test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accounts import Settings
from accounts.extension import get_app_state
from accounts.flows.oidc.signing_keys import SigningKeys
from tests.conftest import KEY
from tests.oidc.kit import BrowserUser, Provider, RelyingParty
from tests.oidc.levels import should
from tests.people import APP_POOL, Service
from tests.servers.certificates import Authority

__all__ = ["should"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def with_keys(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy, with keys to sign with: making one for RSA takes a tenth of a second."""
    folder = tmp_path_factory.mktemp("with-keys")
    path = folder / "accounts.db"
    shutil.copy(sqlite_template, path)
    given = {"ENV": "development", "INSTANCE": str(folder), "DATABASE_URL": f"sqlite:///{path}", "SECRET_KEYS": [KEY]}
    app = APP_POOL.acquire(Settings.load({f"ACCOUNTS_{name}": value for name, value in given.items()}))
    site = get_app_state(app).site
    with app.app_context():
        assert site.get(SigningKeys).public_jwks()
    site.store.close()
    APP_POOL.release(app)
    return path


@pytest.fixture(scope="session")
def listening(authority: Authority) -> Iterator[Provider]:
    found = Provider(authority.server_context(), str(authority.certificate))
    yield found
    found.close()


@pytest.fixture
def provider(listening: Provider, database: str, with_keys: Path, make_service: Callable[..., Service]) -> Provider:
    """A service on SQLite behind TLS, with no app and nobody in it."""
    shutil.copy(with_keys, database.removeprefix("sqlite:///"))
    listening.serve(make_service(public_origin=listening.origin))
    return listening


@pytest.fixture
def rp(provider: Provider) -> RelyingParty:
    """An app that is trusted and has a secret."""
    return provider.register()


@pytest.fixture
def ana(provider: Provider) -> BrowserUser:
    """Somebody with an account, not signed in yet."""
    return provider.person()
