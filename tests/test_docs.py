"""The documentation names everything there is to name, nothing that is not there, and its links lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest

from accounts import Settings
from accounts.config_sources import COMPOSED_SETTINGS, ENV_PREFIX, SECRET_SETTINGS
from accounts.config_upstream import SECRET_FILE_FIELD, UPSTREAM_FIELDS
from accounts.core.errors import Problem
from accounts.core.link_errors import DeadLink
from accounts.core.link_kinds import parts
from accounts.core.link_kinds.parts import StatePart
from accounts.core.links.link import Link
from accounts.core.models.account import LOCKOUT_DURATION
from accounts.core.models.base import Base
from accounts.core.security import throttle
from accounts.core.security.throttle import Limit
from accounts.core.signing.token_kind import TokenKind
from accounts.delivery.samples import SAMPLES
from accounts.flows import LINKS, TOKENS
from accounts.flows.sessions import session as sessions
from accounts.flows.shared.credentials import RecoveryForm
from accounts.flows.shared.recovery import format_recovery_table
from accounts.flows.shared.validation import MESSAGES
from accounts.flows.sign_in import devices
from accounts.flows.sign_in.unlock import MAX_FAILURES
from accounts.web.kit.context import EXTENSION_NAME
from accounts.web.kit.routes import API_BLUEPRINT, MAIN_BLUEPRINT
from accounts.web.kit.routes import LINK_BLUEPRINT as DOOR
from tests.cli.commands import ALL_GROUPS, COMMANDS
from tests.people import Service

ROOT = Path(__file__).parents[1]
FILES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
INVENTED = {"ACCOUNTS_HOTS", "ACCOUNTS_LIFETIME_JOIN_NEWSLETTER"}
"""Names in examples: one that is refused, one of a host's own link."""


def doc(name: str) -> str:
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def rows(name: str) -> list[list[str]]:
    """The cells of every table row of a document."""
    lines = [line for line in doc(name).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def row(name: str, first: str) -> list[str]:
    """The row whose first cell names something."""
    found = [cells for cells in rows(name) if first in re.findall(r"`([^`]+)`", cells[0])]
    assert found, f"docs/{name} has no row for {first}"
    return found[0]


def problems(of: type[Problem] = Problem) -> Iterator[type[Problem]]:
    for kind in (of, *(found for each in of.__subclasses__() for found in problems(each))):
        if "code" in vars(kind) and kind.__module__.startswith("accounts."):
            yield kind


def setting_names() -> set[str]:
    plain = {f"{ENV_PREFIX}{name.upper()}" for name in Settings.model_fields if name not in COMPOSED_SETTINGS}
    lifetimes = {f"{ENV_PREFIX}LIFETIME_{link.purpose.replace('-', '_').upper()}" for link in LINKS}
    return plain | lifetimes | {f"{ENV_PREFIX}CONFIG"}


@pytest.mark.parametrize("name", sorted(setting_names()))
def test_every_setting_has_a_row(name: str) -> None:
    assert row("settings.md", name)


def test_defaults_of_settings_are_the_documented_ones() -> None:
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, str | int | Path):
            assert f"`{field.default}`" in row("settings.md", f"{ENV_PREFIX}{name.upper()}")[1]
    for link in LINKS:
        name = f"{ENV_PREFIX}LIFETIME_{link.purpose.replace('-', '_').upper()}"
        assert row("settings.md", name)[1] == f"`{int(link.lifetime.total_seconds())}`"


def test_secrets_from_files_are_named() -> None:
    for secret in SECRET_SETTINGS:
        assert f"`{ENV_PREFIX}{secret.upper()}_FILE`" in doc("settings.md")


def test_every_field_of_an_upstream_has_a_row() -> None:
    for name in UPSTREAM_FIELDS:
        assert row("settings.md", f"{ENV_PREFIX}UPSTREAM_<NAME>_{name.upper()}")
        assert row("upstream.md", f"{ENV_PREFIX}UPSTREAM_<NAME>_{name.upper()}")


