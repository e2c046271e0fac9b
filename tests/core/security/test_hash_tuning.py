"""Proposals for what a password hash should cost, on machines that are made up."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.config_password_hash import (
    DEFAULT_HASH_COST,
    MAX_ARGON2_MEMORY_KIB,
    OWASP_COSTS,
    HashCost,
    check_hash_cost,
)
from accounts.core.security.hash_limits import check_argon2
from accounts.core.security.hash_tuning import (
    HashBuild,
    find_hash_build,
    measure_hash_cost,
    propose_hash_cost,
)

MAX_KIB = 65536


def machine(milliseconds: float) -> Callable[[HashCost], float]:
    """One that takes so long for a hash at the default, and the same for each KiB of any other."""
    return lambda cost: milliseconds / 1000 * cost.work / DEFAULT_HASH_COST.work


def small_cache(cost: HashCost) -> float:
    """A machine to which memory beyond 24 MiB is twice as dear."""
    return machine(20)(cost) * (2 if cost.memory_kib > 24576 else 1)


def test_the_time_goes_into_memory() -> None:
    proposal = propose_hash_cost(0.050, MAX_KIB, machine(20))
    assert proposal.passes == DEFAULT_HASH_COST.passes
    assert 45 < machine(20)(proposal) * 1000 <= 50


def test_the_time_that_memory_leaves_over_goes_into_passes() -> None:
    proposal = propose_hash_cost(0.500, MAX_KIB, machine(20))
    assert (proposal.memory_kib, proposal.passes) == (MAX_KIB, 14)


def test_memory_that_is_dearer_than_it_looked_is_taken_back() -> None:
    proposal = propose_hash_cost(0.055, MAX_KIB, small_cache)
    assert small_cache(proposal) <= 0.055
    assert proposal.memory_kib > DEFAULT_HASH_COST.memory_kib


def test_a_slower_machine_gets_another_setting_of_owasp() -> None:
    assert propose_hash_cost(0.019, MAX_KIB, machine(20)) == (12288, 3)


def test_a_machine_too_slow_for_all_of_them_gets_the_quickest() -> None:
    assert propose_hash_cost(0.001, MAX_KIB, machine(20)) == (7168, 5)


@given(
    milliseconds=st.floats(0.01, 10_000),
    target=st.floats(0.001, 5),
    max_kib=st.integers(DEFAULT_HASH_COST.memory_kib, MAX_ARGON2_MEMORY_KIB),
    noise=st.lists(st.floats(0.2, 5), min_size=12, max_size=12),
)
def test_however_a_machine_behaves_its_proposal_is_allowed(
    milliseconds: float, target: float, max_kib: int, noise: list[float]
) -> None:
    def measure(cost: HashCost) -> float:
        return machine(milliseconds)(cost) * noise[cost.work % len(noise)]

    proposal = propose_hash_cost(target, max_kib, measure)
    check_hash_cost(proposal)
    check_argon2(f"$argon2id$v=19$m={proposal.memory_kib},t={proposal.passes},p=1$c2FsdHNhbHRzYWx0${'A' * 43}")
    assert proposal.memory_kib <= max_kib or proposal in OWASP_COSTS
    assert measure(proposal) <= target or proposal in OWASP_COSTS


def test_a_measurement_is_of_hashes_that_were_computed() -> None:
    times = measure_hash_cost(HashCost(64, 1))
    assert times.cost == (64, 1)
    assert times.alone > 0
    assert times.at_once > 0


def test_the_library_is_named_with_its_version() -> None:
    library = find_hash_build().library
    assert library == (
        f"argon2-cffi {metadata.version('argon2-cffi')}, "
        f"argon2-cffi-bindings {metadata.version('argon2-cffi-bindings')}"
    )


@pytest.mark.parametrize(
    ("avx2", "from_wheel", "could"),
    [(True, True, True), (True, False, False), (False, True, False), (None, True, False)],
)
def test_only_a_wheel_on_a_processor_with_avx2_could_be_faster(
    avx2: bool | None, from_wheel: bool, could: bool
) -> None:
    assert HashBuild("argon2-cffi", avx2, from_wheel).could_be_faster is could
