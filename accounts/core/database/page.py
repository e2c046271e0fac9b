"""Page through rows by key, not by their number.

A page costs the same however far down it is, and no row is repeated or left out where others are added meanwhile.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, select, tuple_

from accounts.core.errors import FieldError, InvalidInput
from accounts.core.messages import N_

T = TypeVar("T")
MAX_ROWS_PER_PAGE = 500
NOT_A_CURSOR_MESSAGE = N_("This is not a valid position in the list.")
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FEW_ROWS = 1000
"""So many rows are read and sorted for one page of a list; more are read in an order that they have by an index."""
NUMBER_PATTERN = re.compile(r"[0-9]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list.

    :ivar next: the cursor behind which the next page begins; None on the last.
    """

    rows: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class Keyset:
    """An order of rows by columns that together name one row. The values of a row in it are its cursor.

    :ivar columns: of times, whole numbers, or texts without a dot.
    :ivar descending: largest values first, in every column.
    """

    columns: tuple[Any, ...]
    descending: bool = False

    def fetch_page(
        self,
        fetch: Callable[[Select[Any]], Iterable[T]],
        statement: Select[Any],
        *,
        limit: int,
        after: tuple[Any, ...] | None,
        format_cursor: Callable[[T], str] | None = None,
    ) -> Page[T]:
        """Fetch one page of the rows of a statement, in this order.

        :param fetch: runs the statement.
        :param limit: how many rows at most.
        :param after: the key behind which the page begins, as :meth:`parse_cursor` returns it; None for the first.
        :param format_cursor: makes the cursor of a row where it is not made of the key.
        """
        if after is not None:
            statement = statement.where(self._build_condition(after))
        order = [column.desc() if self.descending else column.asc() for column in self.columns]
        # One row more than asked for says whether there is a next page.
        rows = list(fetch(statement.order_by(*order).limit(limit + 1)))
        has_next = len(rows) > limit
        return Page(rows[:limit], (format_cursor or self.format_cursor)(rows[limit - 1]) if has_next else None)

    def format_cursor(self, row: Any) -> str:
        """Return the cursor of a row: the values of its key, separated by dots."""
        return ".".join(_format_value(getattr(row, column.key)) for column in self.columns)

    def parse_cursor(self, cursor: str) -> tuple[Any, ...] | None:
        """Return the key that a cursor stands for; None for "", the beginning of the list.

        :raises InvalidInput: it is no cursor of this order.
        """
        if not cursor:
            return None
        texts = cursor.split(".")
        if len(texts) != len(self.columns):
            raise not_a_cursor()
        return tuple(
            _parse_value(column.type.python_type, text) for column, text in zip(self.columns, texts, strict=True)
        )

    def _build_condition(self, after: tuple[Any, ...]) -> ColumnElement[bool]:
        key = self.columns[0] if len(self.columns) == 1 else tuple_(*self.columns)
        value = after[0] if len(self.columns) == 1 else after
        condition: ColumnElement[bool] = key < value if self.descending else key > value
        return condition


def are_few(fetch_one: Callable[[Select[Any]], Any], rows: Select[Any]) -> bool:
    """Return whether a statement has at most :data:`FEW_ROWS` rows: databases that keep no statistics cannot tell.

    :param fetch_one: returns the only value of a statement.
    """
    counted = select(func.count()).select_from(rows.limit(FEW_ROWS + 1).subquery())
    return bool(fetch_one(counted) <= FEW_ROWS)


def not_a_cursor() -> InvalidInput:
    """Return the refusal of a cursor that names no place in a list."""
    return InvalidInput("no cursor", fields=[FieldError("after", "place", NOT_A_CURSOR_MESSAGE, {})])


def _format_value(value: Any) -> str:
    if isinstance(value, datetime):
        return str((value - UNIX_EPOCH) // timedelta(microseconds=1))
    return str(value)


def _parse_value(kind: type, text: str) -> Any:
    if kind is str:
        return text
    if not NUMBER_PATTERN.fullmatch(text):
        raise not_a_cursor()
    try:
        return UNIX_EPOCH + timedelta(microseconds=int(text)) if kind is datetime else int(text)
    except OverflowError:
        raise not_a_cursor() from None
