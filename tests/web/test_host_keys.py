"""Keys and engine of a host: its SECRET_KEY ring and its engine serve, and wrong ones stop the start."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from accounts import Accounts, Settings, SettingsError
from accounts.core.database.store import Store
from accounts.extension import get_app_state
from tests.people import Service
from tests.servers.smtp import SmtpSink
from tests.web import hosts
from tests.web.hosts import HOST_KEY, make_host

mount = hosts.mount
OLDER = "Zt5Kq8Wn3Xb7Rv1Lm6Yc9Pd2Fh4Js0Ga-older"


def host(tmp_path: Path, database: str, sink: SmtpSink, **config: Any) -> Service:
    """A host whose settings stand in ``app.config`` alone."""
    given: dict[str, Any] = {
        "ACCOUNTS_DATABASE_URL": database,
        "ACCOUNTS_MAIL_SERVER": sink.host,
        "ACCOUNTS_MAIL_PORT": sink.port,
        "ACCOUNTS_ENV": "development",
    }
    app = make_host(tmp_path / "host", **(given | config))
    Accounts(app)
    return Service(app, sink)


def test_the_ring_of_the_host_is_used_oldest_first(
    tmp_path: Path, database: str, sink: SmtpSink, settings: Callable[..., Settings]
) -> None:
    old = host(tmp_path, database, sink, SECRET_KEY=OLDER)
    member = old.member()
    cookie = member.client.get_cookie("accounts-session")
    assert cookie is not None
    new = host(tmp_path, database, sink, SECRET_KEY=HOST_KEY, SECRET_KEY_FALLBACKS=[OLDER])
    names = [key.secret for key in new.site.ring.newest_first()]
    assert names == [HOST_KEY.encode(), OLDER.encode()]
    somebody = new.person()
    somebody.client.set_cookie("accounts-session", cookie.value)
    assert somebody.signed_in, "signed by the older key"
    dropped = host(tmp_path, database, sink, SECRET_KEY=HOST_KEY)
    somebody = dropped.person()
    somebody.client.set_cookie("accounts-session", cookie.value)
    assert not somebody.signed_in
    for service in (old, new, dropped):
        service.site.store.close()
    assert not (tmp_path / "host" / "instance" / "secret-keys").exists(), "no ring of our own beside the host's"


@pytest.mark.parametrize(
    "config",
    [
        {"SECRET_KEY_FALLBACKS": OLDER},
        {"SECRET_KEY_FALLBACKS": OLDER.encode()},
        {"SECRET_KEY_FALLBACKS": [HOST_KEY]},
        {"SECRET_KEY_FALLBACKS": [""]},
        {"SECRET_KEY_FALLBACKS": ["short"]},
        {"SECRET_KEY": "dev"},
        {"SECRET_KEY": "x" * 40},
        {"SECRET_KEY": "short but random 8jf3"},
        {"ACCOUNTS_SECRET_KEYS": OLDER},
        {"ACCOUNTS_SECRET_KEYS": []},
        {"ACCOUNTS_SECRET_KEYS": [""]},
        {"ACCOUNTS_SECRET_KEYS": [1, 2]},
        {"ACCOUNTS_SECRET_KEY": OLDER},
    ],
    ids=str,
)
def test_a_ring_that_may_not_be_used_stops_the_start(
    tmp_path: Path, database: str, sink: SmtpSink, config: dict[str, Any]
) -> None:
    with pytest.raises(SettingsError) as result:
        host(tmp_path, database, sink, **config)
    assert "\n" not in str(result.value)
    for secret in (OLDER, HOST_KEY, "short but random"):
        assert secret not in str(result.value)


def test_a_host_without_any_key_gets_a_ring_of_ours_in_its_instance_folder(
    tmp_path: Path, database: str, sink: SmtpSink
) -> None:
    service = host(tmp_path, database, sink, SECRET_KEY=None)
    ring = tmp_path / "host" / "instance" / "secret-keys"
    assert ring.stat().st_mode & 0o777 == 0o600
    assert service.app.secret_key is None
    service.site.store.close()


def test_the_engine_of_a_host_is_used_and_left_alone(mount: Callable[..., Service], database: str) -> None:
    engine = create_engine(database, connect_args={"timeout": 10})
    service = mount(engine=engine)
    assert service.site.store.engine is engine
    assert service.member().signed_in
    service.site.store.close()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM accounts").scalar_one() == 1
    engine.dispose()


def test_mounting_connects_to_nothing(mount: Callable[..., Service], tmp_path: Path) -> None:
    file = tmp_path / "not yet" / "accounts.db"
    service = mount(changes={"database_url": f"sqlite:///{file}"})
    assert isinstance(service.site.store, Store)
    assert not service.site.store.has_engine
    assert not file.parent.exists()


def test_the_state_of_an_app_hangs_on_the_app(mount: Callable[..., Service]) -> None:
    service = mount()
    assert get_app_state(service.app) is service.app.extensions["accounts"]
