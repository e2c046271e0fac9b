"""The suite's first client, which gets its answers by query and by form."""

from __future__ import annotations

import pytest

from tests.oidc.basic.checks import suite_client
from tests.oidc.kit import Provider, RelyingParty


@pytest.fixture(params=["query", "form_post"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def rp(provider: Provider, mode: str) -> RelyingParty:
    """The suite's first client: a secret, no PKCE of its own, everything it may ask for."""
    return suite_client(provider, mode)
