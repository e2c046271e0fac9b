"""Random names."""

from __future__ import annotations

import re

from accounts.core.ids import new_id


def test_an_id_can_stand_in_addresses_and_on_command_lines() -> None:
    made = {new_id() for _ in range(2000)}
    assert len(made) == 2000
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{15}", each) for each in made)
