"""Hold the facts of a row of the outbox, which may be older than the code that reads them, or damaged."""

from __future__ import annotations

from typing import Any


class UnreadableItem(Exception):
    """Raised for a row of the outbox that nobody can make anything of. The text is stored, and quotes no fact."""


class Facts(dict[str, Any]):
    """The facts of an outbox row, by name."""

    def __missing__(self, name: str) -> Any:
        """Refuse a fact that the row does not have.

        :raises UnreadableItem: always.
        """
        raise UnreadableItem(f"the fact {name!r} is missing")
