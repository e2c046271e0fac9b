"""Read what a cell of somebody else's file says: yes or no, a moment, a state. What is not known is never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, NamedTuple

from accounts.core.foreign_text import make_one_line

YES_WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset({"true", "t", "yes", "y", "on"}),
    "de": frozenset({"wahr", "ja", "j", "an"}),
    "fr": frozenset({"vrai", "oui", "o"}),
    "es": frozenset({"verdadero", "sí", "si", "s"}),
}
NO_WORDS: Mapping[str, frozenset[str]] = {
    "en": frozenset({"false", "f", "no", "n", "off"}),
    "de": frozenset({"falsch", "nein", "aus"}),
    "fr": frozenset({"faux", "non"}),
    "es": frozenset({"falso", "no"}),
}
"""Words for yes and no, by the language: what people write there, and what its spreadsheets make of a tick."""
YES_VALUES = frozenset({"1", "1.0", "b'1'", "\\x01"}).union(*YES_WORDS.values())
NO_VALUES = frozenset({"0", "0.0", "00", "b'0'", "\\x00"}).union(*NO_WORDS.values())
"""And as numbers and bits."""
NULL_WORDS = frozenset({
    "", "\\n", "null", "(null)", "<null>", "[null]", "none", "(none)", "nil", "<nil>", "nan", "nat", "<na>", "na",
    "n/a", "#n/a", "#nv", "undefined", "-", "--", "–", "—", "empty", "(empty)", "(leer)", "leer", "k.a.",
})  # fmt: skip
"""How databases, languages and spreadsheets write that there is nothing; ``\\N`` is MySQL's and PostgreSQL's."""
ZERO_DATE = re.compile(r"0000-00-00.*|0001-01-01.*")
"""How MySQL, .NET and Go write that there was no such moment."""
START_OF_ACCOUNTS = datetime(1970, 1, 2, tzinfo=UTC)
"""What lies before is the beginning of some system's time, which says that there was no such moment either."""
END_OF_TIME = "infinity"
"""PostgreSQL's."""
MIN_EPOCH_SECONDS = 10**8
"""A smaller number is no moment of an account."""
MIN_EPOCH_MILLISECONDS, MIN_EPOCH_MICROSECONDS = 10**11, 10**14
"""Above them, a number is milliseconds or microseconds since 1970: as less it would lie beyond the year 5000."""
MAX_SHOWN_CHARACTERS = 40


class AccountState(Enum):
    """What a status says of an account."""

    ACTIVE = "active"
    DISABLED = "disabled"
    UNCONFIRMED = "unconfirmed"
    DELETED = "deleted"


STATUS_WORDS: Mapping[AccountState, frozenset[str]] = {
    AccountState.ACTIVE: frozenset({
        "active", "enabled", "confirmed", "verified", "ok", "normal", "approved", "registered",
        "recovery", "passwordexpired", "resetrequired", "externalprovider",  # Okta, Cognito: a password is due
        "aktiv", "freigeschaltet", "actif", "activé", "confirmé", "vérifié", "activo", "activado", "confirmado",
        "verificado",
    }),
    AccountState.DISABLED: frozenset({
        "inactive", "disabled", "deactivated", "blocked", "banned", "suspended", "locked", "lockedout", "archived",
        "closed", "expired", "frozen", "rejected", "terminated", "revoked", "compromised",
        "deprovisioned",  # Okta
        "inaktiv", "gesperrt", "deaktiviert", "archiviert", "inactif", "désactivé", "bloqué", "suspendu",
        "verrouillé", "inactivo", "desactivado", "bloqueado", "suspendido",
    }),
    AccountState.UNCONFIRMED: frozenset({
        "unconfirmed", "unverified", "pending", "invited", "new", "staged", "provisioned", "forcechangepassword",
        "pendingverification", "pendingactivation", "awaitingactivation", "notactivated", "ausstehend", "eingeladen",
        "unbestätigt", "enattente", "nonconfirmé", "nonvérifié", "pendiente", "noconfirmado", "noverificado",
    }),
    AccountState.DELETED: frozenset({
        "deleted", "removed", "purged", "trashed", "gelöscht", "supprimé", "eliminado", "borrado",
    }),
}  # fmt: skip
"""What systems call the states of an account, in the normal form of names."""
STATE_OF_WORD = {word: state for state, words in STATUS_WORDS.items() for word in words}


