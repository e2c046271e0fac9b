"""Answers about links: before and after their act."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from accounts.web.answers.base import Answer, Timestamp, is_none


class LinkOut(Answer):
    """What a link will do, and to whom. ``asks`` names the fields of its form.

    A kind of link may say more: ``invite`` and ``join-shared`` say ``groups`` and ``member``, the latter
    ``invited_to``, too; ``change-email`` says ``new_email``, ``undo-email-change`` says ``restored_email``,
    ``reset-password`` says ``disconnects``, ``review-request`` says who asks for an account; a host's
    own kinds say what they like.
    """

    model_config = ConfigDict(extra="allow")

    purpose: str
    email: str = Field(description="masked; empty where the link is about nobody yet")
    expires_at: Timestamp
    asks: tuple[str, ...]
    groups: tuple[str, ...] | None = Field(default=None, exclude_if=is_none)
    member: bool | None = Field(default=None, exclude_if=is_none)
    invited_to: str | None = Field(default=None, exclude_if=is_none, description="the title that its admin gave it")
    new_email: str | None = Field(default=None, exclude_if=is_none)
    restored_email: str | None = Field(default=None, exclude_if=is_none)
    disconnects: dict[str, int] | None = Field(
        default=None, exclude_if=is_none, description="how many there are of what its form asks about"
    )
    applicant: str | None = Field(default=None, exclude_if=is_none, description="the address that asks, proven")
    name: str | None = Field(default=None, exclude_if=is_none)
    message: str | None = Field(default=None, exclude_if=is_none, description="what the applicant says to the admins")
    asked_at: Timestamp | None = Field(default=None, exclude_if=is_none)
    network: str | None = Field(default=None, exclude_if=is_none)
    app: str | None = Field(default=None, exclude_if=is_none, description="which app the applicant came for")


class UsedLinkOut(Answer):
    """What a link has done. ``account`` is an id; ``signed_in`` says that this browser has a new session."""

    purpose: str
    account: str
    signed_in: Literal[True] | None = Field(default=None, exclude_if=is_none)
    next: str | None = Field(default=None, exclude_if=is_none)
