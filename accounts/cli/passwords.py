"""Declare ``accounts passwords tune``: measure what a password hash costs here."""

from __future__ import annotations

from functools import cache
from typing import Any

import click

from accounts.cli.commands import Group, json_option
from accounts.cli.context import load_settings
from accounts.cli.output import print_fields
from accounts.config_password_hash import DEFAULT_HASH_COST, MAX_ARGON2_MEMORY_KIB, HashCost
from accounts.core.security.hash_tuning import (
    HashTimes,
    find_hash_build,
    measure_hash_cost,
    propose_hash_cost,
)
from accounts.core.security.passwords import count_cores

KIB_PER_MIB = 1024
MEMORY_RANGE = click.IntRange(DEFAULT_HASH_COST.memory_kib // KIB_PER_MIB, MAX_ARGON2_MEMORY_KIB // KIB_PER_MIB)
DEFAULT_MAX_MIB = 31
"""From 32 MiB on glibc gives the memory back after each hash. The page faults of the next one nearly double the wait
of whoever signs in, and not the work of whoever guesses."""
BUILD_NOTE = "argon2-cffi-bindings is a wheel for every x86-64 processor: docs/passwords.md builds it for this one"
SLOW_NOTE = "this machine takes longer for all that OWASP allows; this is the quickest"


@click.group(cls=Group)
def passwords() -> None:
    """Find what hashing a password should cost."""


@passwords.command("tune")
@click.option("--target-ms", type=click.IntRange(1, 5000), default=50, show_default=True, help="Time of one hash.")
@click.option("--max-mib", type=MEMORY_RANGE, default=DEFAULT_MAX_MIB, show_default=True, help="Memory of one hash.")
@json_option
def tune_passwords(target_ms: int, max_mib: int, as_json: bool) -> None:
    """Measure password hashes on this machine, and propose settings for a wanted time.

    The time is that of one hash on its core while every core computes one. Nothing is changed.
    """
    settings = load_settings()
    measure = cache(measure_hash_cost)
    present = measure(HashCost(settings.password_hash_memory_kib, settings.password_hash_passes))
    target = target_ms / 1000
    proposal = measure(propose_hash_cost(target, max_mib * KIB_PER_MIB, lambda cost: measure(cost).at_once))
    build = find_hash_build()
    notes = [BUILD_NOTE] if build.could_be_faster else []
    if proposal.at_once > target:
        notes.append(SLOW_NOTE)
    answer = {
        "library": build.library,
        "avx2": build.avx2,
        "cores": count_cores(),
        "present": _times_answer(present),
        "proposal": _times_answer(proposal),
        "notes": notes,
    }
    fields = [
        ("library", build.library),
        ("AVX2", build.avx2),
        ("cores", count_cores()),
        ("present", _describe_times(present)),
        ("proposal", _describe_times(proposal)),
        ("", f"ACCOUNTS_PASSWORD_HASH_MEMORY_KIB={proposal.cost.memory_kib}"),
        ("", f"ACCOUNTS_PASSWORD_HASH_PASSES={proposal.cost.passes}"),
        *(("note", note) for note in notes),
    ]
    print_fields(answer, fields, as_json=as_json)


def _describe_times(times: HashTimes) -> str:
    told = _times_answer(times)
    return (
        f"m={told['memory_kib']}, t={told['passes']}, p=1: {told['alone_ms']} ms alone, "
        f"{told['at_once_ms']} ms on every core at once, {told['sign_ins_per_second']} sign-ins/s, "
        f"{told['process_mib']} MiB in each process"
    )


def _times_answer(times: HashTimes) -> dict[str, Any]:
    return {
        "memory_kib": times.cost.memory_kib,
        "passes": times.cost.passes,
        "lanes": 1,
        "alone_ms": round(times.alone * 1000, 1),
        "at_once_ms": round(times.at_once * 1000, 1),
        "sign_ins_per_second": round(count_cores() / times.at_once, 1),
        "process_mib": times.cost.memory_kib * count_cores() // KIB_PER_MIB,
    }
