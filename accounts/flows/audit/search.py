"""The audit log as admins read it: searched, filtered, paged by key, newest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, or_, select

from accounts.core.audit import address_index
from accounts.core.database.page import Keyset, Page
from accounts.core.errors import N_, NotFound
from accounts.core.models.audit import AuditRow
from accounts.core.security.throttle import client_network
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import Form, PageForm, SearchText

NEWEST_FIRST = Keyset((AuditRow.at, AuditRow.id), descending=True)
TIMESTAMP_PATTERN = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?:Z|\+00:00)?)?", re.ASCII
)
BAD_TIMESTAMP_MESSAGE = N_("Write a day such as 2026-11-25, or a time in UTC such as 2026-11-25 13:30.")


def _parse_timestamp(value: Any) -> Any:
    if value in ("", None):
        return None
    match = TIMESTAMP_PATTERN.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return datetime.fromisoformat(f"{match[1]}T{match[2] or '00:00'}").replace(tzinfo=UTC)  # type: ignore[index] # None is caught below
    except (TypeError, ValueError):
        raise PydanticCustomError("moment", BAD_TIMESTAMP_MESSAGE) from None


OptionalTimestamp = Annotated[
    datetime | None,
    BeforeValidator(_parse_timestamp),
    WithJsonSchema({"type": "string"}),
    Field(json_schema_extra={"input": "text", "hint": "moment"}),
]


class AuditFilterForm(Form):
    """Which lines. Empty fields let everything through."""

    kind: SearchText = Field(default="", title=N_("Kind"), max_length=40, json_schema_extra={"maxlength": 40})
    account: SearchText = Field(default="", title=N_("Account"), max_length=254, json_schema_extra={"maxlength": 254})
    actor: SearchText = Field(default="", title=N_("Done by"), max_length=254, json_schema_extra={"maxlength": 254})
    network: SearchText = Field(default="", title=N_("Network"), max_length=64, json_schema_extra={"maxlength": 64})
    since: OptionalTimestamp = Field(default=None, title=N_("From"))
    until: OptionalTimestamp = Field(default=None, title=N_("Until"))


class AuditSearchForm(AuditFilterForm, PageForm):
    """Which lines, and which page of them."""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One line of the audit log. ``actor`` did it to ``account``; both are ids, or pseudonyms of old."""

    id: str
    at: datetime
    kind: str
    account: str | None
    actor: str | None
    app: str | None
    link_id: str | None
    network: str
    agent: str
    request_id: str
    facts: dict[str, Any]


EVENT_COLUMNS = (
    AuditRow.id,
    AuditRow.at,
    AuditRow.kind,
    AuditRow.account_id.label("account_id"),
    AuditRow.actor,
    AuditRow.app,
    AuditRow.link_id,
    AuditRow.network,
    AuditRow.agent,
    AuditRow.request_id,
    AuditRow.facts,
)


def search_events(uow: UnitOfWork, form: AuditSearchForm) -> Page[AuditEvent]:
    """Return one page of lines, newest first."""
    page = NEWEST_FIRST.fetch_page(
        uow.fetch_all,
        select(*EVENT_COLUMNS).where(*build_conditions(uow, form)),
        limit=form.limit,
        after=NEWEST_FIRST.parse_cursor(form.after),
    )
    return Page([AuditEvent(*row) for row in page.rows], page.next)


def list_account_events(uow: UnitOfWork, account_id: str, limit: int = 20) -> list[AuditEvent]:
    """Return the newest lines about an account."""
    statement = select(*EVENT_COLUMNS).where(AuditRow.account_id == account_id)
    return [
        AuditEvent(*row)
        for row in uow.fetch_all(statement.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(limit))
    ]


def build_conditions(uow: UnitOfWork, form: AuditFilterForm) -> Sequence[ColumnElement[bool]]:
    """Return the SQL conditions of a search."""
    conditions: list[ColumnElement[bool]] = []
    if form.kind:
        has_prefix = AuditRow.kind.startswith(f"{form.kind.rstrip('.')}.", autoescape=True)
        conditions.append(or_(AuditRow.kind == form.kind, has_prefix))
    if form.account:
        conditions.append(_build_subject_condition(uow, form.account.strip()))
    if form.actor:
        conditions.append(AuditRow.actor == _resolve_account_id(uow, form.actor.strip()))
    if form.network:
        network = client_network(form.network.strip())
        conditions.append(AuditRow.network == (form.network.strip() if network == "unknown" else network))
    if form.since:
        conditions.append(AuditRow.at >= form.since)
    if form.until:
        conditions.append(AuditRow.at < form.until)
    return conditions


def _build_subject_condition(uow: UnitOfWork, identifier: str) -> ColumnElement[bool]:
    """Lines about an account by id, or about an address: of its account, and those that are tagged with it."""
    email_key = accounts.get_email_key(identifier)
    if not email_key:
        return AuditRow.account_id == identifier
    is_about_account = AuditRow.account_id == _resolve_account_id(uow, identifier)
    return or_(is_about_account, address_index.is_about_address(uow.site, email_key))


def _resolve_account_id(uow: UnitOfWork, identifier: str) -> str:
    try:
        return accounts.find_account(uow, identifier).id
    except NotFound:
        return "" if "@" in identifier else identifier
