"""Declare the columns of tables about invitations, batches and rows of lists."""

from __future__ import annotations

from collections.abc import Callable

from accounts.cli.output import Columns
from accounts.flows.invites.search import INVITE_STATES
from accounts.web.answers.invites import BatchOut, BatchRowOut, ListedInviteOut


def _count_invites(state: str) -> Callable[[BatchOut], object]:
    """Return a column with the number of invitations of a batch in one state."""
    return lambda row: row.invites.get(state, 0)


INVITE_COLUMNS: Columns[ListedInviteOut] = {
    "id": lambda row: row.id,
    "state": lambda row: row.state,
    "until": lambda row: row.expires_at,
    "address": lambda row: row.email,
    "groups": lambda row: row.groups,
}
BATCH_COLUMNS: Columns[BatchOut] = {
    "id": lambda row: row.id,
    "left": lambda row: row.left,
    **{state: _count_invites(state) for state in INVITE_STATES},
    "name": lambda row: row.name,
}
BATCH_ROW_COLUMNS: Columns[BatchRowOut] = {
    "line": lambda row: row.line,
    "verdict": lambda row: row.verdict,
    "address": lambda row: row.email,
    "adds": lambda row: row.adds,
    "reason": lambda row: row.detail,
}
