"""Answers about links: before and after their act."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from accounts.web.answers.base import Answer, Timestamp, is_none


class TermsLinkOut(Answer):
    """Where the terms are that whoever gets an account accepts, and which version they are."""

    url: str
    version: str


class LinkOut(Answer):
    """What a link will do, and to whom. ``asks`` names the fields of its form.

    A kind of link may say more. ``invite`` and ``join-shared`` say ``groups`` and ``member``; ``invite`` says
    ``name``, ``inviter``, ``app`` and ``message``, too, and ``join-shared`` says ``invited_to``. ``change-email``
    says ``new_email``, ``undo-email-change`` says ``restored_email``, ``reset-password`` says ``disconnects``, and
    ``review-request`` says who asks for an account. A host's own kinds say what they like.
    """

    model_config = ConfigDict(extra="allow")

    purpose: str
    email: str = Field(description="masked; empty where the link is about nobody yet")
    expires_at: Timestamp
    asks: tuple[str, ...]
    terms: TermsLinkOut | None = Field(
        default=None, exclude_if=is_none, description="what has to be accepted: its version is sent as terms"
    )
    groups: tuple[str, ...] | None = Field(default=None, exclude_if=is_none)
    member: bool | None = Field(default=None, exclude_if=is_none)
    invited_to: str | None = Field(default=None, exclude_if=is_none, description="the title that its admin gave it")
    name: str | None = Field(
        default=None,
        exclude_if=is_none,
        description="of an invitation: what the account is called if none is sent; of a request: the applicant's",
    )
    inviter: str | None = Field(default=None, exclude_if=is_none)
    app: str | None = Field(default=None, exclude_if=is_none, description="name of the app that it leads to")
    message: str | None = Field(
        default=None, exclude_if=is_none, description="what the inviter, or the applicant, says; plain text"
    )
    new_email: str | None = Field(default=None, exclude_if=is_none)
    restored_email: str | None = Field(default=None, exclude_if=is_none)
    disconnects: dict[str, int] | None = Field(
        default=None, exclude_if=is_none, description="how many there are of what its form asks about"
    )
    applicant: str | None = Field(default=None, exclude_if=is_none, description="the address that asks, proven")
    asked_at: Timestamp | None = Field(default=None, exclude_if=is_none)
    network: str | None = Field(default=None, exclude_if=is_none)


class UsedLinkOut(Answer):
    """What a link has done. ``account`` is an id; ``signed_in`` says that this browser has a new session."""

    purpose: str
    account: str
    signed_in: Literal[True] | None = Field(default=None, exclude_if=is_none)
    next: str | None = Field(default=None, exclude_if=is_none)
