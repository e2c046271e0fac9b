"""docs/metrics.md has the metrics of the code, and its examples name no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # has no types

from accounts.core.mail_lanes import CALLS, MAIL_LANES
from accounts.core.meters import PROCESS_MEASURES, Measure
from accounts.flows.helpdesk.health import REASON_CODES
from accounts.flows.helpdesk.mail_lanes import PAUSE_CLASSES
from accounts.flows.helpdesk.outbox_counts import OUTBOX_STATES
from accounts.web.metrics import SITE_MEASURES, format_metrics_table
from tests.kit.metrics import scrape
from tests.people import Service

DOCS = Path(__file__).parents[1] / "docs"
TEXT = (DOCS / "metrics.md").read_text(encoding="utf-8")
MEASURES: dict[str, Measure] = {each.name: each for each in (*SITE_MEASURES, *PROCESS_MEASURES)}
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "gauge": ("",), "counter": ("",)}
SAMPLES = {f"{each.name}{suffix}": each for each in MEASURES.values() for suffix in SUFFIXES[each.kind]}
VALUES: dict[str, set[str]] = {
    "code": set(REASON_CODES),
    "state": set(OUTBOX_STATES),
    "reason": set(PAUSE_CLASSES),
    "lane": {*MAIL_LANES, CALLS},
    "status": {"2xx", "3xx", "4xx", "5xx"},
}


def blocks() -> list[Any]:
    return [yaml.safe_load(each) for each in re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)]


def list_rules() -> list[dict[str, Any]]:
    return [rule for block in blocks() for group in block.get("groups", ()) for rule in group["rules"]]


def test_the_table_is_that_of_the_code() -> None:
    assert format_metrics_table() in TEXT, f"docs/metrics.md should have this table:\n{format_metrics_table()}"


def test_a_scrape_tells_what_the_table_has_and_nothing_else_of_ours(service: Service) -> None:
    scrape(service)
    member = service.member()
    assert member.sign_in().status_code == 200
    service.person().post("/api/sign-up", {"email": member.email})
    service.deliver()
    families = scrape(service).families
    told = {name: each for name, each in families.items() if name.startswith("accounts_")}
    # A counter is told without its suffix.
    assert told.keys() == {name.removesuffix("_total") for name in MEASURES}
    for name, measure in MEASURES.items():
        family = told[name.removesuffix("_total")]
        assert (family.type, family.documentation) == (measure.kind, measure.meaning)
        assert {label for each in family.samples for label in each.labels} - {"le"} == set(measure.labels)
    assert {name for name in families if name.startswith("process_")} <= {
        name.removesuffix("_total") for name in re.findall(r"`(process_\w+)`", TEXT)
    }


@pytest.mark.parametrize("rule", list_rules(), ids=lambda rule: str(rule["alert"]))
def test_every_alert_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    asked = re.findall(r"(accounts_\w+)(?:\{(.*?)\})?", rule["expr"])
    assert asked
    for name, matchers in asked:
        assert name in SAMPLES
        for label, value in re.findall(r'(\w+)=~?"(.*?)"', matchers):
            assert label in SAMPLES[name].labels
            assert set(value.split("|")) <= VALUES[label]
    assert {"alert", "expr", "labels", "annotations"} <= set(rule)


def test_there_are_alerts_and_a_scrape_with_a_token() -> None:
    assert len(list_rules()) >= 3
    (job,) = blocks()[0]["scrape_configs"]
    assert job["authorization"]["type"] == "Bearer"
    assert "credentials_file" in job["authorization"]


def test_no_page_names_a_metric_that_is_not_there() -> None:
    for path in DOCS.glob("*.md"):
        named = set(
            re.findall(r"`(accounts_\w+_(?:seconds|total|items|reason|ready|info)\w*)", path.read_text("utf-8"))
        )
        assert named <= SAMPLES.keys() | MEASURES.keys(), path.name


def test_every_code_of_health_has_a_row() -> None:
    health = (DOCS / "running.md").read_text(encoding="utf-8").partition("## Health")[2].partition("\n## ")[0]
    assert set(REASON_CODES) <= set(re.findall(r"`(\w+)`", health))
