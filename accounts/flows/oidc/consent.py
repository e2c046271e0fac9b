"""Keep consent: asked once, stored as a fact, revoked at will."""

from __future__ import annotations

from sqlalchemy import select

from accounts.core.clock import now
from accounts.core.models.apps import Consent
from accounts.core.uow import UnitOfWork
from accounts.flows.oidc.request import AuthorizationRequest


def is_consent_due(uow: UnitOfWork, request: AuthorizationRequest, account_id: str) -> bool:
    """Return whether the user must be asked: a trusted client needs no consent, unless it asks for it itself."""
    if "consent" in request.prompt:
        return True
    return not request.app.trusted and not set(request.consent_scopes) <= _consented_scopes(uow, request, account_id)


def record_consent(uow: UnitOfWork, request: AuthorizationRequest, account_id: str) -> None:
    """Keep what was agreed to, beside what was agreed to before."""

    def work() -> None:
        row = uow.session.get(Consent, (account_id, request.app.id))
        scope = " ".join(sorted({*request.consent_scopes, *(row.scope.split() if row else ())}))
        if row is None:
            uow.session.add(Consent(account_id=account_id, app_id=request.app.id, scope=scope))
        elif row.scope != scope:
            row.scope, row.given_at = scope, now()
        uow.record_event("app.consent", account_id=account_id, app_id=request.app.id, facts={"scope": scope})

    uow.attempt(work)


def _consented_scopes(uow: UnitOfWork, request: AuthorizationRequest, account_id: str) -> set[str]:
    conditions = (Consent.account_id == account_id, Consent.app_id == request.app.id)
    rows = uow.fetch_all(select(Consent.scope).where(*conditions))
    return set(rows[0][0].split()) if rows else set()
