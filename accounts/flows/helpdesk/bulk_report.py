"""Tell what became of each account of a bulk act, for a file to take along."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial

from accounts.core.audit.log import RequestInfo
from accounts.core.site import Site
from accounts.core.uow import UnitOfWork
from accounts.flows.helpdesk import bulk
from accounts.flows.helpdesk.bulk import BulkRow
from accounts.flows.helpdesk.bulk_form import SKIP_MESSAGES, BulkRowsForm
from accounts.flows.shared.pages import iter_pages


def iter_bulk_report(site: Site, request_info: RequestInfo, act_id: str) -> Generator[BulkRow, None, None]:
    """Yield the accounts of an act. In a unit of work of its own, which holds no connection between two pages."""
    with closing(UnitOfWork(site, request_info)) as uow:
        for page in iter_pages(uow, BulkRowsForm(), partial(bulk.list_bulk_rows, uow, act_id)):
            uow.release()
            yield from page.rows


def format_bulk_report(rows: Iterable[BulkRow], translate: Callable[[str], str] = str) -> Iterator[Sequence[str]]:
    """Yield a report as the rows of a table, headings first.

    :param translate: puts a message into the language of the reader.
    """
    yield ("email", "name", "id", "result", "reason")
    for row in rows:
        reason = translate(SKIP_MESSAGES[row.reason]) if row.reason else ""
        yield (row.email, row.name, row.account or "", row.verdict, reason)
