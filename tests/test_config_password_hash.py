"""What a password hash may cost: OWASP's floor at least, and no more than is verified."""

from __future__ import annotations

import pytest

from accounts.config_password_hash import MAX_ARGON2_MEMORY_KIB, MAX_ARGON2_WORK, OWASP_COSTS, HashCost
from tests.test_config import refused
from tests.test_config_values import load

FLOORS = "at least 47104 with 1, 19456 with 2, 12288 with 3, 9216 with 4, 7168 with 5"


def cost_of(cost: HashCost) -> HashCost:
    found = load(password_hash_memory_kib=str(cost.memory_kib), password_hash_passes=str(cost.passes))
    return HashCost(found.password_hash_memory_kib, found.password_hash_passes)


@pytest.mark.parametrize("cost", OWASP_COSTS)
def test_each_setting_of_owasp_is_taken_and_no_kibibyte_less(cost: HashCost) -> None:
    assert cost_of(cost) == cost
    line = refused(password_hash_memory_kib=str(cost.memory_kib - 1), password_hash_passes=str(cost.passes))
    assert line == f"ACCOUNTS_PASSWORD_HASH_MEMORY_KIB: by ACCOUNTS_PASSWORD_HASH_PASSES, {FLOORS}"


@pytest.mark.parametrize("cost", [HashCost(65536, 3), HashCost(7168, 6), HashCost(MAX_ARGON2_MEMORY_KIB, 4)])
def test_what_is_stronger_is_taken(cost: HashCost) -> None:
    assert cost_of(cost) == cost


@pytest.mark.parametrize(
    ("memory_kib", "passes"), [("19456", "1"), ("7167", "99"), ("0", "2"), ("-19456", "-2"), ("19456", "0")]
)
def test_what_is_weaker_is_refused(memory_kib: str, passes: str) -> None:
    assert refused(password_hash_memory_kib=memory_kib, password_hash_passes=passes).endswith(FLOORS)


@pytest.mark.parametrize("cost", [HashCost(MAX_ARGON2_MEMORY_KIB + 1, 2), HashCost(2**18, 5), HashCost(7168, 147)])
def test_a_hash_that_would_not_be_verified_is_not_made(cost: HashCost) -> None:
    line = refused(password_hash_memory_kib=str(cost.memory_kib), password_hash_passes=str(cost.passes))
    assert line == (
        f"ACCOUNTS_PASSWORD_HASH_MEMORY_KIB: at most {MAX_ARGON2_MEMORY_KIB}, "
        f"and {MAX_ARGON2_WORK} when multiplied by ACCOUNTS_PASSWORD_HASH_PASSES"
    )


def test_what_is_no_number_is_refused_by_its_name() -> None:
    assert refused(password_hash_passes="many").startswith("ACCOUNTS_PASSWORD_HASH_PASSES: ")
