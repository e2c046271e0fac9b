"""Tables in Markdown, from results: what each costs, and who is ahead of whom by how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.bare_hash import LIBRARY
from harness.bare_hash import NAME as BARE_HASH
from harness.results import HELLO, OURS, Results, Spread, format_about, print_table

OURS_ON_POSTGRES = f"{OURS}-postgres"
BESIDE = {"bare", HELLO, BARE_HASH, "control", "console"}
"""What is measured beside, and is no account system."""
TITLES = {
    "web": "Requests, at the cheapest hash",
    "web-hash": "Requests, at argon2id m=19456, t=2, p=1",
    "oidc-EdDSA": "OpenID Connect, EdDSA",
    "oidc-RS256": "OpenID Connect, RS256",
    "storm": "A login storm",
    "waits": "The longest waits of writers",
    "start": "What it costs to have",
    "quick": "Requests, quickly",
}


def print_results(results: Results) -> None:
    """Print all tables of one benchmark."""
    print(f"\n### {TITLES.get(results.bench, results.bench)}\n\n{format_about(results.about)}")
    for name, described in results.about.get("contenders", {}).items():
        print(f"{name}: " + "; ".join(described.values()) + ".")
    printers: dict[str, Callable[[Results], None]] = {
        "storm": _print_storm,
        "waits": _print_waits,
        "start": _print_start,
    }
    printers.get(results.bench, _print_costs)(results)


def _format(spread: Spread | None, digits: int = 0) -> str:
    return spread.format(digits) if spread else ""


def _print_costs(results: Results) -> None:
    everybody = results.contenders()
    print_table(
        ["CPU us", *everybody],
        (
            [load, *(_format(results.spread(name, load)) for name in everybody)]
            for load in results.loads()
            if any(results.values(name, load) for name in everybody)
        ),
    )
    peers = [name for name in everybody if name not in (*BESIDE, OURS, OURS_ON_POSTGRES)]
    _print_ratios(results, "accounts ahead by", peers)
    _print_ratios(results, "to SQLite", [OURS_ON_POSTGRES])
    _print_own(results)
    if results.values(BARE_HASH, LIBRARY):
        _print_beside_hash(results, [OURS, *peers])


def _print_ratios(results: Results, heading: str, names: Sequence[str]) -> None:
    rows = []
    for load in results.loads(OURS):
        ratios = [results.ratios((name, load), (OURS, load)) for name in names]
        if any(ratios):
            rows.append([load, *(_format(ratio, 2) for ratio in ratios)])
    if rows:
        print_table([heading, *names], rows)


def _print_own(results: Results) -> None:
    rows = []
    for load in results.loads(OURS):
        if any(results.values(OURS, load, "rate").values()):
            measures = [_format(results.spread(OURS, load, what), digits) for what, digits in MEASURES.items()]
            rows.append([load, *measures, _format(results.of_hello(load), 3)])
    print_table(["accounts", "a second", "p50 ms", "p99 ms", "of hello"], rows)


MEASURES = {"rate": 0, "p50_ms": 1, "p99_ms": 1}


def _print_beside_hash(results: Results, names: Sequence[str]) -> None:
    loads = results.loads(OURS)
    print_table(
        ["one hash", "CPU us"],
        (
            [row, _format(results.spread(BARE_HASH, row))]
            for row in results.loads(BARE_HASH)
            if results.values(BARE_HASH, row)
        ),
    )
    print_table(
        [f"times one hash ({LIBRARY})", *loads],
        (
            [name, *(_format(results.ratios((name, load), (BARE_HASH, LIBRARY)), 2) for load in loads)]
            for name in names
        ),
    )


def _print_storm(results: Results) -> None:
    rows = []
    for name in results.contenders():
        storm = (name, "W1 in a storm")
        rows.append(
            [
                name,
                _format(results.spread(*storm, "rate")),
                _format(results.spread(*storm, "p50_ms"), 1),
                _format(results.spread(*storm, "p99_ms"), 1),
                _format(results.ratios(storm, (name, "W1 alone"), "p99_ms"), 1),
                _format(results.spread(name, "W3 in a storm", "rate"), 1),
                str(results.about.get("pss_mib", {}).get(name, "")),
                _format(results.ratios((OURS, "W1 in a storm"), storm, "rate"), 1),
            ]
        )
    headings = ["in a storm", "W1 a second", "p50 ms", "p99 ms", "p99 to alone", "sign-ins a second", "PSS MiB"]
    print_table([*headings, "accounts ahead by"], rows)


def _print_waits(results: Results) -> None:
    commit = ("control", "commit")
    rows = [["one commit under one lock", _format(results.spread(*commit, "p50_ms"), 1)]]
    rows[0] += [_format(results.spread(*commit, "p99_ms"), 1), "1"]
    for load in ("W3", "W4"):
        own = (OURS, load)
        waits = [_format(results.spread(*own, what), 1) for what in ("p50_ms", "p99_ms")]
        rows.append([load, *waits, _format(results.ratios(own, commit, "p99_ms"), 1)])
    print_table(["16 connections", "p50 ms", "p99 ms", "p99 to the control"], rows)


def _print_start(results: Results) -> None:
    rows = []
    for (name, load), (base, base_load) in (
        ((HELLO, "first answer"), (HELLO, "first answer")),
        ((OURS, "first answer"), (HELLO, "first answer")),
        (("console", "import click"), ("console", "import click")),
        (("console", "accounts --help"), ("console", "import click")),
    ):
        measures = [_format(results.spread(name, load, "p50_ms")), _format(results.spread(name, load))]
        rows.append(
            [f"{name}: {load}", *measures, _format(results.ratios((name, load), (base, base_load), "p50_ms"), 2)]
        )
    print_table(["", "ms", "CPU us", "times hello, or click"], rows)
    print_table(
        ["memory of the tree", "MiB (PSS)"],
        ([f"{row.contender}, {row.load}", f"{row.cpu_us:.0f}"] for row in results.rows if row.load.startswith("PSS")),
    )
