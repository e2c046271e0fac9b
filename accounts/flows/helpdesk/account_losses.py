"""Count what an account would lose: said before an admin takes it away."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.core.uow import UnitOfWork
from accounts.flows.oidc import connected_apps
from accounts.flows.sessions import session_list
from accounts.flows.shared.credentials import count_credentials


@dataclass(frozen=True, slots=True)
class AccountLosses:
    """What ends with an account.

    :ivar sessions: browsers in which it is signed in.
    :ivar apps: apps that it has agreed to or is signed in to.
    :ivar invites: open invitations that it has sent.
    """

    sessions: int
    apps: int
    invites: int


def count_account_losses(uow: UnitOfWork, account_id: str) -> AccountLosses:
    """Return what an account has at this moment."""
    return AccountLosses(
        sessions=len(session_list.list_sessions(uow, account_id)),
        apps=len(connected_apps.list_connected_apps(uow, account_id)),
        invites=count_credentials(uow, account_id)["invites"],
    )
