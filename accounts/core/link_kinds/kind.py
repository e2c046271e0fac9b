"""Declare what a kind of link says, as data: enough to sign links and to read them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from accounts.core.link_kinds.parts import StatePart
from accounts.core.signing.token_kind import SignedToken

MAX_PURPOSE_CHARACTERS = 40
"""Of a purpose: as many as the columns hold that keep it."""
_PURPOSE_PATTERN = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)


class EmptyModel(BaseModel):
    """A form or payload without fields."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class LinkKind:
    """What one kind of link says, and what it binds.

    :ivar purpose: salt, URL, endpoint and folder of words at once: lower-case letters, digits and hyphens.
    :ivar lifetime: how long it is valid; ``ACCOUNTS_LIFETIME_<PURPOSE>`` (seconds) overrides it.
    :ivar about: whether the subject is an account or an address.
    :ivar dies_with: the parts of the state whose change invalidates it.
    :ivar spends: returns the id in ``spent`` that the act uses up, where no state moves by itself.
    :ivar single_use: the link's own id is used up with the act, also where the act changes nothing.
    :ivar carries: the model of what the link itself says beside its subject.
    :ivar version: part of the salt; raising it invalidates all links of the kind.
    :raises TypeError: a purpose that cannot stand in an address, an unknown ``about``, or parts that do not keep an
        old link invalid.
    """

    purpose: str
    lifetime: timedelta
    about: Literal["account", "address"]
    dies_with: tuple[StatePart, ...]
    carries: type[BaseModel] = EmptyModel
    spends: Callable[[Any], str] | None = None
    single_use: bool = False
    version: int = 1

    def __post_init__(self) -> None:
        if len(self.purpose) > MAX_PURPOSE_CHARACTERS or not _PURPOSE_PATTERN.fullmatch(self.purpose):
            raise TypeError(
                f"{self.purpose!r} is no purpose of a link: lower-case letters, digits and hyphens, a letter first, "
                f"at most {MAX_PURPOSE_CHARACTERS} characters"
            )
        if self.about not in ("account", "address"):
            raise TypeError(f"{self.purpose}: about is {self.about!r}, but must be 'account' or 'address'")
        if self.spends and self.single_use:
            raise TypeError(f"{self.purpose}: spends an id of its own; single_use would spend it before the act")
        if not (self.spends or any(part.never_returns for part in self.dies_with)):
            raise TypeError(f"{self.purpose}: binds nothing that never returns; old links could come back to life")


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a link with a valid signature says; whether the link is valid is not judged yet."""

    kind: LinkKind
    subject_id: str
    tags: bytes
    carried: Any
    signed_token: SignedToken = field(repr=False)

    @property
    def link_id(self) -> str:
        """The id of this link, safe to show and to log."""
        return self.signed_token.id

    @property
    def issued_at(self) -> datetime:
        """When it was signed, aware, in UTC."""
        return self.signed_token.issued_at

    @property
    def spent_id(self) -> str:
        """The id in ``spent`` that it uses up; "" for one that is invalid only by the state that it binds."""
        if self.kind.spends is not None:
            return self.kind.spends(self.carried)
        return f"link:{self.link_id}" if self.kind.single_use else ""
