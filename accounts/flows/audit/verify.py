"""Whether the audit log is as it was sealed: reads the store alone, in batches, and needs no server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from accounts.core.audit import chain
from accounts.core.clock import now
from accounts.core.models.audit import AuditChainRow, AuditRow
from accounts.core.uow import UnitOfWork
from accounts.flows.audit.retention import LEAST_DAYS
from accounts.flows.audit.search import COLUMNS

BATCH = 1000
MOST_TOLD = 100
YOUNGEST_PRUNED = timedelta(days=LEAST_DAYS)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was sealed.

    :ivar what: ``changed``, ``missing``, ``inserted``: a line; ``unlinked``: a seal; ``unproven``: the end of the
        chain; ``other-head``: it does not lead through the head that was noted.
    """

    what: str
    number: int
    line: str


@dataclass
class Verdict:
    """What was found. ``findings`` are the first; ``wrong`` counts all."""

    sealed: int = 0
    pruned: int = 0
    unsealed: int = 0
    head: str = ""
    wrong: int = 0
    findings: list[Finding] = field(default_factory=list)

    def add(self, what: str, number: int, line: str = "") -> None:
        """Note one more."""
        self.wrong += 1
        if len(self.findings) < MOST_TOLD:
            self.findings.append(Finding(what, number, line))


def verify(uow: UnitOfWork, noted: str = "") -> Verdict:
    """Compare every line with its seal.

    :param noted: a head that was printed before, ``number:digest``: the only thing that shows whether the end of the
        log was cut off together with its seals.
    """
    verdict = Verdict()
    before, last = chain.GENESIS_DIGEST, None
    proven_to, heads = 0, set()
    for seal, line in _sealed(uow):
        verdict.sealed += 1
        if seal.number != (last.number if last else 0) + 1:
            verdict.add("unlinked", seal.number, seal.audit_id)
        _compare(verdict, before, seal, line)
        if seal.proof and chain.check_proof(uow.site, seal) is False:
            verdict.add("unproven", seal.number, seal.audit_id)
        elif seal.proof and chain.check_proof(uow.site, seal):
            proven_to = seal.number
        if noted and noted == _head(seal):
            heads.add(noted)
        before, last = seal.digest, seal
    if last is not None:
        verdict.head = _head(last)
        if proven_to != last.number:
            verdict.add("unproven", last.number, last.audit_id)
    if noted and noted not in heads:
        verdict.add("other-head", int(noted.partition(":")[0]) if noted.partition(":")[0].isdecimal() else 0)
    _find_inserted(uow, verdict, last)
    return verdict


def _compare(verdict: Verdict, before: str, seal: Any, line: Any) -> None:
    if line is None:
        verdict.add("missing", seal.number, seal.audit_id)
        return
    if seal.salt is None:
        verdict.pruned += 1
        told = [value for value in (line.account_id, line.actor, line.network) if value]
        # One that is too young to be pruned was not pruned by us.
        right = all(value.startswith(chain.PSEUDONYM_PREFIX) for value in told) and seal.at < now() - YOUNGEST_PRUNED
    else:
        right = chain.personal_digest(line, seal.salt) == seal.personal
    if not right or chain.chained_digest(before, seal, line) != seal.digest:
        verdict.add("changed", seal.number, seal.audit_id)


def _head(seal: Any) -> str:
    return f"{seal.number}:{seal.digest}"


def _sealed(uow: UnitOfWork) -> Iterator[tuple[Any, Any]]:
    """The seals in order, each with its line or None. One batch is held at a time."""
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
    number = -1
    while True:
        rows = uow.fetch_all(
            select(*columns).where(AuditChainRow.number > number).order_by(AuditChainRow.number).limit(BATCH)
        )
        if not rows:
            return
        lines = {
            row.id: row
            for row in uow.fetch_all(select(*COLUMNS).where(AuditRow.id.in_([each.audit_id for each in rows])))
        }
        for each in rows:
            yield each, lines.get(each.audit_id)
        number = rows[-1].number


def _find_inserted(uow: UnitOfWork, verdict: Verdict, last: Any) -> None:
    unsealed = select(AuditRow.id).outerjoin(AuditChainRow, AuditChainRow.audit_id == AuditRow.id)
    unsealed = unsealed.where(AuditChainRow.number.is_(None))
    if last is None:
        verdict.unsealed = uow.fetch_all(select(func.count()).select_from(AuditRow))[0][0]
        return
    up_to = chain.rows_before(last.at, last.audit_id)
    for row in uow.fetch_all(unsealed.where(up_to).order_by(AuditRow.at, AuditRow.id).limit(MOST_TOLD)):
        verdict.add("inserted", 0, row.id)
    after = unsealed.where(chain.rows_after(last.at, last.audit_id)).subquery()
    verdict.unsealed = uow.fetch_all(select(func.count()).select_from(after))[0][0]
