"""Files and lines of the package, by folder: ``python bench/lines.py [CHECKOUT]``, or ``make bench-lines``.

A line of code is one that is neither blank nor all comment, and stands in no docstring and no import.
"""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections import defaultdict
from pathlib import Path
from statistics import median

NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def count_code_lines(source: str) -> int:
    """Return how many lines of a module are code."""
    code_lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            code_lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            code_lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        elif (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        ):
            # Also below a constant or a field, where a text describes what stands above.
            code_lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(code_lines)


def main(root: Path) -> None:
    """Print a table with a row for each folder."""
    totals: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    code_by_file: dict[str, int] = {}
    for path in sorted((root / "accounts").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        code = count_code_lines(source)
        folder, name = str(path.parent.relative_to(root)), str(path.relative_to(root))
        code_by_file[name] = code
        for total in (totals[folder], totals["all"]):
            for place, number in enumerate((1, source.count("\n"), code)):
                total[place] += number
    print(f"{'folder':36}{'files':>7}{'lines':>8}{'code':>8}")
    for folder in sorted(totals, key=lambda each: (each == "all", each)):
        files, lines, code = totals[folder]
        print(f"{folder:36}{files:7}{lines:8,}{code:8,}")
    largest = max(code_by_file, key=lambda name: code_by_file[name])
    # An __init__ that says one sentence is no file to read.
    middle = median(code for code in code_by_file.values() if code)
    print(f"lines of code in a file: median {middle:.0f}, most {code_by_file[largest]} ({largest})")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
