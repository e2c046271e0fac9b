"""Tell what became of each account of a bulk act, for a file to take along."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing

from accounts.core.audit.log import RequestInfo
from accounts.core.database.page import MAX_ROWS_PER_PAGE
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import bulk
from accounts.flows.helpdesk.bulk import BulkRow
from accounts.flows.helpdesk.bulk_form import SKIP_MESSAGES, BulkRowsForm


def iter_bulk_report(site: Site, request_info: RequestInfo, act_id: str) -> Generator[BulkRow, None, None]:
    """Yield the accounts of an act. In a unit of work of its own, which holds no connection between two pages."""
    cursor: str | None = ""
    with closing(UnitOfWork(site, request_info)) as uow:
        while cursor is not None:
            page = bulk.list_bulk_rows(uow, act_id, BulkRowsForm(after=cursor, limit=MAX_ROWS_PER_PAGE))
            uow.release()
            yield from page.rows
            cursor = page.next


def format_bulk_report(rows: Iterable[BulkRow], translate: Callable[[str], str] = str) -> Iterator[Sequence[str]]:
    """Yield a report as the rows of a table, headings first.

    :param translate: puts a message into the language of the reader.
    """
    yield ("email", "name", "id", "result", "reason")
    for row in rows:
        reason = translate(SKIP_MESSAGES[row.reason]) if row.reason else ""
        yield (row.email, row.name, row.account or "", row.verdict, reason)
