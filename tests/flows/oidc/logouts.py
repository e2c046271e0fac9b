"""An app that hears of sign-outs, and what is kept of them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from accounts.core.clock import now
from accounts.core.models.logout import AppLogout
from accounts.core.models.outbox import OutboxRow
from accounts.flows.oidc.signing_keys import SigningKeys
from tests.people import Service


def list_logouts(service: Service) -> list[AppLogout]:
    with service.uow() as uow:
        return list(uow.session.scalars(select(AppLogout).order_by(AppLogout.app_name, AppLogout.id)))


def claims_of(service: Service, token: str) -> dict[str, Any]:
    data = service.site.get(SigningKeys).verify(token)
    assert data is not None, "signed by one of the published keys"
    return dict(data)


def make_due(service: Service) -> None:
    with service.uow() as uow:
        uow.session.execute(update(OutboxRow).values(not_before=now()))
