"""What admins do: invite people, and look after the invitations that are out."""

from __future__ import annotations

from typing import Any

from accounts.core.models import ADMINS, SentInvite
from accounts.flows import invitations
from accounts.web.bound import uow
from accounts.web.doors import JSON, Room, page_url
from accounts.web.reply import Reply

room: Room = Room()


def _shown(row: SentInvite) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "groups": row.groups,
        "locale": row.locale,
        "state": row.state,
        "sent": row.sent,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }


def _listed() -> dict[str, Any]:
    return {"invites": [_shown(row) for row in invitations.listing(uow())]}


@room.get("/admin/invites", needs=ADMINS, speaks=JSON)
def list_invites() -> Reply:
    """Invitations, newest first."""
    return Reply(says=_listed())


@room.post(
    "/admin/invites", needs=ADMINS, asks=invitations.Invite, page="admin/invites.html", fill=_listed, statuses=(202,)
)
def send_invite(said: invitations.Invite) -> Reply:
    """Invite one address, with groups if wanted."""
    return _answer(invitations.send(uow(), said), 202)


@room.post("/admin/invites/<invite_id>/resend", needs=ADMINS, statuses=(202,))
def resend_invite(invite_id: str) -> Reply:
    """Mail an open invitation once more; links that are out stay alive."""
    return _answer(invitations.resend(uow(), invite_id), 202)


@room.post("/admin/invites/<invite_id>/revoke", needs=ADMINS)
def revoke_invite(invite_id: str) -> Reply:
    """Take an invitation back; every link of it is dead."""
    return _answer(invitations.revoke(uow(), invite_id), 200)


def _answer(row: SentInvite, status: int) -> Reply:
    return Reply(says=_shown(row), status=status, then=page_url("send_invite_form"))
