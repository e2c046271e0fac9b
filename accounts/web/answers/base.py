"""What all answers have in common."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from accounts.core.clock import format_timestamp

Timestamp = Annotated[
    datetime,
    PlainSerializer(format_timestamp, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment: RFC 3339 in UTC, in whole seconds."""


class Answer(BaseModel):
    """The body of an answer. Built from what a flow returns, by the names of its attributes."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", frozen=True)


class PageAnswer(Answer):
    """One page of a list."""

    next: str | None = Field(description="the value of after that asks for the next page; null on the last")


class MailRequestedOut(Answer):
    """A letter was asked for: the same whoever the address belongs to."""

    sent: Literal[True]


class CountOut(Answer):
    """How many were changed."""

    count: int


class ProgressOut(Answer):
    """A line of going through a list: how many are done, need or get nothing, and are left. The last is finished."""

    done: int
    skipped: int
    left: int
    finished: bool


def is_none(value: object) -> bool:
    """Whether a field is left out that is said only where there is something to say."""
    return value is None


MAIL_REQUESTED = MailRequestedOut(sent=True)
