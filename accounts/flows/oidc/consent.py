"""What people let apps know: asked once, kept as a fact, taken back at will."""

from __future__ import annotations

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.models.apps import Consent
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.request import Asked


def is_due(uow: UnitOfWork, asked: Asked, account_id: str) -> bool:
    """Whether the person must be asked: an app of the house is trusted, unless it wants them asked itself."""
    if "consent" in asked.prompt:
        return True
    return not asked.app.trusted and not set(asked.agreed_to) <= _given(uow, asked, account_id)


def give(uow: UnitOfWork, asked: Asked, account_id: str) -> None:
    """Keep what was agreed to, beside what was agreed to before."""

    def work() -> None:
        row = uow.session.get(Consent, (account_id, asked.app.id))
        words = " ".join(sorted({*asked.agreed_to, *(row.scope.split() if row else ())}))
        if row is None:
            uow.session.add(Consent(account_id=account_id, app_id=asked.app.id, scope=words))
        elif row.scope != words:
            row.scope, row.given_at = words, now()
        uow.record_event("app.consent", account_id=account_id, app_id=asked.app.id, facts={"scope": words})

    uow.attempt(work)


def _given(uow: UnitOfWork, asked: Asked, account_id: str) -> set[str]:
    where = (Consent.account_id == account_id, Consent.app_id == asked.app.id)
    rows = uow.fetch_all(select(Consent.scope).where(*where))
    return set(rows[0][0].split()) if rows else set()
