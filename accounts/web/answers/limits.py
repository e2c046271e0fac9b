"""Answers about limits and keys."""

from __future__ import annotations

from typing import Literal

from accounts.flows.keys.report import KeyReport
from accounts.web.answers.base import Answer, Timestamp


class LimitUsageOut(Answer):
    """What was counted under one limit. ``full``: further tries are held up until ``ends``."""

    limit: str
    of: str
    tries: int
    allowed: int
    ends: Timestamp
    full: bool


class LimitsOut(Answer):
    """What was counted of an address and of a network."""

    limits: tuple[LimitUsageOut, ...]


class LiftedLimitsOut(Answer):
    """The names of the limits whose counting begins anew."""

    lifted: tuple[str, ...]


class KeyUseOut(Answer):
    """What one key has signed for one purpose."""

    purpose: str
    signed: int
    opened: int
    last_opened_at: Timestamp | None
    alive_until: Timestamp


class KeyOut(Answer):
    """One key of the ring. ``safe``: dropping it ends nothing that is alive; ``safe_from`` says when that will be."""

    number: int
    name: str
    state: Literal["signs", "waits", "opens"]
    signs_from: Timestamp | None
    safe_from: Timestamp | None
    safe: bool
    uses: tuple[KeyUseOut, ...]

    @classmethod
    def from_report(cls, report: KeyReport) -> KeyOut:
        """Return the answer about one key."""
        return cls(
            number=report.number,
            name=report.name,
            state=report.state,
            signs_from=report.signs_from,
            safe_from=report.safe_to_drop_from,
            safe=report.is_safe_to_drop,
            uses=tuple(KeyUseOut.model_validate(use) for use in report.uses),
        )


class KeysOut(Answer):
    """The key ring without its secrets, oldest first."""

    keys: tuple[KeyOut, ...]
