"""What a password hash may cost: argon2id with one lane, at least what OWASP asks for, at most what is verified."""

from __future__ import annotations

from typing import NamedTuple

MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK = 2**18, 2**20
"""Memory in KiB; work is memory times passes. A stored hash that is dearer is refused, so none may be made either."""


class HashCost(NamedTuple):
    """What one hash costs: argon2id's memory in KiB, and how often it is passed over."""

    memory_kib: int
    passes: int

    @property
    def work(self) -> int:
        """KiB that are filled in all; time goes with it."""
        return self.memory_kib * self.passes


OWASP_COSTS = (HashCost(47104, 1), HashCost(19456, 2), HashCost(12288, 3), HashCost(9216, 4), HashCost(7168, 5))
"""The settings of the OWASP Password Storage Cheat Sheet, which calls them equal: the floor."""
DEFAULT_HASH_COST = OWASP_COSTS[1]


def check_hash_cost(cost: HashCost) -> None:
    """Check that passwords may be hashed at a cost.

    :raises ValueError: weaker than all of :data:`OWASP_COSTS`, or so dear that its hashes would not be verified.
    """
    if not any(cost.memory_kib >= floor.memory_kib and cost.passes >= floor.passes for floor in OWASP_COSTS):
        floors = ", ".join(f"{floor.memory_kib} with {floor.passes}" for floor in OWASP_COSTS)
        raise ValueError(f"ACCOUNTS_PASSWORD_HASH_MEMORY_KIB: by ACCOUNTS_PASSWORD_HASH_PASSES, at least {floors}")
    if cost.memory_kib > MAX_ARGON2_MEMORY_KIB or cost.work > MAX_ARGON2_WORK:
        most = (
            f"at most {MAX_ARGON2_MEMORY_KIB}, and {MAX_ARGON2_WORK} when multiplied by ACCOUNTS_PASSWORD_HASH_PASSES"
        )
        raise ValueError(f"ACCOUNTS_PASSWORD_HASH_MEMORY_KIB: {most}")
