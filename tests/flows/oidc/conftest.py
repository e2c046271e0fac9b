"""An app that hears of sign-outs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.relying_party import RelyingParty, relying_party


@pytest.fixture
def party() -> Iterator[RelyingParty]:
    with relying_party() as running:
        yield running