def test_no_setting_is_named_that_does_not_exist() -> None:
    known = setting_names() | {
        f"{ENV_PREFIX}UPSTREAM_WORK_{name.upper()}" for name in (*UPSTREAM_FIELDS, SECRET_FILE_FIELD)
    }
    known |= {f"{ENV_PREFIX}{secret.upper()}_FILE" for secret in SECRET_SETTINGS} | INVENTED
    for path in FILES:
        named = set(re.findall(r"\bACCOUNTS_[A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
        assert named <= known, path.name


@pytest.mark.parametrize("kind", list(problems()), ids=lambda kind: kind.code)
def test_every_error_code_has_a_row_with_its_status(kind: type[Problem]) -> None:
    assert row("api.md", kind.code)[1] == str(kind.status)
    if issubclass(kind, DeadLink):
        assert row("links.md", kind.code)[1] == str(kind.status)


def test_every_code_of_a_field_is_named() -> None:
    named = set(re.findall(r"`([a-z_]+)`", doc("api.md").partition("### Codes of fields")[2]))
    ours = {
        code
        for path in (ROOT / "accounts").rglob("*.py")
        for code in re.findall(r"PydanticCustomError\(\s*\"([a-z_]+)\"", path.read_text(encoding="utf-8"))
    }
    assert {"email", "control", "link"} <= ours
    assert MESSAGES.keys() | ours | {"too_short", "too_long", "too_easy", "wrong_password"} <= named


WINDOWS = {throttle.QUARTER_HOUR: "15 minutes", throttle.HOUR: "hour", throttle.DAY: "day"}


def test_every_limit_has_a_row_with_its_amount() -> None:
    limits = [value for value in vars(throttle).values() if isinstance(value, Limit)]
    assert limits
    for limit in limits:
        assert row("limits.md", limit.name)[1] == f"{limit.amount} per {WINDOWS[limit.window]}"
    assert len(rows("limits.md")) == len(limits) + 2


def test_the_table_of_addresses_is_the_route_map(service: Service) -> None:
    there = set()
    for rule in service.app.url_map.iter_rules():
        room, _, _ = rule.endpoint.partition(".")
        purpose = room.removeprefix(f"{DOOR}_").removesuffix("_api")
        if "prefix" in rule.arguments or rule.endpoint == "static":
            continue
        way = "json" if room == API_BLUEPRINT or room.endswith("_api") else "html"
        assert room in (MAIN_BLUEPRINT, API_BLUEPRINT, "accounts_asset") or purpose in service.site.links, rule
        path = rule.rule.removeprefix("/api" if way == "json" else "").replace(f"/l/{purpose}", "/l/<purpose>")
        there |= {(way, path, method) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    results = set()
    for paths, page, json, *_ in (cells for cells in rows("api.md") if cells[0].startswith("`/")):
        for path in re.findall(r"`([^`]+)`", paths):
            results |= {("html", path, method) for method in re.findall("[A-Z]+", page)}
            results |= {("json", path, method) for method in re.findall("[A-Z]+", json)}
    assert results == there


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_has_a_row_with_its_options(words: str) -> None:
    name, command = f"accounts {words}", COMMANDS[words]
    shown = [cells[0].strip("`") for cells in rows("running.md")]
    found = [text for text in shown if text == name or re.match(rf"{name} (?=[A-Z\[-])", text)]
    assert len(found) == 1, f"docs/running.md has no row for {name}"
    for option in command.params:
        if isinstance(option, click.Option) and option.name != "as_json":
            assert option.opts[0] in found[0]


def test_no_row_is_of_a_command_that_is_not_there() -> None:
    shown = [cells[0].strip("`") for cells in rows("running.md") if cells[0].startswith("`accounts ")]
    named = {re.split(r" (?=[A-Z\[-])", text.removeprefix("accounts "))[0] for text in shown}
    assert named == set(COMMANDS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_document_calls_a_command_that_is_not_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for called in re.findall(r"(?:`|^|\$ )accounts ((?:[a-z][a-z-]*(?: (?=[a-z]))?)+)", text, re.MULTILINE):
        words = called.split()
        # What follows may be an argument; a group is nothing without its command.
        candidates = {" ".join(words[:count]) for count in range(1, len(words) + 1)}
        assert candidates & (set(COMMANDS) | set(ALL_GROUPS)), f"{path.name}: accounts {called}"
        if words[0] in ALL_GROUPS and len(words) > 1:
            assert candidates & (set(COMMANDS) | {"keys oidc"}), f"{path.name}: accounts {called}"


def test_every_letter_has_a_row() -> None:
    for words in SAMPLES:
        assert row("mail.md", words)


@pytest.mark.parametrize("link", LINKS, ids=lambda link: link.purpose)
def test_every_kind_of_link_has_a_row_that_says_what_it_binds_and_how_long_it_lives(link: Link) -> None:
    _, subject, dies_with, lives, _, again = row("links.md", link.purpose)
    assert subject == f"the {link.about}"
    assert re.findall(r"`(\w+)`", dies_with) == [part.name for part in link.dies_with]
    number, unit = re.findall(r"\w+", lives)[:2]
    assert timedelta(**{unit: int(number)}) == link.lifetime
    dead = {each.code for each in link.resend_after} if link.resend else set()
    assert set(re.findall(r"`(\w+)`", again)) == dead


@pytest.mark.parametrize("kind", TOKENS, ids=lambda kind: kind.purpose)
def test_every_kind_of_token_has_a_row_that_says_how_long_it_is_good(kind: TokenKind[Any]) -> None:
    _, _, good_for = row("keys.md", kind.purpose)
    number, unit = re.findall(r"\w+", good_for)[:2]
    found = timedelta(**{unit: int(number)}) if number.isdigit() else None
    assert found == kind.lifetime


def test_every_part_that_a_link_can_bind_is_explained() -> None:
    for part in (value for value in vars(parts).values() if isinstance(value, StatePart)):
        assert row("links.md", part.name)


def test_every_purpose_is_named_in_the_api() -> None:
    named = doc("api.md").partition("\nPurposes: ")[2].partition("\n\n")[0]
    assert {link.purpose for link in LINKS} <= set(re.findall(r"`([a-z-]+)`", named))


def test_what_needs_a_fresh_proof_is_marked(service: Service) -> None:
    routes = [route for routes in service.app.extensions[EXTENSION_NAME].all_routes for route in routes.declared]
    marked = {path for cells in rows("api.md") if cells[0].endswith("*") for path in re.findall("`(/.*?)`", cells[0])}
    fresh = [route for route in routes if route.step_up]
    assert marked == {route.rule_for(answer_format) for route in fresh for answer_format in route.formats}
    minutes = sessions.STEP_UP_MAX_AGE // timedelta(minutes=1)
    assert f"within the last {minutes} minutes" in doc("sessions.md").partition("## Step-up")[2]


def test_the_lock_and_the_devices_it_spares_are_told_with_their_numbers() -> None:
    lock = doc("limits.md").partition("## The lock")[2].partition("\n## ")[0]
    assert f"After {MAX_FAILURES} wrong passwords in a row" in lock
    assert f"locked for {LOCKOUT_DURATION // timedelta(minutes=1)} minutes" in lock
    assert timedelta(seconds=devices.DEVICE_COOKIE_SECONDS) == timedelta(days=365)
    assert f"for a year: the ids of the accounts, at most {devices.MAX_ACCOUNTS_PER_DEVICE}" in doc("sessions.md")


def test_what_a_recovery_takes_away_is_the_table_of_the_code() -> None:
    section = doc("security.md").partition("## What a recovery takes away")[2].partition("\n## ")[0]
    assert format_recovery_table() in section
    for name in RecoveryForm.model_fields:
        assert f"`{name}`" in section


def test_every_table_is_named_for_hosts() -> None:
    named = set(re.findall(r"`(\w+)`", doc("hosts.md")))
    assert set(Base.metadata.tables) <= named


def test_every_page_is_reached_from_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").glob("*.md"):
        assert f"](docs/{path.name})" in readme


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(\s*([^)\s]+)\s*\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        other = (path.parent / file) if file else path
        assert other.exists(), f"{path.name}: {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", other.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings]
