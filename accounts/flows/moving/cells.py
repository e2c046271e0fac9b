"""Give the columns of a record their meaning, and read from them what an account is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from accounts.config_terms import is_terms_version
from accounts.core import csv_files
from accounts.flows.moving.rows import SourceRow, clean_text, parse_timestamp, split_names
from accounts.flows.shared.cell_words import (
    ACTIVE_WORDS,
    CONFIRMED_WORDS,
    AccountState,
    UnknownWord,
    is_null,
    read_flag,
    read_past_flag,
    read_status,
    read_until,
)
from accounts.flows.shared.columns import COLUMNS, MEANING_OF_NAME, Meaning, normalize_name

RANK_OF_NAME = {normalize_name(name): rank for names in COLUMNS.values() for rank, name in enumerate(names)}
"""Of several columns with one meaning the one that is declared first counts."""
AD_ACCOUNT_DISABLED = 0x2
"""The bit ACCOUNTDISABLE of userAccountControl ([MS-ADTS] 2.2.16)."""
Columns = Iterable[tuple[str, Any]]


class Contradiction(ValueError):
    """Raised where two columns of one name say different things. The text names them."""


class Cells:
    """The columns of one record by their meaning.

    :param ignored: normal forms of the names that are not to be read.
    :raises Contradiction: two columns of one name say different things.
    """

    def __init__(self, columns: Columns, ignored: frozenset[str] = frozenset()) -> None:
        self._by_name: dict[str, tuple[str, Any]] = {}
        self._by_meaning: dict[Meaning, list[tuple[str, Any]]] = {}
        for name, value in columns:
            normal = normalize_name(name)
            if normal in ignored:
                continue
            meaning = MEANING_OF_NAME.get(normal)
            before = self._by_name.setdefault(normal, (name, value))
            if meaning not in (None, Meaning.NOT_USED, Meaning.GROUPS) and before[1] != value:
                raise Contradiction(f"{before[0]} and {name} are one column, and say different things")
            if meaning is not None:
                self._by_meaning.setdefault(meaning, []).append((name, value))

    def named(self, name: str) -> Any:
        """Return the value of the column of a name; None where there is none."""
        return self._by_name.get(normalize_name(name), ("", None))[1]

    def all_of(self, meaning: Meaning) -> list[tuple[str, Any]]:
        """Return names and values of the columns with a meaning."""
        return self._by_meaning.get(meaning, [])

    def first_of(self, meaning: Meaning) -> Any:
        """Return the value of the first column with a meaning that has one; None for none."""
        filled = [each for each in self.all_of(meaning) if not is_null(_word(each[1]))]
        return min(filled, key=lambda each: RANK_OF_NAME[normalize_name(each[0])])[1] if filled else None


def build_row(line: int, cells: Cells, password_hash: str, moment: datetime) -> SourceRow:
    """Return the account that a record states.

    :param moment: now; what lasts until then is over.
    :raises UnknownWord: one of its columns says nothing that is known here.
    """
    state = _read_state(cells, moment)
    confirmations = [
        read_past_flag(name, value, moment, CONFIRMED_WORDS) for name, value in cells.all_of(Meaning.CONFIRMED)
    ]
    confirmed = all(confirmations) if confirmations else None
    full_name = clean_text(cells.first_of(Meaning.NAME)) or clean_text(
        f"{cells.first_of(Meaning.FIRST_NAME) or ''} {cells.first_of(Meaning.LAST_NAME) or ''}"
    )
    return SourceRow(
        line=line,
        email=_clean_cell(_first_item(cells.first_of(Meaning.EMAIL))),
        password_hash=password_hash,
        name=_clean_cell(full_name),
        locale=clean_text(_first_item(cells.first_of(Meaning.LOCALE))),
        zone=clean_text(cells.first_of(Meaning.ZONE)),
        groups=_read_groups(cells),
        confirmed=False if state is AccountState.UNCONFIRMED else confirmed,
        active=state is not AccountState.DISABLED,
        deleted=state is AccountState.DELETED,
        created_at=parse_timestamp(cells.first_of(Meaning.CREATED)),
        last_sign_in_at=parse_timestamp(cells.first_of(Meaning.LAST_SIGN_IN)),
        terms_version=_read_terms_version(cells),
        terms_accepted_at=parse_timestamp(cells.first_of(Meaning.TERMS_ACCEPTED)),
    )


def _read_terms_version(cells: Cells) -> str:
    """Return the version of the terms that was accepted; "" for what is no name of one here: they are asked again."""
    text = _clean_cell(cells.first_of(Meaning.TERMS_VERSION))
    return text if is_terms_version(text) else ""


def _read_groups(cells: Cells) -> tuple[str, ...]:
    ranked = sorted(cells.all_of(Meaning.GROUPS), key=lambda each: RANK_OF_NAME[normalize_name(each[0])])
    values = [value for _, value in ranked if not is_null(_word(value))]
    return tuple(dict.fromkeys(name for value in values for name in split_names(value)))


def _read_state(cells: Cells, moment: datetime) -> AccountState:
    """Return the worst that the columns say of an account: of two that differ neither is believed to allow more."""
    states = {read_status(name, value) for name, value in cells.all_of(Meaning.STATUS)}
    states |= {_read_status_or_flag(name, value) for name, value in cells.all_of(Meaning.STATUS_OR_FLAG)}
    disabled = [not read_flag(name, value, ACTIVE_WORDS) for name, value in cells.all_of(Meaning.ACTIVE)]
    disabled += [read_flag(name, value) for name, value in cells.all_of(Meaning.DISABLED)]
    disabled += [read_until(name, value, moment) for name, value in cells.all_of(Meaning.DISABLED_UNTIL)]
    disabled += [_read_ad_flags(name, value) for name, value in cells.all_of(Meaning.AD_FLAGS)]
    deleted = [read_flag(name, value) for name, value in cells.all_of(Meaning.DELETED)]
    if any(deleted):
        states.add(AccountState.DELETED)
    if any(disabled):
        states.add(AccountState.DISABLED)
    worst_first = (AccountState.DELETED, AccountState.UNCONFIRMED, AccountState.DISABLED)
    return next((state for state in worst_first if state in states), AccountState.ACTIVE)


def _read_status_or_flag(name: str, value: Any) -> AccountState:
    """Return the state that Cognito's word names, or WordPress's number: there 1 was spam."""
    if clean_text(value) in ("0", "1"):
        return AccountState.DISABLED if read_flag(name, value) else AccountState.ACTIVE
    return read_status(name, value)


def _read_ad_flags(name: str, value: Any) -> bool:
    text = clean_text(value)
    if not text.isdecimal():
        raise UnknownWord(name, value)
    return bool(int(text[:10]) & AD_ACCOUNT_DISABLED)


def _first_item(value: Any) -> Any:
    """Return the item that counts of a list, as SCIM and Keycloak have them; anything else as it is."""
    if not isinstance(value, list):
        return value
    items = [each.get("value") if isinstance(each, dict) else each for each in value]
    primary = [each.get("value") for each in value if isinstance(each, dict) and each.get("primary") is True]
    return next(iter(primary + items), None)


def _word(value: Any) -> str:
    return "" if value is None else value.strip().casefold() if isinstance(value, str) else "value"


def _clean_cell(value: Any) -> str:
    return csv_files.unescape_formula(clean_text(value))
