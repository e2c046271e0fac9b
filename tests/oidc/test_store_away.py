"""What other apps read of this provider while its store is away."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from accounts.flows.oidc import signing_keys
from accounts.flows.oidc.signing_keys import SigningKeys
from tests.people import Service


def take_away(service: Service) -> Path:
    """Have the store refuse every connection; returns where the file is now."""
    file = Path(str(service.site.store.engine.url.database))
    service.site.store.close()
    file.rename(file.with_suffix(".away"))
    file.mkdir()
    return file


def test_keys_that_were_read_before_are_published_on(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    person = service.person()
    published = person.get("/oauth/jwks").get_json()
    assert published["keys"]
    file = take_away(service)
    monkeypatch.setattr(signing_keys, "KEY_CACHE_SECONDS", -1.0)
    for _ in range(3):
        answer = person.get("/oauth/jwks")
        assert (answer.status_code, answer.get_json()) == (200, published)
    assert person.get("/.well-known/openid-configuration").status_code == 200
    keys = service.site.get(SigningKeys)
    with pytest.raises(SQLAlchemyError):
        keys.public_jwks()  # what is signed and verified is another matter: a key may have been dropped meanwhile
    file.rmdir()
    file.with_suffix(".away").rename(file)
    assert keys.public_jwks() == published["keys"]


def test_a_process_that_has_never_read_keys_says_to_come_again(make_service: Callable[..., Service]) -> None:
    service = make_service(database_url="postgresql://nobody@127.0.0.1:9/nothing")
    person = service.person()
    answer = person.get("/oauth/jwks")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert person.get("/.well-known/openid-configuration").status_code == 200
