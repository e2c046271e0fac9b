"""Verify the chain over the audit log: reads the database alone, in batches, and needs no server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from accounts.core.audit import chain
from accounts.core.clock import now
from accounts.core.database.sql import fetch_in_batches
from accounts.core.models.audit import AuditChainRow, AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.retention import MIN_DAYS_WITH_PERSON
from accounts.flows.audit.search import EVENT_COLUMNS

ROWS_PER_BATCH = 1000
MAX_FINDINGS = 100
MIN_PSEUDONYM_AGE = timedelta(days=MIN_DAYS_WITH_PERSON)


@dataclass(frozen=True, slots=True)
class ChainFinding:
    """One deviation from the chain.

    :ivar kind: ``changed``, ``missing``, ``inserted``: a line; ``unlinked``: a chain row; ``unproven``: the end of
        the chain; ``other-head``: it does not lead through the head that was noted.
    """

    kind: str
    number: int
    audit_id: str


@dataclass
class ChainReport:
    """What was found. ``findings`` are the first; ``finding_count`` counts all."""

    sealed: int = 0
    pseudonymized: int = 0
    unsealed: int = 0
    head: str = ""
    finding_count: int = 0
    findings: list[ChainFinding] = field(default_factory=list)

    def add_finding(self, kind: str, number: int, audit_id: str = "") -> None:
        """Note one more."""
        self.finding_count += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(ChainFinding(kind, number, audit_id))


def verify_chain(uow: UnitOfWork, expected_head: str = "") -> ChainReport:
    """Compare every line with its seal.

    :param expected_head: a head that was printed before, ``number:digest``: the only thing that shows whether the
        end of the log was cut off together with its seals.
    """
    report = ChainReport()
    previous_digest, last_row = chain.GENESIS_DIGEST, None
    proven_number, matched_heads = 0, set()
    for chain_row, event in _iter_sealed_events(uow):
        report.sealed += 1
        if chain_row.number != (last_row.number if last_row else 0) + 1:
            report.add_finding("unlinked", chain_row.number, chain_row.audit_id)
        _check_event(report, previous_digest, chain_row, event)
        if chain_row.proof and chain.check_proof(uow.site, chain_row) is False:
            report.add_finding("unproven", chain_row.number, chain_row.audit_id)
        elif chain_row.proof and chain.check_proof(uow.site, chain_row):
            proven_number = chain_row.number
        if expected_head and expected_head == _format_head(chain_row):
            matched_heads.add(expected_head)
        previous_digest, last_row = chain_row.digest, chain_row
    if last_row is not None:
        report.head = _format_head(last_row)
        if proven_number != last_row.number:
            report.add_finding("unproven", last_row.number, last_row.audit_id)
    if expected_head and expected_head not in matched_heads:
        report.add_finding(
            "other-head", int(expected_head.partition(":")[0]) if expected_head.partition(":")[0].isdecimal() else 0
        )
    _find_inserted(uow, report, last_row)
    return report


def _check_event(report: ChainReport, previous_digest: str, chain_row: Any, event: Any) -> None:
    if event is None:
        report.add_finding("missing", chain_row.number, chain_row.audit_id)
        return
    if chain_row.salt is None:
        report.pseudonymized += 1
        identifiers = [value for value in (event.account_id, event.actor, event.network) if value]
        # One that is too young to be pruned was not pruned by us.
        is_intact = (
            all(value.startswith(chain.PSEUDONYM_PREFIX) for value in identifiers)
            and chain_row.at < now() - MIN_PSEUDONYM_AGE
        )
    else:
        is_intact = chain.personal_digest(event, chain_row.salt) == chain_row.personal
    if not is_intact or chain.chained_digest(previous_digest, chain_row, event) != chain_row.digest:
        report.add_finding("changed", chain_row.number, chain_row.audit_id)


def _format_head(chain_row: Any) -> str:
    return f"{chain_row.number}:{chain_row.digest}"


def _iter_sealed_events(uow: UnitOfWork) -> Iterator[tuple[Any, Any]]:
    """Yield the chain rows in order, each with its line or None. One batch is held at a time."""
    columns = (
        AuditChainRow.number,
        AuditChainRow.audit_id.label("audit_id"),
        AuditChainRow.at,
        AuditChainRow.personal,
        AuditChainRow.salt,
        AuditChainRow.digest,
        AuditChainRow.key,
        AuditChainRow.proof,
    )
    number = AuditChainRow.number
    for rows in fetch_in_batches(
        uow.site.store.engine, select(*columns), (number,), lambda row: number > row.number, ROWS_PER_BATCH
    ):
        events_by_id = {
            row.id: row
            for row in uow.fetch_all(select(*EVENT_COLUMNS).where(AuditRow.id.in_([each.audit_id for each in rows])))
        }
        for each in rows:
            yield each, events_by_id.get(each.audit_id)


def _find_inserted(uow: UnitOfWork, report: ChainReport, last_row: Any) -> None:
    unsealed = select(AuditRow.id).outerjoin(AuditChainRow, AuditChainRow.audit_id == AuditRow.id)
    unsealed = unsealed.where(AuditChainRow.number.is_(None))
    if last_row is None:
        report.unsealed = uow.fetch_all(select(func.count()).select_from(AuditRow))[0][0]
        return
    before_head = chain.rows_before(last_row.at, last_row.audit_id)
    for row in uow.fetch_all(unsealed.where(before_head).order_by(AuditRow.at, AuditRow.id).limit(MAX_FINDINGS)):
        report.add_finding("inserted", 0, row.id)
    after_head = unsealed.where(chain.rows_after(last_row.at, last_row.audit_id)).subquery()
    report.unsealed = uow.fetch_all(select(func.count()).select_from(after_head))[0][0]
