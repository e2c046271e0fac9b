"""The guide shows the examples as they run, and registers them as the Makefile does; nothing names a registry."""

from __future__ import annotations

import json
import re
import shlex
import textwrap

import pytest

from tests.examples.kit import EXAMPLES, GUIDE
from tests.servers.proxies import documented

BLOCK = re.compile(r"^`examples/([\w./-]+)`(?:, ([\w -]+))?:\n\n```\w+\n(.*?)```", re.MULTILINE | re.DOTALL)
SHOWN = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
LIMIT = 15
PROXIES = {
    "nginx-own-host.conf": "nginx: an app at a host of its own",
    "nginx-below-a-path.conf": "nginx: an app below a path",
    "own-host.Caddyfile": "Caddy: an app at a host of its own",
    "below-a-path.Caddyfile": "Caddy: an app below a path",
    "traefik-own-host.yaml": "Traefik: an app at a host of its own",
}


def part(file: str, name: str) -> str:
    """A file of the examples, or what stands between two marks in it."""
    text = (EXAMPLES / file).read_text(encoding="utf-8")
    if not name:
        return text
    marked = re.findall(rf"^ *(?:#|//) begin {name}\n(.*?)^ *(?:#|//) end {name}$", text, re.MULTILINE | re.DOTALL)
    assert len(marked) == 1
    return textwrap.dedent(marked[0]).strip() + "\n"


@pytest.mark.parametrize(("file", "name", "shown"), SHOWN, ids=[f"{file} {name}" for file, name, _ in SHOWN])
def test_what_the_guide_shows_is_what_runs(file: str, name: str, shown: str) -> None:
    assert shown == part(file, name)


def test_every_example_is_shown() -> None:
    programs = {path.parent.name for path in EXAMPLES.glob("*/*") if path.suffix in (".py", ".js")}
    assert {file.partition("/")[0] for file, _, _ in SHOWN} == programs


@pytest.mark.parametrize("name", sorted(PROXIES))
def test_the_configurations_of_proxies_are_those_that_are_explained_and_run(name: str) -> None:
    """nginx and Caddy run what the documentation shows, in ``tests/web/test_behind_proxies.py``; Traefik does not."""
    assert (EXAMPLES / "forward-auth" / name).read_text(encoding="utf-8") == documented(PROXIES[name])
    assert {path.name for path in (EXAMPLES / "forward-auth").iterdir()} == PROXIES.keys()


def test_a_small_flask_app_needs_fifteen_lines() -> None:
    text = (EXAMPLES / "flask" / "app.py").read_text(encoding="utf-8")
    lines = [line for line in part("flask/app.py", "sign-in").splitlines() if line.strip()]
    imports = [line for line in text.splitlines() if re.match(r"(from|import) authlib", line)]
    assert imports
    assert len(lines) + len(imports) <= LIMIT


def test_the_makefile_registers_as_the_guide_says() -> None:
    results = re.findall(r"^accounts (apps add .+)$", _joined(GUIDE.read_text(encoding="utf-8")), re.MULTILINE)
    made = re.findall(r"\(call accounts,(.+?)\)\)? &&", _joined((EXAMPLES / "Makefile").read_text(encoding="utf-8")))
    assert len(made) == len(results) == 4
    assert [shlex.split(each) for each in made] == [shlex.split(each)[2:] for each in results]


@pytest.mark.parametrize("name", ["flask", "django"])
def test_python_locks_have_hashes_and_name_no_index(name: str) -> None:
    lock = (EXAMPLES / name / "requirements.txt").read_text(encoding="utf-8")
    assert "--hash=sha256:" in lock
    assert not re.search(r"https?://|--index", lock)


def test_the_node_lock_has_hashes_and_names_no_registry() -> None:
    lock = json.loads((EXAMPLES / "express" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert packages
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert package["integrity"].startswith("sha512-"), name


def _joined(text: str) -> str:
    return re.sub(r"\\\n\s*", "", text)
