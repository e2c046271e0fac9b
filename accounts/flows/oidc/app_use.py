"""Count who uses apps: what stands in the list of them, and what is asked about before one is taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, func, literal, select, union, union_all

from accounts.core.clock import now
from accounts.core.database.page import FEW_ROWS
from accounts.core.models.apps import Consent, Grant
from accounts.core.models.audit import AuditRow
from accounts.core.uow import UnitOfWork

APPS_PER_STATEMENT = 50
USE_EVENTS = ("app.sign-in", "app.entered")


@dataclass(frozen=True, slots=True)
class AppUse:
    """Who uses one app.

    :ivar users: accounts that have agreed to it or are signed in to it: up to :data:`FEW_ROWS`, one more for
        more.
    :ivar sign_ins: sign-ins to it of which tokens are live, counted likewise.
    :ivar last_used_at: when somebody last signed in to it; None where none of the newest sign-ins to any app was.
    """

    users: int
    sign_ins: int
    last_used_at: datetime | None


def count_app_use(uow: UnitOfWork, app_ids: Sequence[str]) -> dict[str, AppUse]:
    """Return who uses some apps, by their ids. It costs the same however many people do."""
    last_used = _find_last_use(uow, app_ids)
    counts: dict[str, tuple[int, int]] = {}
    for start in range(0, len(app_ids), APPS_PER_STATEMENT):
        portion = app_ids[start : start + APPS_PER_STATEMENT]
        statement = union_all(*(_select_counts(app_id) for app_id in portion))
        counts |= {
            app_id: (min(users, FEW_ROWS + 1), sign_ins) for app_id, users, sign_ins in uow.fetch_all(statement)
        }
    return {app_id: AppUse(*counts[app_id], last_used.get(app_id)) for app_id in app_ids}


def _select_counts(app_id: str) -> Select[Any]:
    live = (Grant.app_id == app_id, Grant.revoked_at.is_(None), Grant.expires_at > now())
    most = FEW_ROWS + 1
    agreed = select(Consent.account_id).where(Consent.app_id == app_id).limit(most).subquery()
    signed_in = select(Grant.account_id).where(*live).distinct().limit(most).subquery()
    users = union(select(agreed.c.account_id), select(signed_in.c.account_id)).subquery()
    sign_ins = select(Grant.id).where(*live).limit(most).subquery()
    return select(
        literal(app_id, String),
        select(func.count()).select_from(users).scalar_subquery(),
        select(func.count()).select_from(sign_ins).scalar_subquery(),
    )


def _find_last_use(uow: UnitOfWork, app_ids: Iterable[str]) -> dict[str, datetime]:
    # The log has no index by app: the newest lines of the kind are read, by its index of kind and time.
    wanted, found = set(app_ids), dict[str, datetime]()
    for kind in USE_EVENTS:
        newest = select(AuditRow.app, AuditRow.at).where(AuditRow.kind == kind)
        for app_id, at in uow.fetch_all(newest.order_by(AuditRow.at.desc()).limit(FEW_ROWS)):
            if app_id in wanted and (app_id not in found or found[app_id] < at):
                found[app_id] = at
    return found
