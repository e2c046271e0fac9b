"""Rules of the project, as far as a machine can watch over them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted((ROOT / "accounts").rglob("*.py"))
READ = [*CODE, *sorted(path for folder in ("tests", "bench", "alembic") for path in (ROOT / folder).rglob("*.py"))]
MAX_LINES = 250

HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "crates" + ".io")
PLACES = ("/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", "/wo" + "rk/", "C:" + "\\Users")
"""Put together here, so that this file does not hold what it looks for."""


def tracked() -> list[Path]:
    """Files that belong to the project: in a checkout what git knows or would add, elsewhere what is there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.splitlines() if (path := ROOT / name).is_file()]


def test_migrations_do_not_shadow_the_package_that_runs_them() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_the_lock_is_the_one_that_make_writes() -> None:
    assert not (ROOT / "uv.lock").exists()
    locks = {path.stem for path in (ROOT / "requirements").glob("*.txt")}
    assert locks == {path.stem for path in (ROOT / "requirements").glob("*.in")}


def test_every_locked_package_has_its_hashes() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        pins = re.findall(r"^[\w.\[\]-]+==[^\n]*(?:\n +--hash=\S+[^\n]*)*", lock.read_text(), re.MULTILINE)
        assert pins
        assert [pin for pin in pins if "--hash=sha256:" not in pin] == []


def test_a_file_of_code_can_be_read_in_one_sitting() -> None:
    lines = {path: [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()] for path in READ}
    assert {path.relative_to(ROOT): len(found) for path, found in lines.items() if len(found) > MAX_LINES} == {}


def test_no_file_names_a_place_of_one_machine_or_the_host_of_a_registry() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [(path.name, word) for word in (*HOSTS, *PLACES) if word in text]
    assert found == []


def test_nothing_that_a_run_leaves_behind_belongs_to_the_project() -> None:
    names = {path.name for path in tracked()}
    assert not {name for name in names if name.endswith((".sqlite", ".db", ".log", ".pyc", ".env"))}
    assert "secret-keys" not in names


ROOT_ENTRIES = {
    *(".ci", ".gitignore", "Makefile", "pyproject.toml", "requirements", "alembic.ini"),
    *("CHANGES.md", "CONTRIBUTING.md", "LICENSE", "README.md", "SECURITY.md"),
    *("accounts", "alembic", "bench", "docs", "emails", "examples", "tests"),
}


def test_nothing_else_stands_at_the_root() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked()} <= ROOT_ENTRIES


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Public functions and classes without a word, by name.

    What is handed to ``Link(...)`` is described there once for all kinds, and a problem says its public sentence.
    An overload has the words of its function.
    """
    hooks = {
        given.value.id
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Link"
        for given in call.keywords
        if isinstance(given.value, ast.Name)
    }
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_") or node.name in hooks:
            continue
        if any(isinstance(each, ast.Name) and each.id == "overload" for each in node.decorator_list):
            continue
        if ast.get_docstring(node) is None and not any("message = N_(" in line for line in _source(node)):
            yield node.name


def _source(node: ast.AST) -> list[str]:
    return ast.unparse(node).splitlines()


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in CODE if ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) is None]
    assert silent == []


def test_every_public_function_and_class_has_a_docstring() -> None:
    found = {path: list(undocumented(ast.parse(path.read_text(encoding="utf-8")))) for path in CODE}
    assert {path.relative_to(ROOT): names for path, names in found.items() if names} == {}


def test_the_table_of_attacks_names_files_that_there_are() -> None:
    tests = ROOT / "tests"
    table = ast.get_docstring(ast.parse((tests / "adversary" / "__init__.py").read_text(encoding="utf-8"))) or ""
    named = set(re.findall(r"[\w/]*\btest_\w+|core/link_kinds", table))
    assert len(named) > 20
    folders = (tests, tests / "adversary")
    places = {name: [folder / name for folder in folders] for name in named}
    missing = [
        name
        for name, paths in places.items()
        if not any(path.is_dir() or path.with_suffix(".py").is_file() for path in paths)
    ]
    assert missing == []
