"""Delete what has expired, every hour: apart from delivery, so that neither stops the other."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from accounts.core import logout_events, mail_lanes
from accounts.core.audit import address_index
from accounts.core.database import spent, terms
from accounts.core.site import Site
from accounts.delivery.survive import survive
from accounts.flows.audit import upkeep as audit_upkeep
from accounts.flows.helpdesk import bulk
from accounts.flows.invites import batches, shared
from accounts.flows.sessions import names
from accounts.flows.shared import grants, unreachable

SWEEP_SECONDS, RETRY_SECONDS, LOOK_SECONDS = 3600.0, 300.0, 3.0
"""Seconds between sweeps; until one that failed is tried again; between looks at the clock."""

_SWEEPS: tuple[Callable[[Site], object], ...] = (
    lambda site: spent.delete_expired(site.store.engine),
    lambda site: address_index.clear_old_tags(site.store.engine),
    lambda site: mail_lanes.delete_old_batches(site.store.engine),
    lambda site: logout_events.delete_old_logouts(site.store.engine),
    lambda site: names.delete_old_names(site.store.engine),
    lambda site: grants.delete_expired_grants(site.store.engine),
    lambda site: unreachable.delete_stale_marks(site.store.engine),
    lambda site: site.throttle.delete_expired(),
    batches.delete_stale_batches,
    shared.delete_old_shared_invites,
    bulk.delete_stale_bulk_acts,
    lambda site: terms.update_all_terms(site.store.engine),
    audit_upkeep.maintain_audit_log,
)


def sweep(site: Site) -> bool:
    """Delete what has expired, and return whether all of it could be. One kind that fails stops no other."""
    is_whole = True
    for delete_expired in _SWEEPS:
        with survive("sweep") as attempt:
            delete_expired(site)
        is_whole = is_whole and not attempt.failed
    return is_whole


def sweep_hourly(site: Site, stop: threading.Event) -> None:
    """Sweep at once and then every hour, until ``stop`` is set."""
    due_at = -math.inf
    while not stop.is_set():
        site.note_heartbeat("sweep")
        if time.monotonic() >= due_at:
            due_at = time.monotonic() + (SWEEP_SECONDS if sweep(site) else RETRY_SECONDS)
        stop.wait(LOOK_SECONDS)
