"""Append to the audit log in the transaction of the change itself. Lines are never altered; tags go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from accounts.core.clock import now
from accounts.core.database import sql
from accounts.core.database.sql import CompiledStatement, Executor
from accounts.core.ids import new_id
from accounts.core.models.audit import AuditRow

_INSERT_EVENT = CompiledStatement(insert(AuditRow))


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """Who makes a request, as far as it is known.

    :ivar account_id: the signed-in account; None for visitors, for the worker and for the operator.
    :ivar network: client address, IPv6 cut to its /64.
    :ivar agent: short form of the user agent, free of control characters.
    """

    account_id: str | None = None
    network: str = ""
    agent: str = ""
    request_id: str = ""
    locale: str = "en"


def build_event(
    request_info: RequestInfo,
    kind: str,
    *,
    account_id: str | None = None,
    link_id: str | None = None,
    app_id: str | None = None,
    facts: Mapping[str, Any] | None = None,
    address_tag: str | None = None,
    event_id: str = "",
) -> dict[str, Any]:
    """Return one event as a row of the table, keyed by column.

    :param facts: JSON; never holds a secret, a token, or what a visitor typed.
    :param address_tag: of the address that it is about, from :func:`address_index.make_tag`.
    :param event_id: a random id under which the line is looked for; by default one of its own.
    """
    return {
        "id": event_id or new_id(),
        "at": now(),
        "kind": kind,
        "account": account_id,
        "actor": request_info.account_id,
        "app": app_id,
        "link_id": link_id,
        "network": request_info.network,
        "agent": request_info.agent,
        "request_id": request_info.request_id,
        "facts": dict(facts or {}),
        "address_tag": address_tag,
    }


def append_events(executor: Executor, events: Sequence[Mapping[str, Any]]) -> None:
    """Insert events, as :func:`build_event` returns them, in a transaction under way."""
    if len(events) == 1:
        _INSERT_EVENT.run(executor, events[0])
    else:
        _INSERT_EVENT.run_for_each(executor, events)


def append_event_for_each(
    session: Session, request_info: RequestInfo, kind: str, account_ids: Iterable[str], facts: Mapping[str, Any]
) -> None:
    """Insert one event of a kind for each of many accounts, in one statement."""
    shared = {
        "kind": kind,
        "actor": request_info.account_id,
        "network": request_info.network,
        "agent": request_info.agent,
    }
    rows = [
        {**shared, "request_id": request_info.request_id, "facts": dict(facts), "account": account_id}
        for account_id in account_ids
    ]
    if rows:
        # By the table, not through the ORM: a third of the time.
        table: Any = AuditRow.__table__
        sql.insert_rows(session.connection(), table, rows)
