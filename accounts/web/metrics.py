"""Tell the metrics of Prometheus (and OpenMetrics): what holds for the installation, and what this process has done.

Who may read them knows how busy the service is, and could watch from the figures what one request to it has caused:
they are for the operator, who has the token (RFC 6750). There is no session and no cookie, and nothing is changed.
"""

from __future__ import annotations

import hmac
import platform
import re
from collections.abc import Iterable, Iterator

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import SQLAlchemyError

from accounts.config import Settings
from accounts.core.errors import InvalidToken, NotFound
from accounts.core.mail_lanes import MAIL_LANES
from accounts.core.meters import PROCESS_MEASURES, Measure
from accounts.core.site import Site
from accounts.flows.helpdesk.health import REASON_CODES, Health, measure_health
from accounts.flows.helpdesk.mail_lanes import PAUSE_CLASSES, classify_pause
from accounts.flows.helpdesk.outbox_counts import MAX_COUNTED, count_outbox, count_unreachable
from accounts.version import __version__
from accounts.web.kit import context
from accounts.web.kit.plain_response import PlainResponse

READY = Measure("accounts_ready", "gauge", "1 where the service can work, 0 where `/health/ready` answers 503")
REASON = Measure(
    "accounts_health_reason", "gauge", "1 for each code that `/health/ready` names now, 0 for all others", ("code",)
)
OUTBOX = Measure(
    "accounts_outbox_items",
    "gauge",
    "Emails and callbacks by lane and state: due (their time has come), later (put off), failed (given up); "
    f"{MAX_COUNTED} stands for any more, too",
    ("lane", "state"),
)
OLDEST_DUE = Measure(
    "accounts_mail_oldest_due_seconds",
    "gauge",
    "How long the oldest email is due that somebody waits for and no worker has taken; 0 where there is none",
)
LANE_PAUSED = Measure(
    "accounts_mail_lane_paused",
    "gauge",
    "1 where a lane of mail stands still, by what paused it: admin, unreachable (no mail server), refused (by it)",
    ("lane", "reason"),
)
UNREACHABLE = Measure("accounts_mail_unreachable_addresses", "gauge", "Addresses from which mail came back for good")
CLOCK_OFFSET = Measure("accounts_clock_offset_seconds", "gauge", "By how much the clock is ahead of the database's")
DATABASE_INFO = Measure(
    "accounts_database_info", "gauge", "Always 1; the version of the tables", ("dialect", "revision")
)
BUILD_INFO = Measure(
    "accounts_build_info", "gauge", "Always 1; the versions of this service and of Python", ("version", "python")
)
SITE_MEASURES = (
    READY,
    REASON,
    OUTBOX,
    OLDEST_DUE,
    LANE_PAUSED,
    UNREACHABLE,
    CLOCK_OFFSET,
    DATABASE_INFO,
    BUILD_INFO,
)

_WELL_FORMED_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){2}", re.ASCII)


def metrics() -> PlainResponse:
    """Return the metrics, in the format that was asked for."""
    state = context.state()
    state.format = "json"
    _check_access(state.site.settings, state.header("AUTHORIZATION"))
    # In development without a token, where nothing was measured before somebody looks.
    state.site.meters.start()
    encode, media_type = choose_encoder(_read_accept(state.header("ACCEPT")))
    return PlainResponse(encode(_Reading(state.site)), 200, [("Content-Type", media_type)])


def _check_access(settings: Settings, authorization: str) -> None:
    """Let who has the token pass, and in development everybody, if none is set.

    :raises NotFound: none is set.
    :raises InvalidToken: another one was sent, or none.
    """
    if settings.metrics_token is None:
        if settings.env != "development":
            raise NotFound("ACCOUNTS_METRICS_TOKEN is not set")
        return
    scheme, _, token = authorization.partition(" ")
    if not authorization:
        raise InvalidToken("no token was sent")
    # As bytes: of texts that are not ASCII it compares nothing.
    is_right = hmac.compare_digest(token.strip().encode(), settings.metrics_token.encode())
    if scheme.lower() != "bearer" or not is_right:
        raise InvalidToken("not the token of ACCOUNTS_METRICS_TOKEN", is_sent=True)


def _read_accept(header: str) -> str:
    """Return what the library can read of an Accept header: a version that is none would be an error of its own."""
    return ",".join(each for each in header.split(",") if _names_no_odd_version(each))


def _names_no_odd_version(accepted: str) -> bool:
    parameters = [each.strip().partition("=") for each in accepted.split(";")]
    return all(_WELL_FORMED_VERSION.fullmatch(value) for name, _, value in parameters if name == "version")


class _Reading:
    """What one scrape reads: a collector of the library."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. What the database does not tell is left out; that it does not is told."""
        health = measure_health(self._site)
        known = list(_read_site(self._site, health)) if health.not_ready is None else []
        codes = {each["code"] for each in health.list_reasons()}
        yield _gauge(READY, [((), health.not_ready is None)])
        yield _gauge(REASON, [((code,), code in codes) for code in REASON_CODES])
        yield _gauge(BUILD_INFO, [((__version__, platform.python_version()), 1)])
        yield from known
        yield from self._site.meters.collect()


def _read_site(site: Site, health: Health) -> Iterator[Metric]:
    paused = {(state.lane, classify_pause(state)) for state in health.paused_lanes}
    causes = [(lane, cause) for lane in MAIL_LANES for cause in PAUSE_CLASSES]
    yield _gauge(DATABASE_INFO, [((site.store.engine.dialect.name, health.revision), 1)])
    yield _gauge(OLDEST_DUE, [((), health.oldest_due or 0)])
    yield _gauge(LANE_PAUSED, [(each, each in paused) for each in causes])
    yield _gauge(CLOCK_OFFSET, [((), health.clock_offset)])
    try:
        yield _gauge(OUTBOX, count_outbox(site.store.engine).items())
        yield _gauge(UNREACHABLE, [((), count_unreachable(site.store.engine))])
    except SQLAlchemyError:
        # Away since it was asked how it is: the next scrape tells so.
        return


def _gauge(measure: Measure, values: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(measure.name, measure.meaning, labels=measure.labels)
    for labels, value in values:
        family.add_metric(labels, float(value))
    return family


def format_metrics_table() -> str:
    """Return the table of all metrics of ours, in Markdown."""
    lines = ["| metric | type | labels | what it is |", "|---|---|---|---|"]
    for each in (*SITE_MEASURES, *PROCESS_MEASURES):
        labels = ", ".join(f"`{label}`" for label in each.labels)
        lines.append(f"| `{each.name}` | {each.kind} | {labels} | {each.meaning} |")
    return "\n".join(lines) + "\n"
