"""Tell load balancers and operators whether the process is alive, ready, and well."""

from __future__ import annotations

import logging
from typing import Any

from flask import Response

from accounts.core.site import Site
from accounts.flows.helpdesk.health import Health, measure_health
from accounts.web.kit.context import site
from accounts.web.kit.reply import to_json
from accounts.web.kit.routes import HTML, Routes

log = logging.getLogger("accounts.health")
routes: Routes = Routes()

RETRY_SECONDS = 5


@routes.get("/health/live", formats=HTML)
def live() -> Response:
    """Tell that the process answers."""
    return Response(to_json({"status": "ok"}), content_type="application/json")


@routes.get("/health/ready", formats=HTML)
def ready() -> Response:
    """Tell whether the process can work (503 where not), and whether letters, threads and clock are well.

    What is wrong is told by codes. The whole reason is in the log, not for strangers.
    """
    here = site()
    health = measure_health(here)
    here.get(_Teller).tell(health)
    answer: dict[str, Any] = {"status": health.status}
    if reasons := health.list_reasons():
        answer["reasons"] = reasons
    if health.status == "degraded":
        # Only here: while all is well, the age of the last letter would tell whether an address has an account.
        answer |= {"oldest_due_seconds": health.oldest_due, "threads": health.silences}
    if health.not_ready is None:
        return Response(to_json(answer), content_type="application/json")
    return Response(to_json(answer), 503, {"Retry-After": str(RETRY_SECONDS)}, content_type="application/json")


class _Teller:
    """Tells the log when the state of an installation changes: probes come every few seconds."""

    def __init__(self, here: Site) -> None:
        self._last: tuple[str, ...] = ("ok",)

    def tell(self, health: Health) -> None:
        """Write one line where status and codes are others than at the last probe."""
        state = (health.status, *(each["code"] for each in health.list_reasons()))
        if state != self._last:
            self._last = state
            level, details = logging.INFO if health.status == "ok" else logging.WARNING, health.describe()
            log.log(level, "%s%s", health.status, details and f": {details}")
