"""Streams of the lists that admins look at before they are done: how far one is, and what became of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from accounts.core import csv_files
from accounts.flows.shared.frozen_lists import ListProgress
from accounts.web.kit.rendering import Rendering
from accounts.web.kit.streams import ProblemLine, Stream, join_chunks


def stream_progress(steps: Iterable[ListProgress], title: str, here: str) -> Stream:
    """Return the answer that grows while a list is done: a line for every step.

    :param title: of the page for browsers without scripts.
    :param here: where that leads when all is done: the page of the list.
    """

    def render(lines: Iterator[ListProgress | ProblemLine]) -> Iterator[str]:
        return Rendering.of_request().stream("admin/progress.html", {"title": title, "here": here, "steps": lines})

    return Stream(lines=steps, render=render)


def stream_table(
    lines: Iterable[Any], format_rows: Callable[[Iterator[Any]], Iterable[Sequence[str]]], filename: str
) -> Stream:
    """Return a file of rows: CSV for browsers, NDJSON at ``/api``.

    :param format_rows: makes of the lines the rows of a table, headings first.
    """
    return Stream(
        lines=lines,
        render=lambda each: join_chunks(csv_files.format_csv(format_rows(each))),
        content_type="text/csv; charset=utf-8",
        reports_problems=False,
        headers={"Content-Disposition": f'attachment; filename="{filename}"'},
    )
