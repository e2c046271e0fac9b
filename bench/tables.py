"""The tables of ``docs/performance.md`` from the newest results: ``make bench-tables``, once there are some."""

from __future__ import annotations

import sys

from harness.results import FOLDER, read_results
from harness.tables import TITLES, print_results


def main() -> int:
    found = [results for bench in TITLES if bench != "quick" and (results := read_results(bench))]
    if not found:
        print(f"no results in {FOLDER.name}: make bench-web, and the others", file=sys.stderr)
        return 1
    for results in found:
        print_results(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
