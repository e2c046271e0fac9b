"""The audit log as admins read it: searched, filtered, paged by key, newest first."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, Select, false, func, or_, select, true, union_all

from accounts.core.audit import address_index
from accounts.core.database.page import Keyset, Page
from accounts.core.errors import NotFound
from accounts.core.messages import N_
from accounts.core.models.audit import AuditRow
from accounts.core.security.throttle import client_network
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import Form, PageForm, SearchText

NEWEST_FIRST = Keyset((AuditRow.at, AuditRow.id), descending=True)
OLDEST_FIRST = Keyset((AuditRow.at, AuditRow.id))
AuditOrder = Literal["newest", "oldest"]
KEYSETS: Mapping[AuditOrder, Keyset] = {"newest": NEWEST_FIRST, "oldest": OLDEST_FIRST}
TIMESTAMP_PATTERN = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?:Z|\+00:00)?)?", re.ASCII
)
BAD_TIMESTAMP_MESSAGE = N_("Enter a date like 2026-11-25, or a UTC date and time like 2026-11-25 13:30.")


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
    Field(json_schema_extra={"input": "datetime-local", "hint": "utc"}),
]


class AuditFilterForm(Form):
    """Which lines. Empty fields let everything through."""

    kind: SearchText = Field(default="", title=N_("Event"), max_length=40, json_schema_extra={"maxlength": 40})
    account: SearchText = Field(default="", title=N_("Account"), max_length=254, json_schema_extra={"maxlength": 254})
    actor: SearchText = Field(default="", title=N_("Done by"), max_length=254, json_schema_extra={"maxlength": 254})
    network: SearchText = Field(
        default="", title=N_("IP address"), max_length=64, json_schema_extra={"maxlength": 64}
    )
    since: OptionalTimestamp = Field(default=None, title=N_("From"))
    until: OptionalTimestamp = Field(default=None, title=N_("Until"))


class AuditSearchForm(AuditFilterForm, PageForm):
    """Which lines, in which order, and which page of them."""

    order: AuditOrder = Field(default="newest", json_schema_extra={"input": "hidden"})


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
    """Return one page of lines, in the order that was asked for."""
    event_filter, keyset = build_filter(uow, form), KEYSETS[form.order]
    page = keyset.fetch_page(
        lambda statement: uow.fetch_all(
            merge_alternatives(statement, event_filter.alternatives, limit=form.limit + 1, order=form.order)
        ),
        select(*EVENT_COLUMNS).where(*event_filter.conditions),
        limit=form.limit,
        after=keyset.parse_cursor(form.after),
    )
    return Page([AuditEvent(*row) for row in page.rows], page.next)


def list_account_events(uow: UnitOfWork, account_id: str, limit: int = 20) -> list[AuditEvent]:
    """Return the newest lines about an account."""
    statement = select(*EVENT_COLUMNS).where(AuditRow.account_id == account_id)
    return [
        AuditEvent(*row)
        for row in uow.fetch_all(statement.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(limit))
    ]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """What lines are searched for.

    :ivar alternatives: conditions of which a line meets one at most; an index answers each in the order of time.
    :ivar conditions: further conditions, which all hold.
    """

    alternatives: Sequence[ColumnElement[bool]]
    conditions: Sequence[ColumnElement[bool]]

    @property
    def all_conditions(self) -> Sequence[ColumnElement[bool]]:
        """The same as conditions that all hold."""
        return [or_(*self.alternatives), *self.conditions]


def merge_alternatives(
    statement: Select[Any], alternatives: Sequence[ColumnElement[bool]], *, limit: int, order: AuditOrder = "newest"
) -> Select[Any]:
    """Return a statement for the first lines that meet one of some conditions: the first of each, put together.

    With OR, a database reads all that they have and sorts it.

    :param statement: selects ``EVENT_COLUMNS`` in this order, at most ``limit``.
    """
    first, *others = (statement.where(each) for each in alternatives)
    if not others:
        return first
    merged = union_all(*(select(each.subquery()) for each in (first, *others))).subquery()
    columns = merged.c.at, merged.c.id
    return select(merged).order_by(*(each.desc() if order == "newest" else each for each in columns)).limit(limit)


def build_filter(uow: UnitOfWork, form: AuditFilterForm) -> EventFilter:
    """Return the conditions of a search in SQL. What is likely to have the fewest lines is asked first."""
    sets: list[Sequence[ColumnElement[bool]]] = []
    if form.account:
        sets.append(_build_subject_conditions(uow, form.account.strip()))
    if form.actor:
        sets.append([AuditRow.actor == _resolve_account_id(uow, form.actor.strip())])
    if form.network:
        network = client_network(form.network.strip())
        sets.append([AuditRow.network == (form.network.strip() if network == "unknown" else network)])
    if form.kind:
        sets.append(_build_kind_conditions(uow, form.kind))
    moments = [AuditRow.at >= form.since] if form.since else []
    moments += [AuditRow.at < form.until] if form.until else []
    first, *others = sets or [[true()]]
    return EventFilter(first, [*(or_(*each) for each in others), *moments])


def _build_kind_conditions(uow: UnitOfWork, kind: str) -> list[ColumnElement[bool]]:
    """Lines of a kind, and of those that begin with it and a dot."""
    prefix = f"{kind.rstrip('.')}."
    kinds = [each for each in list_kinds(uow) if each == kind or each.startswith(prefix)]
    return [AuditRow.kind == each for each in kinds] or [false()]


def list_kinds(uow: UnitOfWork) -> list[str]:
    """Return the kinds of which there are lines, those of a host app included, in alphabetical order."""
    # From one to the next by the index: DISTINCT would read all of it.
    kinds = select(func.min(AuditRow.kind).label("kind")).cte(recursive=True)
    following = select(func.min(AuditRow.kind)).where(AuditRow.kind > kinds.c.kind).scalar_subquery()
    kinds = kinds.union_all(select(following).where(kinds.c.kind.is_not(None)))
    return [row.kind for row in uow.fetch_all(select(kinds.c.kind)) if row.kind is not None]


def _build_subject_conditions(uow: UnitOfWork, identifier: str) -> list[ColumnElement[bool]]:
    """Lines about an account by id, or about an address: of its account, and those that are tagged with it."""
    email_key = accounts.get_email_key(identifier)
    if not email_key:
        return [AuditRow.account_id == identifier]
    account_id = _resolve_account_id(uow, identifier)
    return [AuditRow.account_id == account_id, *address_index.list_conditions(uow.site, email_key, account_id)]


def _resolve_account_id(uow: UnitOfWork, identifier: str) -> str:
    try:
        return accounts.find_account(uow, identifier).id
    except NotFound:
        return "" if "@" in identifier else identifier
