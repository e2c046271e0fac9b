"""Look up who the lines of the audit log are about: the log itself holds ids, and no address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from accounts.core.audit.chain import PSEUDONYM_PREFIX
from accounts.core.models.account import Account
from accounts.core.models.apps import App
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.search import AuditEvent


@dataclass(frozen=True, slots=True)
class AuditPerson:
    """An account that is there today, as it is called today."""

    email: str
    name: str


def find_people(uow: UnitOfWork, events: Iterable[AuditEvent]) -> Mapping[str, AuditPerson]:
    """Return the accounts that some lines name, by id, in one statement. A deleted one is missing.

    Of a pseudonym nobody is looked up: it leads to nobody.
    """
    named = {id for event in events for id in (event.account, event.actor) if id}
    ids = sorted(id for id in named if not id.startswith(PSEUDONYM_PREFIX))
    if not ids:
        return {}
    statement = select(Account.id, Account.email, Account.name).where(Account.id.in_(ids))
    return {id: AuditPerson(email, name) for id, email, name in uow.fetch_all(statement)}


def find_app_names(uow: UnitOfWork, events: Iterable[AuditEvent]) -> Mapping[str, str]:
    """Return the names of the apps that some lines name, by id, in one statement; none where no line names one."""
    ids = sorted({event.app for event in events if event.app})
    if not ids:
        return {}
    rows = uow.fetch_all(select(App.id, App.name).where(App.id.in_(ids)))
    return {row.id: row.name for row in rows}