class FlagWords(NamedTuple):
    """Words that say yes or no in columns of one meaning only: "pending" says no to the question "confirmed"."""

    yes: frozenset[str]
    no: frozenset[str]


PLAIN_WORDS = FlagWords(frozenset(), frozenset())
CONFIRMED_WORDS = FlagWords(
    frozenset({"verified", "confirmed", "bestätigt", "confirmé", "vérifié", "confirmado", "verificado"}),
    frozenset({
        "unverified", "unconfirmed", "pending", "never", "not verified", "unbestätigt", "ausstehend", "nie",
        "en attente", "jamais", "non confirmé", "non vérifié", "pendiente", "nunca", "no confirmado", "no verificado",
    }),
)  # fmt: skip
ACTIVE_WORDS = FlagWords(
    frozenset({"active", "enabled", "aktiv", "actif", "activé", "activo", "activado"}),
    frozenset({
        "inactive", "disabled", "inaktiv", "deaktiviert", "inactif", "désactivé", "inactivo", "desactivado",
    }),
)  # fmt: skip


class UnknownWord(ValueError):
    """Raised for a value that says nothing that is known here. The text asks what it is."""

    def __init__(self, column: str, value: Any) -> None:
        super().__init__(f"{column}: what is {make_one_line(str(value))[:MAX_SHOWN_CHARACTERS]}?")


def read_flag(column: str, value: Any, words: FlagWords = PLAIN_WORDS) -> bool:
    """Return whether a value says yes. A moment does; nothing does not, nor does the beginning of time.

    :param column: what the file calls it.
    :raises UnknownWord: it says neither.
    """
    word = _clean_word(value)
    if word in YES_VALUES or word in words.yes:
        return True
    if word in NO_VALUES or word in words.no or is_null(word):
        return False
    found = find_moment(value)
    if found is None:
        raise UnknownWord(column, value)
    return found > START_OF_ACCOUNTS


def read_past_flag(column: str, value: Any, moment: datetime, words: FlagWords = PLAIN_WORDS) -> bool:
    """Return whether a value says yes, or since a moment that has come.

    :raises UnknownWord: it says neither yes nor no, or names a moment to come.
    """
    found = find_moment(value)
    if found is not None and found > moment:
        raise UnknownWord(column, value)
    return read_flag(column, value, words)


def read_until(column: str, value: Any, moment: datetime) -> bool:
    """Return whether a value says yes, or until a moment that has not come.

    :raises UnknownWord: it says neither yes nor no, nor a moment.
    """
    if _clean_word(value) == END_OF_TIME:
        return True
    found = find_moment(value)
    return found > moment if found is not None else read_flag(column, value)


def read_status(column: str, value: Any) -> AccountState:
    """Return what a word says of an account; nothing says nothing against it.

    :raises UnknownWord: it is no word that is known here.
    """
    word = _clean_word(value)
    if is_null(word):
        return AccountState.ACTIVE
    state = STATE_OF_WORD.get(re.sub(r"[\W_]+", "", word))
    if state is None:
        raise UnknownWord(column, value)
    return state


def is_null(word: str) -> bool:
    """Return whether a word in small letters is one of those for nothing, or the beginning of time."""
    return word in NULL_WORDS or ZERO_DATE.fullmatch(word) is not None


def find_moment(value: Any) -> datetime | None:
    """Return a moment: ISO 8601, LDAP's (RFC 4517 3.3.13), or a number since 1970; None for anything else."""
    if isinstance(value, bool):
        return None
    word = _clean_word(value)
    if is_null(word):
        return None
    try:
        if re.fullmatch(r"\d{9,16}(?:\.\d+)?", word):
            return _from_number(float(word))
        if match := re.fullmatch(r"((?:19|20|99)\d{6})(\d{4}(?:\d{2})?)(?:[.,]\d+)?z", word):
            found = datetime.fromisoformat(f"{match[1]}T{match[2].ljust(6, '0')}")
        else:
            found = datetime.fromisoformat(word.removesuffix(" utc").upper())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_number(number: float) -> datetime | None:
    if number < MIN_EPOCH_SECONDS:
        return None
    divisor = 10**6 if number > MIN_EPOCH_MICROSECONDS else 1000 if number > MIN_EPOCH_MILLISECONDS else 1
    return datetime.fromtimestamp(number / divisor, UTC)


def _clean_word(value: Any) -> str:
    return "" if value is None else str(value).strip().casefold()
