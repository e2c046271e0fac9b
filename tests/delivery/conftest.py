"""Letters as a service composes them."""

from __future__ import annotations

import pytest

from accounts.delivery.letters import Letters, emails_folder
from accounts.delivery.samples import SAMPLE_ORIGIN


@pytest.fixture
def letters() -> Letters:
    return Letters([emails_folder()], "Accounts", SAMPLE_ORIGIN)
