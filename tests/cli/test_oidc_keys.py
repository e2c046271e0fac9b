"""``accounts keys oidc list``: made on first use, rotated ahead of time, dropped in an emergency."""

from __future__ import annotations

from accounts.flows.oidc.signing_keys import SIGNING_ALGS
from tests.cli.conftest import Command


def test_there_is_nothing_to_set_up_and_a_rotation_is_announced(accounts: Command) -> None:
    assert accounts("keys", "oidc", "list").table == []
    first = accounts("keys", "oidc", "rotate", "--now").out.splitlines()
    assert [line.split()[1] for line in first] == [f"({alg})" for alg in SIGNING_ALGS]
    assert all("signs from" in line for line in first)
    assert {row["state"] for row in accounts("keys", "oidc", "list").table} == {"signs"}
    second = accounts("keys", "oidc", "rotate").out.splitlines()
    assert len(second) == len(SIGNING_ALGS)
    assert "Nothing was changed" in accounts("keys", "oidc", "rotate", "--alg", "ES256").out
    listed = accounts("keys", "oidc", "list").table
    assert sorted(row["algorithm"] for row in listed) == sorted(2 * SIGNING_ALGS)
    assert [row["state"] for row in listed] == ["signs"] * 3 + ["next"] * 3
    gone = accounts("keys", "oidc", "drop", listed[0]["key"])
    assert "is gone" in gone.out
    assert accounts("keys", "oidc", "drop", listed[0]["key"]).refused == "no such key"
