"""All that a host imports is in ``accounts``, and comes on first use."""

from __future__ import annotations

import subprocess
import sys

import pytest

import accounts
import accounts.testing


@pytest.mark.parametrize("name", [name for name in accounts.__all__ if name != "__version__"])
def test_each_name_can_be_imported_and_loads_the_service_on_first_use(name: str) -> None:
    program = (
        "import sys, accounts; before = len([n for n in sys.modules if n.startswith('accounts')]);"
        f"from accounts import {name}; print(before, {name} is accounts.{name})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["2", "True"]


@pytest.mark.parametrize("module", [accounts, accounts.testing])
def test_a_name_that_is_not_there_is_an_attribute_error(module: object) -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        getattr(module, "nonsense")  # noqa: B009 - as an attribute, mypy would refuse it
