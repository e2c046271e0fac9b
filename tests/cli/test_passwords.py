"""``accounts passwords tune``: what a hash costs here, and settings that may be used."""

from __future__ import annotations

from accounts.cli.passwords import SLOW_NOTE
from accounts.config_password_hash import OWASP_COSTS, HashCost
from tests.cli.conftest import Command

NAMES = {"memory_kib", "passes", "lanes", "alone_ms", "at_once_ms", "sign_ins_per_second", "process_mib"}


def test_it_measures_the_present_cost_and_proposes_no_weaker_one_than_owasp(accounts: Command) -> None:
    """No machine hashes in a millisecond: the quickest of OWASP's settings is proposed, and that is said."""
    given = {"password_hash_memory_kib": "12288", "password_hash_passes": "3"}
    (told,) = accounts("passwords", "tune", "--target-ms", "1", "--json", **given).json
    assert set(told) == {"library", "avx2", "cores", "present", "proposal", "notes"}
    assert set(told["present"]) == set(told["proposal"]) == NAMES
    assert (told["present"]["memory_kib"], told["present"]["passes"]) == (12288, 3)
    assert HashCost(told["proposal"]["memory_kib"], told["proposal"]["passes"]) in OWASP_COSTS
    assert SLOW_NOTE in told["notes"]


def test_the_proposal_is_printed_as_settings_that_are_taken(accounts: Command) -> None:
    result = accounts("passwords", "tune", "--target-ms", "40", "--max-mib", "19")
    assert result.status == 0
    printed = dict(line.split("=") for line in result.out.split() if line.startswith("ACCOUNTS_"))
    assert set(printed) == {"ACCOUNTS_PASSWORD_HASH_MEMORY_KIB", "ACCOUNTS_PASSWORD_HASH_PASSES"}
    taken = accounts(
        "config", "check", **{name.removeprefix("ACCOUNTS_").lower(): value for name, value in printed.items()}
    )
    assert taken.status == 0
    for name, value in printed.items():
        assert f"{name} = {value}" in taken.out.splitlines()


def test_memory_beyond_what_is_verified_or_below_the_floor_cannot_be_asked_for(accounts: Command) -> None:
    for mebibytes in ("18", "257"):
        assert accounts("passwords", "tune", "--max-mib", mebibytes).status == 2
