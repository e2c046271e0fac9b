"""Open the file that accounts come from, and give its records names: of their columns as the file has them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from accounts.core.record_files.reader import RecordFile
from accounts.core.record_files.text import LOST_CHARACTERS, InvalidFile
from accounts.flows.moving.rows import FileRefused
from accounts.flows.shared.columns import is_email, is_email_or_heading, normalize_name

LIST_NAMES = frozenset({
    "users", "accounts", "people", "members", "data", "results", "items", "records", "rows", "value", "resources"
})  # fmt: skip
"""Under which of its names a JSON document may hold its users, in the normal form of names."""
LOST_REASON = "holds a zero byte or a character that was lost: the file is damaged, or not in one encoding"


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One record of a file: where it begins, and its columns or why it cannot be read.

    :ivar columns: name and value of each, in their order. A name may stand there twice.
    """

    line: int
    columns: tuple[tuple[str, Any], ...] = ()
    error: str = ""

    @property
    def values(self) -> dict[str, Any]:
        """The columns by their names."""
        return dict(self.columns)


class SourceFile:
    """A file that accounts come from, open; it is read twice, before the first account comes in and then.

    :ivar encoding_name: what people call its encoding.
    :param heading: the columns of a table that has no heading.
    :raises FileRefused: it cannot be opened, or is empty.
    """

    def __init__(self, path: Path, heading: list[str] | None = None) -> None:
        self._heading = heading
        self._stack = ExitStack()
        try:
            self._stream: BinaryIO = self._stack.enter_context(path.open("rb"))
            if not self._stream.seekable():
                # A pipe is kept in a file that has no name: nobody else can read it, and it goes with this process.
                kept = self._stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115 # the stack closes it
                shutil.copyfileobj(self._stream, kept)
                self._stream = kept
        except OSError as error:
            self._stack.close()
            raise FileRefused(f"cannot read {path}: {error.strerror}") from None
        try:
            self._file = RecordFile(
                self._stream,
                is_email_or_heading,
                is_list_name=lambda name: normalize_name(name) in LIST_NAMES,
                strict=True,
            )
        except InvalidFile as error:
            self._stack.close()
            raise FileRefused(str(error)) from None
        self.encoding_name = self._file.encoding_name

    def __enter__(self) -> SourceFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def read_records(self) -> Iterator[SourceRecord]:
        """Yield the records, one by one.

        :raises FileRefused: the file cannot be read at all, or not any further.
        """
        heading = self._heading
        try:
            for line, record in self._file:
                if isinstance(record, str):
                    yield SourceRecord(line, error=record)
                elif isinstance(record, dict):
                    yield SourceRecord(line, tuple(record.items()))
                elif heading is None:
                    heading = _check_heading(line, record)
                else:
                    yield _build_record(line, heading, record)
        except InvalidFile as error:
            raise FileRefused(str(error)) from None
        if heading is None and not self._has_records():
            raise FileRefused("the file is empty")

    def _has_records(self) -> bool:
        return next(iter(self._file), None) is not None


def _check_heading(line: int, cells: list[str]) -> list[str]:
    if any(map(is_email, cells)):
        raise FileRefused(f"line {line} has an address: it should be the heading, with the names of the columns")
    return cells


def _build_record(line: int, heading: list[str], cells: list[str]) -> SourceRecord:
    if any(cells[len(heading) :]):
        return SourceRecord(line, error=f"has {len(cells)} cells under {len(heading)} headings")
    if any(lost in cell for cell in cells for lost in LOST_CHARACTERS):
        return SourceRecord(line, error=LOST_REASON)
    # What a short row leaves out is empty: it must not pass for a file that says nothing about it.
    return SourceRecord(line, tuple(zip(heading, cells + [""] * (len(heading) - len(cells)), strict=False)))
