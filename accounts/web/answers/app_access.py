"""Answers about who gets into which app, and why not, for admins."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from accounts.flows.helpdesk.app_access import AppAccess
from accounts.web.answers.base import Answer


class AccessFindingOut(Answer):
    """What one rule says about one account and one app."""

    rule: str
    applies: bool = Field(description="whether the app asks for it; one that does not apply keeps nobody out")
    met: bool
    wanted: tuple[str, ...] = Field(description="what the app asks for: groups, or a mail domain")
    found: tuple[str, ...] = Field(description="what the account has of that kind")


class AccessAppOut(Answer):
    """The app that is asked about."""

    id: str
    name: str


class AccessAccountOut(Answer):
    """The account that is asked about."""

    id: str
    email: str


class AppAccessOut(Answer):
    """Whether an account gets into an app, rule by rule."""

    app: AccessAppOut
    account: AccessAccountOut
    allowed: bool
    rules: tuple[AccessFindingOut, ...]

    @classmethod
    def from_access(cls, access: AppAccess) -> AppAccessOut:
        """Return the answer about one account and one app."""
        return cls(
            app=AccessAppOut(id=access.app_id, name=access.app_name),
            account=AccessAccountOut(id=access.account_id, email=access.email),
            allowed=access.allowed,
            rules=tuple(AccessFindingOut.model_validate(each) for each in access.findings),
        )


class AccountAccessOut(Answer):
    """Whether an account gets into each of the apps."""

    apps: tuple[AppAccessOut, ...]

    @classmethod
    def from_list(cls, listed: Iterable[AppAccess]) -> AccountAccessOut:
        """Return the answer about all apps."""
        return cls(apps=tuple(AppAccessOut.from_access(each) for each in listed))
