"""Find rows by the beginning of any word in their texts, at the cost of a page whatever the size of the table.

Each row has some terms: its texts from each beginning of a word on. What is typed is the beginning of a term, so that
an index answers, the same on every database. (An index of trigrams answers "anywhere", but gives all that matches
before the first page of it; SQLite's also keeps what was deleted.) Nothing that changes a row has to think of it:
whoever searches, and each sweep, first makes the terms of rows that are marked as having none.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, exists, insert, select, text, update
from sqlalchemy.orm import aliased

from accounts.core.database.sweep import PAUSE_SECONDS, ROWS_PER_PORTION, select_portion
from accounts.core.models.account import Account
from accounts.core.models.invites import SentInvite
from accounts.core.models.terms import TERM_CHARACTERS, AccountTerm, InviteTerm

SEPARATORS = "@.-"
"""Characters with which no term begins; in front of what is typed they are left out."""
LAST_CHARACTER = "\U0010ffff"
# As the index spells it: SQLite takes a partial index for the very same condition only.
_UNSEARCHABLE: Any = text("NOT searchable")


@dataclass(frozen=True, slots=True)
class TermIndex:
    """The terms of one table.

    :ivar term: the class of a term, with its column ``term``.
    :ivar row: the class of a row, with its column ``searchable``: whether its terms are those of its texts.
    :ivar key: the column of a row by which terms name it, and ``reference`` the column of a term that does.
    :ivar texts: the columns of the texts that are searched.
    """

    term: Any
    row: Any
    key: Any
    reference: Any
    texts: tuple[Any, ...]

    def matches(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a term begins with a word."""
        return _begins_with(self.term.term, word)

    def is_found_by(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a row has a term that begins with a word."""
        return exists().where(self.reference == self.key, self.matches(word)).correlate(self.row)

    def is_first_match(self, word: str) -> ColumnElement[bool]:
        """Return the condition that a term is the first of its row's that begin with a word."""
        earlier: Any = aliased(self.term)
        same_row = getattr(earlier, self.reference.key) == self.reference
        return ~exists().where(same_row, _begins_with(earlier.term, word), earlier.term < self.term.term)


ACCOUNT_TERMS = TermIndex(
    AccountTerm, Account, Account.email_key, AccountTerm.email_key, (Account.email_key, Account.name)
)
INVITE_TERMS = TermIndex(InviteTerm, SentInvite, SentInvite.id, InviteTerm.invite_id, (SentInvite.search,))


def parse_words(text: str) -> list[str]:
    """Return the words that somebody looks for, the longest first: it is likely to be the rarest."""
    words = {word.lstrip(SEPARATORS)[:TERM_CHARACTERS] for word in _fold(text).split()}
    return sorted(words - {""}, key=lambda word: (-len(word), word))


def make_terms(texts: Sequence[str]) -> list[str]:
    """Return the terms of a row: each text from each beginning of a word on. What begins another term is left out."""
    words = [*_fold(" ".join(texts)).split()]
    # A domain as its readers write it: what is typed as such is no ASCII.
    words += [decoded for word in words if (decoded := _decode_domain(word)) != word]
    terms = sorted({word[start:][:TERM_CHARACTERS] for word in words for start in _word_starts(word)})
    return [term for term, following in pairwise([*terms, ""]) if not following.startswith(term)]


def update_all_terms(engine: Engine) -> None:
    """Make the terms of all rows that are marked as having none."""
    for index in (ACCOUNT_TERMS, INVITE_TERMS):
        while update_terms(engine, index) >= ROWS_PER_PORTION:
            time.sleep(PAUSE_SECONDS)


def update_terms(engine: Engine, index: TermIndex) -> int:
    """Make the terms of a portion of the rows that are marked as having none, and return how many rows it had."""
    with engine.connect() as connection:
        # Looked at first without a lock: it is the rule that there are none.
        if connection.execute(select(index.row.id).where(_UNSEARCHABLE).limit(1)).first() is None:
            return 0
    with engine.begin() as connection:
        # Marked first: whoever changes one of them meanwhile waits, and marks it again.
        pending = select_portion(index.row.id, _UNSEARCHABLE)
        mark = update(index.row).where(index.row.id.in_(pending)).values(searchable=True)
        rows = connection.execute(mark.returning(index.key, *index.texts)).all()
        _replace_terms(connection, index, rows)
    return len(rows)


def _replace_terms(connection: Connection, index: TermIndex, rows: Sequence[Any]) -> None:
    reference = index.reference.name
    connection.execute(delete(index.term).where(index.reference.in_([row[0] for row in rows])))
    terms = [{"term": term, reference: key} for key, *texts in rows for term in make_terms(texts)]
    if terms:
        connection.execute(insert(index.term.__table__), terms)


def _begins_with(column: Any, word: str) -> ColumnElement[bool]:
    return and_(column >= word, column < word + LAST_CHARACTER)


def _fold(text: str) -> str:
    # By Python on both sides: databases disagree about what a small letter is.
    return unicodedata.normalize("NFKC", text).casefold()


def _decode_domain(word: str) -> str:
    local, at, domain = word.rpartition("@")
    try:
        return local + at + domain.encode("ascii").decode("idna") if "xn--" in domain else word
    except UnicodeError:
        return word


def _word_starts(word: str) -> list[int]:
    # A top-level domain alone finds half of all: a quarter of the index, and nobody's search.
    top_level = word.rfind(".", word.rfind("@")) if "@" in word else -1
    return [
        place
        for place, character in enumerate(word if top_level < 0 else word[:top_level])
        if character not in SEPARATORS and not (place and character.isalnum() and word[place - 1].isalnum())
    ]
