"""Walk through all pages of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from accounts.core.database.page import MAX_ROWS_PER_PAGE, Page
from accounts.core.uow import UnitOfWork
from accounts.flows.shared.fields import PageForm

PageQuery = TypeVar("PageQuery", bound=PageForm)
RowPage = TypeVar("RowPage", bound=Page[Any])


def iter_pages(uow: UnitOfWork, form: PageQuery, fetch: Callable[[PageQuery], RowPage]) -> Iterator[RowPage]:
    """Yield every page of a list; no transaction stays open between two pages.

    :param form: the query; its ``after`` is the cursor of the first page.
    :param fetch: returns the page of a query.
    """
    cursor: str | None = form.after
    while cursor is not None:
        page = fetch(form.model_copy(update={"after": cursor, "limit": MAX_ROWS_PER_PAGE}))
        yield page
        uow.release()
        cursor = page.next
