"""``accounts oidc-keys``: made on first use, rotated ahead of time, dropped in an emergency."""

from __future__ import annotations

from accounts.flows.oidc.signing_keys import SIGNING_ALGS
from tests.cli.conftest import Command


def test_there_is_nothing_to_set_up_and_a_rotation_is_announced(accounts: Command) -> None:
    assert accounts("oidc-keys").out.startswith("There are none yet")
    first = accounts("oidc-keys", "rotate", "--now").out.splitlines()
    assert [line.split()[1] for line in first] == [f"({alg})" for alg in SIGNING_ALGS]
    assert all("signs from" in line for line in first)
    assert {line.split("\t")[2] for line in accounts("oidc-keys").out.splitlines()} == {"signs"}
    second = accounts("oidc-keys", "rotate").out.splitlines()
    assert len(second) == len(SIGNING_ALGS)
    assert "Nothing was changed" in accounts("oidc-keys", "rotate", "--alg", "ES256").out
    listed = [line.split("\t") for line in accounts("oidc-keys").out.splitlines()]
    assert sorted(line[1] for line in listed) == sorted(2 * SIGNING_ALGS)
    assert [line[2] for line in listed] == ["signs"] * 3 + ["next"] * 3
    gone = accounts("oidc-keys", "drop", listed[0][0])
    assert "is gone" in gone.out
    assert accounts("oidc-keys", "drop", listed[0][0]).refused == "no such key"
