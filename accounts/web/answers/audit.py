"""Answers about the audit log."""

from __future__ import annotations

from typing import Any

from accounts.core.database.page import Page
from accounts.flows.audit.search import AuditEvent
from accounts.web.answers.base import Answer, PageAnswer, Timestamp


class AuditEventOut(Answer):
    """One line of the audit log. ``actor`` did it to ``account``; both are ids, or pseudonyms."""

    id: str
    at: Timestamp
    kind: str
    account: str | None
    actor: str | None
    app: str | None
    link_id: str | None
    network: str
    agent: str
    request_id: str
    facts: dict[str, Any]


class AuditPageOut(PageAnswer):
    """Lines of the audit log, newest first."""

    lines: tuple[AuditEventOut, ...]

    @classmethod
    def from_page(cls, page: Page[AuditEvent]) -> AuditPageOut:
        """Return the answer about one page of lines."""
        return cls.model_validate({"lines": tuple(page.rows), "next": page.next})
