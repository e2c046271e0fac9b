"""Measure what password hashes cost on this machine, and propose a cost for a wanted time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median

from accounts.config_password_hash import DEFAULT_HASH_COST, MAX_ARGON2_WORK, OWASP_COSTS, HashCost
from accounts.core.security.passwords import count_cores, make_hasher

HASHES_PER_CORE = 5
GROWTH_STEPS, AIM = 4, 0.97
"""How often a guess is corrected, and how much of the wanted time is aimed at: two measurements are never alike."""
BINDINGS = "argon2-cffi-bindings"
SAMPLE_PASSWORD = "correct horse battery staple"  # noqa: S105 - nobody's


@dataclass(frozen=True, slots=True)
class HashTimes:
    """What hashes of one cost take on this machine.

    :ivar alone: median seconds of a core for a hash while no other is computed.
    :ivar at_once: median seconds of a core while every core computes one: they share caches and memory.
    """

    cost: HashCost
    alone: float
    at_once: float


@dataclass(frozen=True, slots=True)
class HashBuild:
    """The library that hashes, and whether this machine could run a faster build of it.

    :ivar avx2: whether the processor has AVX2; None where the system does not say.
    :ivar from_wheel: whether it is a wheel for every x86-64 processor, which cannot use AVX2.
    """

    library: str
    avx2: bool | None
    from_wheel: bool

    @property
    def could_be_faster(self) -> bool:
        """Whether a build for this processor would be faster."""
        return self.from_wheel and self.avx2 is True


def measure_hash_cost(cost: HashCost) -> HashTimes:
    """Hash some passwords, first one after the other, then one on each core.

    What counts is the time on a core: other work on this machine must not talk anybody into weaker hashes.
    """
    hasher, cores = make_hasher(cost), count_cores()

    def time_hash(_: int) -> float:
        began = time.thread_time()
        hasher.hash(SAMPLE_PASSWORD)
        return time.thread_time() - began

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(time_hash, range(cores)))  # the first on a thread has to get its memory
        alone = median(pool.submit(time_hash, number).result() for number in range(HASHES_PER_CORE))
        at_once = median(pool.map(time_hash, range(HASHES_PER_CORE * cores)))
    return HashTimes(cost, alone, at_once)


def propose_hash_cost(target: float, max_memory_kib: int, measure: Callable[[HashCost], float]) -> HashCost:
    """Return the strongest cost whose hash takes no longer than wanted, but never less than OWASP asks for.

    Time goes into memory first, then into passes (RFC 9106 4): memory is what hardware for guessing has least of.

    :param target: seconds of one hash.
    :param max_memory_kib: KiB that one hash may take, at least those of the default.
    :param measure: returns the seconds of a hash of a cost.
    """
    best = cost = DEFAULT_HASH_COST
    seconds = measure(cost)
    if seconds > target:
        quicker = [floor for floor in OWASP_COSTS if floor.work <= cost.work]
        return next((floor for floor in quicker if measure(floor) <= target), min(quicker, key=measure))
    for _ in range(GROWTH_STEPS):
        cost = _scale_cost(cost, AIM * target / seconds, max_memory_kib)
        seconds = measure(cost)
        if seconds <= target:
            best = max(best, cost, key=lambda each: each.work)
    return best


def _scale_cost(cost: HashCost, factor: float, max_memory_kib: int) -> HashCost:
    work = min(cost.work * factor, MAX_ARGON2_WORK)
    least = DEFAULT_HASH_COST
    whole_mebibytes = int(work / least.passes) // 1024 * 1024
    memory_kib = max(least.memory_kib, min(whole_mebibytes, max_memory_kib))
    return HashCost(memory_kib, max(least.passes, int(work / memory_kib)))


def find_hash_build() -> HashBuild:
    """Return the library that hashes here, by what its installer and the system say."""
    library = ", ".join(f"{name} {metadata.version(name)}" for name in ("argon2-cffi", BINDINGS))
    tags = metadata.distribution(BINDINGS).read_text("WHEEL") or ""
    # A build of one's own is tagged "linux_x86_64" (PEP 600).
    return HashBuild(library, _has_avx2(), from_wheel=bool(re.search(r"(?:many|musl)linux\w*_x86_64", tags)))


def _has_avx2() -> bool | None:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return "avx2" in flags.split()
