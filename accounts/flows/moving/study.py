"""Look at all of a file before the first account comes in: whether it can be read, and its columns be understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from accounts.flows.moving.files import SourceFile
from accounts.flows.moving.rows import FileRefused
from accounts.flows.moving.source import Source
from accounts.flows.shared.columns import HASH_VALUE, MEANING_OF_NAME, Meaning, is_suspicious, normalize_name

MAX_COLUMNS = 1000
MAX_NAME_CHARACTERS = 100
NEVER_IGNORED = (Meaning.EMAIL, Meaning.CONFIRMED)
"""What the file says of these holds; no option is stronger."""
NO_USE = (None, Meaning.NOT_USED, Meaning.DAYS, Meaning.MESSAGE, Meaning.APP, Meaning.PRINCIPAL, Meaning.PROXIES)
"""The meanings that no account is made of."""


@dataclass(slots=True)
class StudiedColumns:
    """The columns of a file.

    :ivar names: each column's name as it stands there first, by its normal form.
    :ivar unused: those that are not read; :ivar suspicious: those of them that look as if they should be.
    """

    names: dict[str, str] = field(default_factory=dict)
    unused: dict[str, str] = field(default_factory=dict)
    suspicious: dict[str, str] = field(default_factory=dict)

    def has(self, meaning: Meaning) -> bool:
        """Return whether a column has this meaning."""
        return any(MEANING_OF_NAME.get(name) is meaning for name in self.names)


def study_file(source: Source, file: SourceFile) -> StudiedColumns:
    """Read a file once, and return its columns.

    :raises FileRefused: it cannot be read to its end, has no column of addresses, or has one that looks like a hash,
        a confirmation or a state, and is neither known nor to be ignored.
    """
    studied, read_here = StudiedColumns(), frozenset(map(normalize_name, source.read_here))
    for record in file.read_records():
        source.study(record)
        for name, value in source.find_columns(record) or ():
            _study_column(studied, source, read_here, name, value)
        if len(studied.names) > MAX_COLUMNS:
            raise FileRefused(f"line {record.line}: the file has more than {MAX_COLUMNS} columns")
    _check_ignored(studied, source)
    left = [name for normal, name in studied.suspicious.items() if normal not in source.ignored]
    if left:
        raise FileRefused(
            f"not known, and may be a hash, a confirmation or a state: {_join(left)}. Call each by a name of"
            " docs/moving-in.md, or leave it out: --ignore-column NAME"
        )
    if studied.names and not studied.has(Meaning.EMAIL):
        raise FileRefused(f"no column is one of addresses; there are: {_join(list(studied.names.values()))}")
    return studied


def _study_column(studied: StudiedColumns, source: Source, read_here: frozenset[str], name: str, value: Any) -> None:
    normal = normalize_name(name)
    if not normal and value in ("", None):
        return
    if normal not in studied.names:
        studied.names[normal] = " ".join(name.split())[:MAX_NAME_CHARACTERS]
        if normal in source.ignored or (normal not in read_here and MEANING_OF_NAME.get(normal) in NO_USE):
            studied.unused[normal] = studied.names[normal]
    if normal not in studied.unused or normal in studied.suspicious:
        return
    by_name = normal not in MEANING_OF_NAME and is_suspicious(name)
    if by_name or (isinstance(value, str) and HASH_VALUE.match(value)):
        studied.suspicious[normal] = studied.names[normal]


def _check_ignored(studied: StudiedColumns, source: Source) -> None:
    for name in source.options.ignored_columns:
        normal = normalize_name(name)
        if studied.names and normal not in studied.names:
            raise FileRefused(f"--ignore-column {name}: there is no such column")
        if MEANING_OF_NAME.get(normal) in NEVER_IGNORED:
            raise FileRefused(f"--ignore-column {name}: who is meant and who is confirmed is never ignored")


def _join(names: list[str]) -> str:
    shown = ", ".join(name or '""' for name in names[:20])
    return f"{shown}, and {len(names) - 20} more" if len(names) > 20 else shown
