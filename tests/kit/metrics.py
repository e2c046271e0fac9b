"""What a scrape of ``/metrics`` says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from tests.people import Service

TOKEN = "metrics-7f3b9c1e5a8d2046-of-a-test"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5"


class Scrape:
    """The samples of an answer, by name and labels."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self.families = {each.name: each for each in families}
        self.samples = {
            (each.name, frozenset(each.labels.items())): each.value
            for family in self.families.values()
            for each in family.samples
        }

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one sample; None where there is none."""
        return self.samples.get((name, frozenset(labels.items())))

    def nonzero(self, name: str, *names: str) -> dict[tuple[str, ...], float]:
        """What the samples of a name say that are not 0, by the labels of these names."""
        return {
            tuple(dict(labels)[label] for label in names): value
            for (each, labels), value in self.samples.items()
            if each == name and value
        }

    def labelled(self, name: str, label: str) -> dict[str, float]:
        """What the samples of a name say, by one of their labels, summed up."""
        found: dict[str, float] = {}
        for (each, labels), value in self.samples.items():
            if each == name:
                key = dict(labels)[label]
                found[key] = found.get(key, 0) + value
        return found


def read_scrape(text: str, media_type: str) -> Scrape:
    """What an answer says, by the parser of its format."""
    is_openmetrics = media_type.startswith("application/openmetrics-text")
    parse: Any = parse_openmetrics if is_openmetrics else parse_text
    return Scrape(parse(text))


def scrape(service: Service, headers: Mapping[str, str] = {}) -> Scrape:
    """What a service tells now."""
    answer = service.person().get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    return read_scrape(answer.text, answer.headers["Content-Type"])
