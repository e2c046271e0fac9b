"""The plug-in: there for whoever asks, and nobody else notices."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from accounts.testing.mailscan.journeys import SCANS

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*command: str, cwd: Path = ROOT) -> str:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_pytest_finds_the_plug_in_and_stays_optional() -> None:
    assert PROJECT["entry-points"]["pytest11"] == {"accounts": "accounts.testing.plugin"}
    assert not [each for each in PROJECT["dependencies"] if each.startswith("pytest")]
    assert PROJECT["optional-dependencies"]["testing"] == ["pytest>=8"]


def test_loading_the_plug_in_loads_neither_the_service_nor_a_web_framework() -> None:
    loaded = run(
        "-c", "import sys, accounts.testing.plugin; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    assert not {"flask", "werkzeug", "sqlalchemy", "pydantic"} & set(loaded.split())
    ours = run(
        "-c", "import sys, accounts.testing.plugin; print(*(n for n in sys.modules if n.startswith('accounts')))"
    )
    assert set(ours.split()) == {"accounts", "accounts.version", "accounts.testing", "accounts.testing.plugin"}


def test_the_kit_itself_loads_without_the_service_flask_or_pytest() -> None:
    loaded = run("-c", "import sys; from accounts.testing.mailscan import MailScanner; print(*sys.modules)").split()
    assert not {"flask", "sqlalchemy", "pytest", "accounts.core", "accounts.app"} & set(loaded)


def test_a_test_of_a_host_gets_the_scanner_as_a_fixture(tmp_path: Path) -> None:
    (tmp_path / "test_host.py").write_text(
        "def test_it(mail_scanner):\n"
        "    def app(environ, start_response):\n"
        "        start_response('404 Not Found', [('Content-Type', 'text/html')])\n"
        "        return [b'']\n"
        "    report = mail_scanner.scan(app, 'https://h.example/c/abcdefghij')\n"
        "    assert 'not-opened' in report.codes\n"
    )
    text = run("-m", "pytest", "-q", "-p", "accounts.testing.plugin", "-p", "no:cacheprovider", ".", cwd=tmp_path)
    assert "1 passed" in text


def test_the_example_in_the_documentation_works(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "testing-links.md").read_text()
    (tmp_path / "test_documented.py").write_text(text.partition("```python\n")[2].partition("```")[0])
    output = run("-m", "pytest", "-q", "-p", "accounts.testing.plugin", "-p", "no:cacheprovider", ".", cwd=tmp_path)
    assert "1 passed" in output


def test_every_finding_and_scan_is_documented() -> None:
    text = (ROOT / "docs" / "testing-links.md").read_text()
    code = "".join(path.read_text() for path in (ROOT / "accounts" / "testing").glob("*.py"))
    for finding in set(re.findall(r"""\.tell\(\s*"([a-z-]+)\"""", code)):
        assert f"`{finding}`" in text, finding
    for scan in SCANS:
        assert f"| {scan.name} |" in text, scan.name


def test_the_names_of_the_package_are_there_on_first_use() -> None:
    text = run(
        "-c",
        "import accounts, accounts.testing.mailscan as t\n"
        "assert all(getattr(accounts, name) is not None for name in accounts.__all__)\n"
        "assert all(getattr(t, name) is not None for name in t.__all__)\n"
        "print(hasattr(accounts, 'nothing'), hasattr(t, 'nothing'))",
    )
    assert text.split() == ["False", "False"]
