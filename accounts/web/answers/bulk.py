"""Answers about acts on many accounts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from accounts.core.database.page import Page
from accounts.core.models.bulk import BulkAct
from accounts.flows.helpdesk.bulk import BulkCounts, BulkRow, NewBulkAct
from accounts.flows.helpdesk.bulk_form import SKIP_MESSAGES, BulkAction, BulkVerdict
from accounts.web.answers.base import Answer, PageAnswer, Timestamp


class BulkActOut(Answer):
    """An act on many accounts.

    ``left`` are still to be done; ``skipped`` counts by reason. ``kept`` is what stays when accounts are enabled;
    ``made_by`` is the id of an account, null on the console.
    """

    id: str
    act: BulkAction
    groups: tuple[str, ...]
    kept: tuple[str, ...]
    state: Literal["ready", "doing", "done"]
    made_by: str | None
    created_at: Timestamp
    accounts: int
    left: int
    done: int
    skipped: dict[str, int]

    @classmethod
    def from_act(cls, act: BulkAct, counts: BulkCounts) -> BulkActOut:
        """Return the answer about an act, as it stands."""
        return cls(**_act_fields(act, counts))


class NewBulkActOut(BulkActOut):
    """An act that was just made. ``unknown`` are those who were named and have no account."""

    unknown: tuple[str, ...]

    @classmethod
    def from_new(cls, made: NewBulkAct, counts: BulkCounts) -> NewBulkActOut:
        """Return the answer about an act that was just made."""
        return cls(**_act_fields(made.act, counts), unknown=tuple(made.unknown))


class BulkActPageOut(PageAnswer):
    """Acts on many accounts, newest first."""

    acts: tuple[BulkActOut, ...]

    @classmethod
    def from_page(cls, page: Page[BulkAct], counts: dict[str, BulkCounts]) -> BulkActPageOut:
        """Return the answer about one page of acts.

        :param counts: how each stands, by the id of the act.
        """
        return cls(acts=tuple(BulkActOut.from_act(row, counts[row.id]) for row in page.rows), next=page.next)


class BulkReportRowOut(Answer):
    """A line of a report: one account of an act. ``account`` is its id, null once it is deleted."""

    number: int
    account: str | None
    email: str
    name: str
    verdict: BulkVerdict
    reason: str


class BulkRowOut(BulkReportRowOut):
    """One account of an act; ``detail`` says ``reason`` in words."""

    detail: str

    @classmethod
    def from_row(cls, row: BulkRow, translate: Callable[[str], str]) -> BulkRowOut:
        """Return the answer about one account.

        :param translate: puts a message into the language of the answer.
        """
        return cls(**asdict(row), detail=translate(SKIP_MESSAGES[row.reason]) if row.reason else "")


class BulkActDetailsOut(BulkActOut, PageAnswer):
    """An act on many accounts, and some of these. ``letters`` are emails of it that have not gone out."""

    letters: int
    list: tuple[BulkRowOut, ...]

    @classmethod
    def from_page(
        cls, act: BulkAct, counts: BulkCounts, letters: int, page: Page[BulkRow], translate: Callable[[str], str]
    ) -> BulkActDetailsOut:
        """Return the answer about an act and one page of its accounts."""
        rows = tuple(BulkRowOut.from_row(row, translate) for row in page.rows)
        return cls(**_act_fields(act, counts), letters=letters, list=rows, next=page.next)


class DiscardedBulkActOut(Answer):
    """How many accounts of an act that is forgotten were left, and how many of its emails had not gone out.

    Nothing was done about these accounts, and these emails are not sent.
    """

    left: int
    letters: int


def _act_fields(act: BulkAct, counts: BulkCounts) -> dict[str, Any]:
    begun_state = "doing" if counts.done else "ready"
    return {
        "id": act.id,
        "act": act.act,
        "groups": act.groups,
        "kept": act.kept,
        "state": "done" if act.done_at else begun_state,
        "made_by": act.made_by or None,
        "created_at": act.created_at,
        "accounts": counts.total,
        "left": counts.due,
        "done": counts.done,
        "skipped": counts.skipped,
    }
