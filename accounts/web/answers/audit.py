"""Answers about the audit log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from accounts.core.database.page import Page
from accounts.flows.audit.facts import AuditFact, read_facts
from accounts.flows.audit.people import AuditPerson
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

    @property
    def details(self) -> Sequence[AuditFact]:
        """The facts as a page shows them."""
        return read_facts(self.facts)


class AuditPersonOut(Answer):
    """An account that a line names, as it is called today."""

    email: str
    name: str


class AuditPageOut(PageAnswer):
    """Lines of the audit log, newest first unless asked otherwise."""

    lines: tuple[AuditEventOut, ...]
    people: dict[str, AuditPersonOut] = Field(
        description="the accounts that lines name, by id; one that is missing was deleted"
    )
    app_names: dict[str, str] = Field(description="names of the apps that lines name, by id")

    @classmethod
    def from_page(
        cls, page: Page[AuditEvent], people: Mapping[str, AuditPerson], app_names: Mapping[str, str]
    ) -> AuditPageOut:
        """Return the answer about one page of lines."""
        lines = {"lines": tuple(page.rows), "next": page.next}
        return cls.model_validate({**lines, "people": dict(people), "app_names": dict(app_names)})
