"""What a test of an act expects to be written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from tests.flows.live_links import LiveLink
from tests.people import Service


@dataclass
class Writes:
    """What one act writes.

    :ivar added: rows that come, by table.
    :ivar changed: what rows of the account change, as :class:`TableChanges` says it.
    :ivar event: the kind of the event that names the link and the account.
    :ivar letters: letters that fall due, by purpose.
    :ivar signs_in: whether the act signs its account in.
    :ivar spent: by the beginning of its id, for how long something is remembered as spent.
    """

    purpose: str
    make: Callable[[Service], LiveLink]
    event: str
    added: dict[str, int]
    signs_in: bool = False
    changed: list[tuple[str, str]] = field(default_factory=list)
    deleted: dict[str, int] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    spent: dict[str, timedelta] = field(default_factory=dict)
