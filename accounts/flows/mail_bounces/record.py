"""Record what was reported of emails of our own: in the audit log, and as a mark at the address.

The Message-ID of an email is the id of its line ``mail.sent`` in the audit log. Nobody knows it who has not seen the
email: a report can only be about what was really sent, whoever brings it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select

from accounts.core.audit import address_index
from accounts.core.clock import now
from accounts.core.errors import UnsupportedMediaType
from accounts.core.models.account import Account
from accounts.core.models.audit import AuditRow
from accounts.core.models.invites import SentInvite
from accounts.core.security.throttle import MAIL_BOUNCES
from accounts.core.uow import UnitOfWork
from accounts.flows.mail_bounces import dsn, providers
from accounts.flows.mail_bounces.reports import BounceReport
from accounts.flows.shared import unreachable
from accounts.flows.shared.mail_log import MAIL_BOUNCED, MAIL_COMPLAINED, MAIL_SENT
from accounts.flows.shared.unreachable import UnreachableMark

REPORT_AGE = address_index.INDEX_RETENTION
"""For how long after it was sent a report about an email is taken: as long as the log knows its address."""
REQUEST_RETENTION = timedelta(days=3)
"""How long the id of a request is remembered. Senders try for about a day."""
JSON_TYPES = frozenset({"application/json", "text/plain"})
"""Amazon SNS calls its JSON text/plain."""
MAIL_TYPES = frozenset({"message/rfc822", "message/global"})
_MAIL_ID = re.compile(r"[A-Za-z0-9_-]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class TakenReports:
    """What has become of reports. Who brings them by HTTP is not told.

    :ivar recorded: about emails of ours, and new.
    :ivar known: about emails of ours, told before.
    :ivar foreign: about emails that are not known here.
    """

    recorded: int = 0
    known: int = 0
    foreign: int = 0


def parse_reports(media_type: str, raw: bytes) -> list[BounceReport]:
    """Return the reports in what was sent.

    :raises UnsupportedMediaType: neither JSON nor a mail.
    :raises Malformed: no JSON.
    :raises UnknownReport: JSON of no format that is known here.
    """
    if media_type in JSON_TYPES:
        return providers.parse_json(raw)
    if media_type in MAIL_TYPES:
        return dsn.parse_mail(raw)
    raise UnsupportedMediaType(repr(media_type[:40]))


def take_request(uow: UnitOfWork, request_id: str, reports: Sequence[BounceReport]) -> TakenReports:
    """Record the reports of a signed request, once however often it is sent.

    :param request_id: the id that is part of what was signed.
    :raises TooManyRequests: the installation takes no more of them for now.
    """

    def work() -> TakenReports:
        uow.count_attempts(MAIL_BOUNCES.by("installation"))
        if not uow.spend(f"bounces:{address_index.make_tag(uow.site, request_id)}", now() + REQUEST_RETENTION):
            return TakenReports(known=len(reports))
        return _record_each(uow, reports)

    return uow.attempt(work)


def take_reports(uow: UnitOfWork, reports: Sequence[BounceReport]) -> TakenReports:
    """Record reports that an operator has brought."""
    return uow.attempt(lambda: _record_each(uow, reports))


@dataclass(frozen=True, slots=True)
class _SentLetter:
    """The line of an email that was sent."""

    id: str
    at: datetime
    account_id: str | None
    address_tag: str | None
    facts: Mapping[str, Any]


def _record_each(uow: UnitOfWork, reports: Sequence[BounceReport]) -> TakenReports:
    letters = _find_letters(uow, reports)
    recorded = known = foreign = 0
    for report in reports:
        letter = next((letters[id] for id in _list_mail_ids(uow, report) if id in letters), None)
        if letter is None:
            foreign += 1
        elif not uow.spend(f"bounce:{letter.id}:{report.kind}", letter.at + 2 * REPORT_AGE):
            known += 1
        elif _record(uow, report, letter):
            recorded += 1
        else:
            foreign += 1
    return TakenReports(recorded, known, foreign)


def _list_mail_ids(uow: UnitOfWork, report: BounceReport) -> Iterable[str]:
    """Return the outbox ids in Message-IDs that can be ours."""
    host = urlsplit(uow.site.settings.public_origin).hostname
    for message_id in report.message_ids:
        mail_id, _, domain = message_id.rpartition("@")
        if domain.lower() == host and _MAIL_ID.fullmatch(mail_id):
            yield mail_id


def _find_letters(uow: UnitOfWork, reports: Sequence[BounceReport]) -> Mapping[str, _SentLetter]:
    ids = {id for report in reports for id in _list_mail_ids(uow, report)}
    if not ids:
        return {}
    columns = (AuditRow.id, AuditRow.at, AuditRow.account_id, AuditRow.address_tag, AuditRow.facts)
    rows = uow.session.execute(
        select(*columns).where(AuditRow.id.in_(ids), AuditRow.kind == MAIL_SENT, AuditRow.at > now() - REPORT_AGE)
    )
    return {row[0]: _SentLetter(*row) for row in rows}


def _record(uow: UnitOfWork, report: BounceReport, letter: _SentLetter) -> bool:
    """Record a report, and mark the address where it is for good; False where its account is gone by now."""
    account = uow.session.get(Account, letter.account_id) if letter.account_id else None
    if letter.account_id and account is None:
        return False
    purpose = str(letter.facts.get("purpose", ""))
    facts: dict[str, Any] = {"mail": letter.id, "purpose": purpose}
    if report.kind == "complaint":
        kind = MAIL_COMPLAINED
    else:
        kind = MAIL_BOUNCED
        facts |= {"bounce": report.kind, "status": report.status}
    if report.said:
        facts["answer"] = report.said
    account_id = account.id if account else None
    uow.record_event(kind, account_id=account_id, address_tag=letter.address_tag, facts=facts)
    if report.kind == "permanent":
        email_key = _find_held_address(uow, letter, account)
        if email_key:
            mark = UnreachableMark(now(), letter.id, purpose, report.status, report.said)
            unreachable.mark_address(uow, email_key, mark)
    return True


def _find_held_address(uow: UnitOfWork, letter: _SentLetter, account: Account | None) -> str:
    """Return the address that an email went to, where its account or invitation has it still; else ""."""
    held: list[str] = []
    if account is not None:
        held = [account.email_key]
    elif isinstance(about := letter.facts.get("about"), str):
        invite = uow.session.get(SentInvite, about)
        held = [invite.email_key] if invite is not None and invite.undecided else []
    return next((each for each in held if address_index.is_tag_of(uow.site, letter.address_tag, each)), "")
