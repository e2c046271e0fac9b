"""A key ring and a database that belong together, and what happens to those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, inspect

from accounts.config import Settings
from accounts.core.clock import now
from accounts.core.database.schema import NotReady
from accounts.core.models.counters import KnownKey
from accounts.core.signing import key_usage
from accounts.core.signing.key_file import FileKeyRing
from accounts.core.signing.keys import new_key
from accounts.core.signing.known_keys import DATABASE_EMPTY, KEYS_UNKNOWN, list_known_keys
from accounts.core.site import Site, check_site, prepare_site
from accounts.flows import LINKS, TOKENS
from accounts.flows.keys import adoption

MakeSite = Callable[..., Site]


@pytest.fixture
def site_of(tmp_path: Path) -> Iterator[MakeSite]:
    """Makes sites of one installation, as each start does: with a ring file unless keys are given."""
    made: list[Site] = []

    def make(*, database: str = "accounts.db", **settings: Any) -> Site:
        values = {"instance": str(tmp_path / "instance"), "database_url": f"sqlite:///{tmp_path}/instance/{database}"}
        environ = {f"ACCOUNTS_{name.upper()}": value for name, value in {**values, **settings}.items()}
        made.append(Site(Settings.load(environ), LINKS, tokens=TOKENS))
        return made[-1]

    yield make
    for site in made:
        site.store.close()


def refusal(act: Callable[[Site], object], site: Site) -> NotReady:
    with pytest.raises(NotReady) as caught:
        act(site)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def test_a_first_start_in_an_empty_folder_is_as_ever(site_of: MakeSite, tmp_path: Path) -> None:
    site = site_of()
    prepare_site(site)
    assert list_known_keys(site.store) == {site.ring.signing.name}
    again = site_of()
    prepare_site(again)
    check_site(again)
    assert again.ring.signing == site.ring.signing


def test_a_lost_ring_is_not_replaced_in_silence(site_of: MakeSite, tmp_path: Path) -> None:
    prepare_site(site_of())
    ring = tmp_path / "instance" / "secret-keys"
    kept = ring.read_bytes()
    ring.unlink()
    for act in (prepare_site, check_site):
        error = refusal(act, site_of())
        assert error.code == KEYS_UNKNOWN
        assert f"there is no key ring at {ring}" in str(error)
        assert "accounts.db" in str(error)
        assert "accounts keys adopt" in str(error)
        assert not ring.exists(), "no new one stays where the old one has to be put back"
    ring.write_bytes(kept)
    ring.chmod(0o600)
    prepare_site(site_of())


def test_a_ring_of_somebody_else_is_refused(site_of: MakeSite, tmp_path: Path) -> None:
    prepare_site(site_of())
    ring = tmp_path / "instance" / "secret-keys"
    ring.write_text(f"{new_key()}\n")
    error = refusal(prepare_site, site_of())
    assert error.code == KEYS_UNKNOWN
    assert str(ring) in str(error)
    assert ring.exists(), "what an operator has put there is left alone"


def test_a_ring_whose_database_is_gone_gets_no_empty_one(site_of: MakeSite, tmp_path: Path) -> None:
    site = site_of()
    prepare_site(site)
    site.store.close()
    for file in (tmp_path / "instance").glob("accounts.db*"):
        file.unlink()
    error = refusal(prepare_site, site_of())
    assert error.code == DATABASE_EMPTY
    assert str(tmp_path / "instance" / "secret-keys") in str(error)
    assert "accounts.db" in str(error)
    assert not (tmp_path / "instance" / "accounts.db").exists(), "nor is one made"


def test_a_ring_of_before_that_was_only_counted_is_known(site_of: MakeSite, tmp_path: Path) -> None:
    site = site_of()
    prepare_site(site)
    with site.store.engine.begin() as connection:
        connection.execute(delete(KnownKey))
        key_usage.count_uses(connection, [key_usage.build_signing(site.ring.signing, "session", now())])
    (tmp_path / "instance" / "secret-keys.database").unlink()
    prepare_site(site_of())
    (tmp_path / "instance" / "secret-keys").unlink()
    assert refusal(prepare_site, site_of()).code == KEYS_UNKNOWN


def test_a_ring_whose_keys_were_all_rotated_is_still_its_own(site_of: MakeSite) -> None:
    site = site_of()
    prepare_site(site)
    assert isinstance(site.ring, FileKeyRing)
    for _ in range(2):
        site.ring.add(0)
        site.ring.drop(site.ring.entries[0].key)
    prepare_site(site_of())


def test_keys_of_the_settings_may_be_rotated_and_not_replaced(site_of: MakeSite) -> None:
    old, new, other = new_key(), new_key(), new_key()
    for keys in ([old], [new, old], [old, new], [new]):
        prepare_site(site_of(secret_keys=keys))
    error = refusal(prepare_site, site_of(secret_keys=[other]))
    assert error.code == KEYS_UNKNOWN
    assert "ACCOUNTS_SECRET_KEYS" in str(error)


@pytest.mark.parametrize("lost", ["secret-keys", "accounts.db"])
def test_who_means_it_goes_on(site_of: MakeSite, tmp_path: Path, lost: str) -> None:
    first = site_of()
    prepare_site(first)
    first.store.close()
    for file in (tmp_path / "instance").glob(f"{lost}*"):
        if file.suffix != ".database":
            file.unlink()
    refusal(prepare_site, site_of())
    site = site_of()
    old = {first.ring.signing.name} if lost == "secret-keys" else set()
    assert set(adoption.list_foreign_keys(site)) == old
    adoption.adopt_ring(site)
    prepare_site(site_of())
    check_site(site_of())


def test_a_database_that_was_moved_keeps_its_ring(site_of: MakeSite, tmp_path: Path) -> None:
    site = site_of()
    prepare_site(site)
    site.store.close()
    (tmp_path / "instance" / "accounts.db").rename(tmp_path / "instance" / "elsewhere.db")
    moved = site_of(database="elsewhere.db")
    prepare_site(moved)
    assert isinstance(moved.ring, FileKeyRing)
    assert str(moved.ring.served_database()).endswith("elsewhere.db")


def test_a_refused_start_leaves_an_empty_database_without_tables(site_of: MakeSite, tmp_path: Path) -> None:
    prepare_site(site_of())
    (tmp_path / "instance" / "new.db").touch()
    site = site_of(database="new.db")
    assert refusal(prepare_site, site).code == DATABASE_EMPTY
    assert inspect(site.store.engine).get_table_names() == []
