"""Answers about requests for accounts, which are kept nowhere but in links."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Self

from accounts.flows.account.approval_request import AccountRequest
from accounts.web.answers.base import Answer, Timestamp


class AccountRequestOut(Answer):
    """Who asks for an account."""

    id: str
    email: str
    name: str
    message: str
    locale: str
    next: str
    asked_at: Timestamp
    network: str
    expires_at: Timestamp

    @classmethod
    def from_request(cls, request: AccountRequest) -> Self:
        """Return what is told of a request."""
        return cls(
            id=request.id,
            email=request.applicant,
            name=request.name,
            message=request.message,
            locale=request.locale,
            next=request.next,
            asked_at=datetime.fromtimestamp(request.asked_at, UTC),
            network=request.network,
            expires_at=datetime.fromtimestamp(request.expires, UTC),
        )


class DecisionOut(Answer):
    """What was decided about a request for an account."""

    email: str
    approved: bool
