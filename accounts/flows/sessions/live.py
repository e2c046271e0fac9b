"""Decide in SQL whether a browser session is live: the one condition that every query about sessions uses."""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, and_, exists, literal_column
from sqlalchemy.orm import QueryableAttribute

from accounts.core.models.account import Account
from accounts.core.models.counters import Spent

SPENT_ID_PREFIX = "session:"
# Part of the statement, not a parameter: it is asked with nearly every request.
_PREFIX = literal_column(f"'{SPENT_ID_PREFIX}'", String)


def session_is_live(
    epoch: ColumnElement[int] | QueryableAttribute[int], session_id: ColumnElement[str]
) -> ColumnElement[bool]:
    """Return the condition that a session of the selected :class:`Account` is live; its age is not looked at.

    :param epoch: the ``auth_epoch`` that the session was created in.
    :param session_id: the session's id.
    """
    return and_(account_allows_epoch(epoch), ~session_is_ended(session_id))


def account_allows_epoch(epoch: ColumnElement[int] | QueryableAttribute[int]) -> ColumnElement[bool]:
    """Return the condition that the selected account is active and its sessions of an epoch were not all ended."""
    return and_(Account.active, Account.auth_epoch == epoch)


def session_is_ended(session_id: ColumnElement[str] | QueryableAttribute[str]) -> ColumnElement[bool]:
    """Return the condition that one session was ended: by signing out, or from the list of sessions."""
    return exists().where(Spent.id == _PREFIX + session_id)


def spent_id(session_id: str) -> str:
    """Return the id that is spent when a session ends."""
    return f"{SPENT_ID_PREFIX}{session_id}"
