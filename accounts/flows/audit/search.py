"""The audit log as admins read it: searched, filtered, paged by key, newest first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, or_, select

from accounts.core.audit import address_index, chain
from accounts.core.errors import N_, NotFound
from accounts.core.models.audit import AddressIndexRow, AuditRow
from accounts.core.security.throttle import client_network
from accounts.core.uow import UnitOfWork
from accounts.flows.shared import accounts
from accounts.flows.shared.fields import Cursor, Form, SearchText

PAGE = 50
MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)(?:Z|\+00:00)?)?", re.ASCII)
NO_MOMENT = N_("Write a day such as 2026-11-25, or a time in UTC such as 2026-11-25 13:30.")


def _moment(value: Any) -> Any:
    if value in ("", None):
        return None
    found = MOMENT.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2] or '00:00'}").replace(tzinfo=UTC)  # type: ignore[index] # None is caught below
    except (TypeError, ValueError):
        raise PydanticCustomError("moment", NO_MOMENT) from None


Moment = Annotated[
    datetime | None, BeforeValidator(_moment), Field(json_schema_extra={"input": "text", "hint": "moment"})
]


class AuditFilter(Form):
    """Which lines. Empty fields let everything through."""

    kind: SearchText = Field(default="", title=N_("Kind"), max_length=40, json_schema_extra={"maxlength": 40})
    account: SearchText = Field(default="", title=N_("Account"), max_length=254, json_schema_extra={"maxlength": 254})
    actor: SearchText = Field(default="", title=N_("Done by"), max_length=254, json_schema_extra={"maxlength": 254})
    network: SearchText = Field(default="", title=N_("Network"), max_length=64, json_schema_extra={"maxlength": 64})
    since: Moment = Field(default=None, title=N_("From"))
    until: Moment = Field(default=None, title=N_("Until"))


class AuditPage(AuditFilter):
    """Which lines, and behind which of them the page begins."""

    after: Cursor = ""


@dataclass(frozen=True, slots=True)
class Line:
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


COLUMNS = (
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


def page(uow: UnitOfWork, said: AuditPage, size: int = PAGE) -> tuple[list[Line], str]:
    """One page of lines, newest first, and the place behind which the next begins; "" where there is none."""
    lines = select(*COLUMNS).where(*conditions(uow, said))
    if said.after:
        lines = lines.where(chain.rows_before(*_read_place(said.after)))
    found = [
        Line(*row) for row in uow.fetch_all(lines.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(size + 1))
    ]
    return found[:size], place_of(found[size - 1]) if len(found) > size else ""


def history(uow: UnitOfWork, account_id: str, size: int = 20) -> list[Line]:
    """The newest lines about an account."""
    lines = select(*COLUMNS).where(AuditRow.account_id == account_id)
    return [Line(*row) for row in uow.fetch_all(lines.order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(size))]


def conditions(uow: UnitOfWork, said: AuditFilter) -> Sequence[ColumnElement[bool]]:
    """What a line must be like."""
    wanted: list[ColumnElement[bool]] = []
    if said.kind:
        within = AuditRow.kind.startswith(f"{said.kind.rstrip('.')}.", autoescape=True)
        wanted.append(or_(AuditRow.kind == said.kind, within))
    if said.account:
        wanted.append(_about(uow, said.account.strip()))
    if said.actor:
        wanted.append(AuditRow.actor == _id_of(uow, said.actor.strip()))
    if said.network:
        known = client_network(said.network.strip())
        wanted.append(AuditRow.network == (said.network.strip() if known == "unknown" else known))
    if said.since:
        wanted.append(AuditRow.at >= said.since)
    if said.until:
        wanted.append(AuditRow.at < said.until)
    return wanted


def _about(uow: UnitOfWork, who: str) -> ColumnElement[bool]:
    """Lines about an account by id, or about an address: of its account, and those that are marked with it."""
    key = accounts.get_email_key(who)
    if not key:
        return AuditRow.account_id == who
    marked = AuditRow.id.in_(
        select(AddressIndexRow.audit_id).where(AddressIndexRow.mark.in_(address_index.index_keys(uow.site, key)))
    )
    return or_(AuditRow.account_id == _id_of(uow, who), marked)


def _id_of(uow: UnitOfWork, who: str) -> str:
    try:
        return accounts.find_account(uow, who).id
    except NotFound:
        return "" if "@" in who else who


def place_of(line: Line) -> str:
    """The place of a line in the order of all."""
    return f"{round(line.at.timestamp() * 1_000_000)}.{line.id}"


def _read_place(text: str) -> tuple[datetime, str]:
    micros, _, id = text.partition(".")
    try:
        seconds, rest = divmod(int(micros), 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest), id
    except (ValueError, OverflowError, OSError):
        raise NotFound("no place in this list") from None
