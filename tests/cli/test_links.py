"""``accounts links explain``: the doctor on the console, which prints nothing that opens anything."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from accounts.cli import main
from accounts.cli.links import format_duration
from tests.conftest import KEY
from tests.flows.helpdesk.links.dead_links import CASES, assert_no_secret
from tests.people import Service

Explain = Callable[..., tuple[int, str, str]]


@pytest.fixture
def explain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database: str, tmp_path: Path
) -> Explain:
    """Calls the command as a program does: exit status, stdout, stderr."""

    def call(text: str, stdin: str = "") -> tuple[int, str, str]:
        with monkeypatch.context() as patched:
            for name in [name for name in os.environ if name.startswith("ACCOUNTS_")]:
                patched.delenv(name)
            patched.setenv("ACCOUNTS_DATABASE_URL", database)
            patched.setenv("ACCOUNTS_INSTANCE", str(tmp_path / "instance"))
            patched.setenv("ACCOUNTS_SECRET_KEYS", KEY)
            patched.setattr("sys.stdin", io.StringIO(stdin))
            capsys.readouterr()
            with pytest.raises(SystemExit) as end:
                main(["links", "explain", text])
        printed = capsys.readouterr()
        return int(end.value.code or 0), printed.out, printed.err

    return call


@pytest.mark.parametrize("name", ["alive", "used", "revoked", "of_a_closed_account", "cut", "session_cookie"])
def test_every_line_is_harmless_and_says_what_to_do(explain: Explain, service: Service, name: str) -> None:
    case = CASES[name](service, service.admin())
    status, out, err = explain(case.text)
    assert (status, err) == (0, "")
    assert "because  " in out
    assert "to do  " in out
    assert_no_secret(service, out, case.token)


def test_a_used_link_is_explained_line_by_line(explain: Explain, service: Service) -> None:
    case = CASES["used"](service, service.admin())
    _, out, _ = explain(case.text)
    lines = [line.strip() for line in out.splitlines()]
    assert "outcome  link_used (410)" in lines
    assert "because  This link has already been used." in lines
    assert any(line.startswith("binds  Password: moved, Password reset by email") for line in lines)
    assert "binds  Email address: as it was" in lines
    assert any(line.startswith("key  ") and "number 1, signs" in line for line in lines)


def test_a_mail_may_come_on_standard_input(explain: Explain, service: Service) -> None:
    case = CASES["alive"](service, service.admin())
    mail = f"Hello,\n\nthis does not work:\n> {case.text[:70]}=\n{case.text[70:]}\n\nRegards\n"
    status, out, _ = explain("-", stdin=mail)
    assert status == 0
    assert "outcome  alive" in out
    assert "purpose  reset-password" in out


def test_a_text_without_a_link_is_one_clear_line(explain: Explain, service: Service) -> None:
    assert explain("hello") == (1, "", "accounts: link: This text contains no link.\n")


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (86400 * 3 + 5, "3 d")]
)
def test_a_lapse_is_told_in_its_largest_unit(seconds: int, said: str) -> None:
    assert format_duration(seconds) == said
