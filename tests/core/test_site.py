"""A house: made of settings, sharing nothing with another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from accounts.config import Settings
from accounts.config_sources import SettingsError
from accounts.core.database.store import Store
from accounts.core.signing.token_kind import BadToken, TokenKind
from accounts.core.site import KEY_FILE_NAME, Site
from accounts.flows import LINKS, TOKENS
from tests.conftest import KEY


def settings(tmp_path: Path, **changes: object) -> Settings:
    given: dict[str, object] = {"instance": str(tmp_path / "instance"), "secret_keys": [KEY]} | changes
    return Settings.load({f"ACCOUNTS_{name.upper()}": value for name, value in given.items() if value is not None})


def test_a_site_with_configured_keys_touches_no_file(tmp_path: Path) -> None:
    site = Site(settings(tmp_path), LINKS, tokens=TOKENS)
    assert not site.store.has_engine
    assert list(tmp_path.iterdir()) == []
    assert site.ring.signing.secret == KEY.encode()


def test_a_site_without_configured_keys_keeps_a_ring_in_its_instance(tmp_path: Path) -> None:
    site = Site(settings(tmp_path, secret_keys=None), LINKS, tokens=TOKENS)
    again = Site(settings(tmp_path, secret_keys=None), LINKS, tokens=TOKENS)
    assert site.ring.signing == again.ring.signing
    assert [file.name for file in (tmp_path / "instance").iterdir()] == [KEY_FILE_NAME]


def test_two_kinds_of_links_with_one_purpose_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two kinds of links have the purpose activate"):
        Site(settings(tmp_path), [*LINKS, LINKS[0]], tokens=TOKENS)


@pytest.mark.parametrize("kind", TOKENS, ids=lambda kind: kind.purpose)
def test_a_link_with_the_purpose_of_a_token_is_refused(tmp_path: Path, kind: TokenKind[Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        Site(settings(tmp_path), [*LINKS, replace(LINKS[0], purpose=kind.purpose)], tokens=TOKENS)
    assert str(caught.value) == f"a link cannot have the purpose {kind.purpose}: tokens of the service have it"


def test_two_kinds_of_tokens_with_one_purpose_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="two kinds of tokens have the purpose session"):
        Site(settings(tmp_path), LINKS, tokens=[*TOKENS, TOKENS[0]])


def test_a_lifetime_of_a_link_that_is_not_here_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        Site(settings(tmp_path, lifetime_reset="60"), LINKS, tokens=TOKENS)
    assert str(caught.value) == (
        "ACCOUNTS_LIFETIME_RESET is not a setting; links here are: activate, change-email, close-account, invite, "
        "join-shared, not-me, request-account, reset-password, review-request, sign-in, undo-email-change, unlock"
    )
    assert (
        Site(settings(tmp_path, lifetime_activate="60"), LINKS, tokens=TOKENS)
        .link_signer.lifetime(LINKS[0])
        .total_seconds()
        == 60
    )


def test_a_bad_key_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="shorter than 32 bytes"):
        Site(settings(tmp_path, secret_keys=[KEY, "short"]), LINKS, tokens=TOKENS)


def test_a_host_may_bring_its_store_and_its_place(tmp_path: Path) -> None:
    store = Store(engine=create_engine(f"sqlite:///{tmp_path}/host.db"))
    site = Site(settings(tmp_path), LINKS, tokens=TOKENS, url_prefix="/auth", store=store)
    assert site.store is store
    assert site.link_signer.page_url("/sign-in") == "http://127.0.0.1:8000/auth/sign-in"


def test_two_sites_with_the_same_key_do_not_accept_each_others_tokens(tmp_path: Path) -> None:
    one = Site(settings(tmp_path), LINKS, tokens=TOKENS)
    others = [
        Site(settings(tmp_path), LINKS, tokens=TOKENS, url_prefix="/auth"),
        Site(settings(tmp_path, port="8001"), LINKS, tokens=TOKENS),
    ]
    token = one.signer.sign_payload("session", 1, "x")
    assert one.signer.verify_payload("session", 1, token).payload == "x"
    for other in others:
        with pytest.raises(BadToken):
            other.signer.verify_payload("session", 1, token)


def test_a_site_hashes_at_the_cost_that_its_settings_say(tmp_path: Path) -> None:
    made = Site(settings(tmp_path), LINKS, tokens=TOKENS).passwords.hash("correct horse battery staple")
    site = Site(settings(tmp_path, password_hash_memory_kib="9216", password_hash_passes="4"), LINKS, tokens=TOKENS)
    right, renewed = site.passwords.verify("correct horse battery staple", made)
    assert right
    assert renewed is not None
    assert renewed.startswith("$argon2id$v=19$m=9216,t=4,p=1$")
